// Clean-up of a whole map: islands, holes, smooth contours, left and right. No DOM.
// Each returns {indices, values} and changes nothing, so that it can be previewed.
import { Indices, Pieces, commonest, surroundings } from './regions.mjs';

class Changes {
  constructor() {
    this.indices = new Indices();
    this.values = new Indices();
  }

  add(i, id) {
    this.indices.push(i);
    this.values.push(id);
  }

  get outcome() {
    return { indices: this.indices.taken(), values: new Uint8Array(this.values.taken()) };
  }
}

/** Paint the outcome of a clean-up inside an open step. */
export function apply(map, { indices, values }) {
  for (let k = 0; k < indices.length; k++) {
    map.put(indices[k] % map.width, (indices[k] / map.width) | 0, values[k]);
  }
}

/** Pixel indices at which two label maps of one size differ. */
export function differing(before, after) {
  const found = new Indices();
  for (let i = 0; i < before.length; i++) if (before[i] !== after[i]) found.push(i);
  return found.taken();
}

/** Components under `limit` pixels become the class that touches them most; `id` null takes all. */
export function removeIslands(map, { id = null, limit }) {
  const { data, width } = map;
  const pieces = new Pieces(map, limit);
  const changes = new Changes();
  for (let i = 0; i < data.length; i++) {
    const own = data[i];
    // An island's first pixel, row by row, has none of its own to the left or above.
    if ((id !== null && own !== id) || (i >= width && data[i - width] === own)
      || (i % width > 0 && data[i - 1] === own)) continue;
    const indices = pieces.around(i, (j) => data[j] === own);
    const heir = indices ? commonest(surroundings(indices, map).touching) : -1;
    if (heir >= 0) for (const j of indices) changes.add(j, heir);
  }
  return changes.outcome;
}

/** Whatever each class of `ids` encloses completely, in pieces under `limit` pixels, becomes it. */
export function fillHoles(map, { ids, limit }) {
  const { data } = map;
  const corners = cornersOf(map);
  const pieces = new Pieces(map, limit);
  const changes = new Changes();
  for (const id of ids) {
    pieces.forget();
    for (const seed of corners[id]?.taken() || []) {
      const indices = pieces.around(seed, (j) => data[j] !== id);
      if (!indices || meetsEdge(indices, map)) continue;
      for (const i of indices) changes.add(i, id);
    }
  }
  return changes.outcome;
}

// By class: pixels with the class both to the left and above, as at every hole's first pixel.
function cornersOf({ data, width, height }) {
  const corners = [];
  for (let y = 1; y < height; y++) {
    for (let i = y * width + 1; i < (y + 1) * width; i++) {
      const id = data[i - 1];
      if (id === data[i] || id !== data[i - width]) continue;
      corners[id] ||= new Indices();
      corners[id].push(i);
    }
  }
  return corners;
}

function meetsEdge(indices, { width, height }) {
  return indices.some((i) => {
    const x = i % width;
    return x === 0 || x === width - 1 || i < width || i >= width * (height - 1);
  });
}

/**
 * Round off the contours of the classes `ids`: a pixel joins or leaves one by the majority within
 * `radius`, and what leaves goes to the commonest other class there.
 */
export function smoothContours(map, { ids, radius }) {
  const { width, data } = map;
  const wanted = new Uint8Array(256);
  for (const id of ids) wanted[id] = 1;
  const square = new Square(map, radius);
  const changes = new Changes();
  eachNearBorder(map, { wanted, radius }, (x, y) => {
    square.moveTo(x, y);
    const i = y * width + x;
    const own = data[i];
    if (square.isMajority(own)) return;
    const heir = square.commonestBut(own);
    if (wanted[own] || (wanted[heir] && square.isMajority(heir))) changes.add(i, heir);
  });
  return changes.outcome;
}

// Visit, row by row, what is within `radius` of a border of the wanted classes; nothing else can change.
function eachNearBorder(map, { wanted, radius }, visit) {
  const { width, height } = map;
  const borders = bordersOf(map, wanted);
  // How many border pixels each column has within `radius` of the row.
  const near = new Int32Array(width);
  const count = (row, by) => {
    if (row < 0 || row >= height) return;
    for (let x = 0, i = row * width; x < width; x++, i++) near[x] += by * borders[i];
  };
  for (let row = 0; row < radius; row++) count(row, 1);
  for (let y = 0; y < height; y++) {
    count(y + radius, 1);
    count(y - radius - 1, -1);
    let next = 0;
    for (let column = 0; column < width; column++) {
      if (!near[column]) continue;
      const end = Math.min(width, column + radius + 1);
      for (next = Math.max(next, column - radius); next < end; next++) visit(next, y);
    }
  }
}

// Pixels whose right or lower neighbor is of another class, one of the two being wanted.
function bordersOf({ width, height, data }, wanted) {
  const borders = new Uint8Array(width * height);
  const parts = (i, j) => data[i] !== data[j] && (wanted[data[i]] || wanted[data[j]]);
  for (let y = 0; y < height; y++) {
    for (let x = 0, i = y * width; x < width; x++, i++) {
      if ((x < width - 1 && parts(i, i + 1)) || (y < height - 1 && parts(i, i + width))) borders[i] = 1;
    }
  }
  return borders;
}

/** How many pixels of each class lie in a square that moves over the map, clipped to it. */
class Square {
  constructor({ width, height, data }, radius) {
    Object.assign(this, { width, height, data, radius });
    this.counts = new Int32Array(256);
    this.x = this.y = -2;
  }

  /** A step to the right counts two columns; any other move counts all. */
  moveTo(x, y) {
    const { radius, width, height } = this;
    const isStep = y === this.y && x === this.x + 1;
    this.x = x;
    this.y = y;
    this.top = Math.max(0, y - radius);
    this.bottom = Math.min(height, y + radius + 1);
    this.area = (this.bottom - this.top) * (Math.min(width, x + radius + 1) - Math.max(0, x - radius));
    if (isStep) this.count(x - radius - 1, -1);
    else this.counts.fill(0);
    for (let column = isStep ? x + radius : x - radius; column <= x + radius; column++) this.count(column, 1);
  }

  count(column, by) {
    const { data, counts, width } = this;
    if (column < 0 || column >= width) return;
    const end = this.bottom * width;
    for (let i = this.top * width + column; i < end; i += width) counts[data[i]] += by;
  }

  isMajority(id) {
    return 2 * this.counts[id] > this.area;
  }

  /** The commonest class besides `own`; the smallest id wins a tie. */
  commonestBut(own) {
    const { counts } = this;
    let best = -1;
    let most = 0;
    for (let id = 0; id < 256; id++) {
      if (counts[id] > most && id !== own) {
        best = id;
        most = counts[id];
      }
    }
    return best;
  }
}

/** Exchange two classes, such as a left and a right ear. */
export function swapSides({ data }, { pair: [a, b] }) {
  const changes = new Changes();
  for (let i = 0; i < data.length; i++) {
    if (data[i] === a) changes.add(i, b);
    else if (data[i] === b) changes.add(i, a);
  }
  return changes.outcome;
}
