// Moving borders to a line that is drawn: what the line cuts off goes to the class behind it. No DOM.
import { Indices, bounds, commonest } from './regions.mjs';

const AROUND = [[-1, 0], [1, 0], [0, -1], [0, 1]];
// Room around the line, pixels, besides its own extent: what reaches out of it is not cut off.
const ROOM = 16;
// Pixels that a line of any length may cut off.
const SMALL = 400;

/**
 * Cut along an open or closed line. Of each part that the line divides the largest piece stays; the
 * others become the class that they touch most on their far side, so one line along the right
 * border takes away what sticks out and adds what is missing, whatever the classes are.
 * @param {number[][]} points the line, in pixels
 * @param {{reach?: number}} options how far, in pixels, an end may be from the nearest border and
 *     is still led to it
 * @returns {Int32Array} pixel indices that were cut off
 */
export function reshape(map, points, { reach = 6 } = {}) {
  const line = linePixels(map, withEnds(map, points, reach));
  if (!line.length) return new Int32Array(0);
  const cut = new Cut(map, line);
  const found = new Indices();
  const heirs = new Indices();
  // All is decided before anything is painted: pieces on both sides of the line may move at once.
  for (const piece of cut.loosePieces()) {
    const to = cut.behind(piece);
    if (to < 0 || to === piece.from) continue;
    // The line is drawn on the smaller of two parts, as an eye is drawn on skin.
    if (map.areas[to] < map.areas[piece.from]) cut.addLine(piece);
    for (let n = 0; n < piece.pixels.size; n++) {
      found.push(cut.global(piece.pixels.at(n)));
      heirs.push(to);
    }
  }
  for (let n = 0; n < found.size; n++) {
    const i = found.at(n);
    map.put(i % map.width, (i / map.width) | 0, heirs.at(n));
  }
  return found.taken();
}

/** Pixel indices of a line in order, without gaps, inside the map. */
export function linePixels({ width, height }, points) {
  const found = [];
  points.forEach(([x1, y1], k) => {
    const [x0, y0] = points[Math.max(0, k - 1)];
    const steps = Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0), 1);
    for (let s = k ? 1 : steps; s <= steps; s++) {
      const x = Math.round(x0 + ((x1 - x0) * s) / steps);
      const y = Math.round(y0 + ((y1 - y0) * s) / steps);
      if (x >= 0 && y >= 0 && x < width && y < height) found.push(y * width + x);
    }
  });
  return found;
}

// Each end is led to the nearest border, unless it touches one.
function withEnds(map, points, reach) {
  const first = nearestBorder(map, points[0], reach);
  const last = nearestBorder(map, points[points.length - 1], reach);
  return [...(first ? [first] : []), ...points, ...(last ? [last] : [])];
}

function nearestBorder({ width, height, data }, [x, y], reach) {
  if (x < 0 || y < 0 || x >= width || y >= height) return null;
  const own = data[y * width + x];
  let [best, least] = [null, reach * reach + 1];
  for (let py = Math.max(0, y - reach); py <= Math.min(height - 1, y + reach); py++) {
    for (let px = Math.max(0, x - reach); px <= Math.min(width - 1, x + reach); px++) {
      const far = (px - x) ** 2 + (py - y) ** 2;
      if (far < least && data[py * width + px] !== own) [best, least] = [[px, py], far];
    }
  }
  return least > 1 ? best : null;
}

const LINE = -1;
const OUTSIDE = -2;

/** The pieces around a line, found in a window around it that has a frame of one pixel. */
class Cut {
  constructor(map, line) {
    const [x, y, w, h] = bounds(line, map.width);
    const room = ROOM + Math.max(w, h);
    this.map = map;
    this.left = Math.max(0, x - room) - 1;
    this.top = Math.max(0, y - room) - 1;
    this.across = Math.min(map.width, x + w + room) - this.left + 1;
    this.down = Math.min(map.height, y + h + room) - this.top + 1;
    this.around = [-1, 1, -this.across, this.across];
    // A line can't cut off more than this: what is larger stays, and is not looked through.
    this.limit = line.length * line.length + SMALL;
    this.copy();
    this.line = line.map((i) => this.local(i));
    for (const k of this.line) this.owner[k] = LINE;
    this.pieces = [null];
    this.group = [0];
    for (const k of this.line) for (const step of this.around) this.visit(k + step);
    this.join();
  }

  copy() {
    const { map, across, down, left, top } = this;
    this.ids = new Uint8Array(across * down);
    // The number of the piece; 0 is not seen yet.
    this.owner = new Int32Array(across * down).fill(OUTSIDE);
    for (let row = 1; row < down - 1; row++) {
      const start = (top + row) * map.width + left + 1;
      this.ids.set(map.data.subarray(start, start + across - 2), row * across + 1);
      this.owner.fill(0, row * across + 1, (row + 1) * across - 1);
    }
  }

  local(i) {
    return (Math.floor(i / this.map.width) - this.top) * this.across + (i % this.map.width) - this.left;
  }

  global(k) {
    return (Math.floor(k / this.across) + this.top) * this.map.width + (k % this.across) + this.left;
  }

  // Does the window end here although the map continues?
  goesOn(k) {
    const x = this.left + (k % this.across);
    const y = this.top + Math.floor(k / this.across);
    return x >= 0 && y >= 0 && x < this.map.width && y < this.map.height;
  }

  visit(seed) {
    if (this.owner[seed] !== 0) return;
    const number = this.pieces.length;
    const piece = { number, from: this.ids[seed], pixels: new Indices(), open: false };
    this.pieces.push(piece);
    this.group.push(number);
    this.owner[seed] = number;
    piece.pixels.push(seed);
    for (let next = 0; next < piece.pixels.size && !piece.open; next++) {
      const k = piece.pixels.at(next);
      for (const step of this.around) this.take(piece, k + step);
      piece.open ||= piece.pixels.size > this.limit;
    }
  }

  take(piece, k) {
    const { ids, owner } = this;
    const { number, from } = piece;
    if (owner[k] === 0 && ids[k] === from) {
      owner[k] = number;
      piece.pixels.push(k);
    } else if (owner[k] > 0 && owner[k] !== number && ids[k] === from) piece.open = true;
    else if (owner[k] === OUTSIDE && this.goesOn(k)) piece.open = true;
  }

  root(number) {
    let one = number;
    while (this.group[one] !== one) one = this.group[one];
    return one;
  }

  // Pieces that the line parted: of one class, beside one run of the line in that class.
  join() {
    const { ids, owner, line } = this;
    let run = 0;
    line.forEach((k, at) => {
      if (!at || ids[line[at - 1]] !== ids[k]) run = 0;
      for (const step of this.around) {
        const number = owner[k + step];
        if (number < 1 || ids[k + step] !== ids[k]) continue;
        if (run) this.group[this.root(number)] = this.root(run);
        run = number;
      }
    });
  }

  /** All but the largest of the pieces that were one; a piece that leaves the window stays. */
  loosePieces() {
    const size = ({ open, pixels }) => (open ? Infinity : pixels.size);
    const largest = new Map();
    for (const piece of this.pieces.slice(1)) {
      const root = this.root(piece.number);
      if (!largest.has(root) || size(piece) > size(largest.get(root))) largest.set(root, piece);
    }
    return this.pieces.slice(1)
      .filter((piece) => !piece.open && largest.get(this.root(piece.number)) !== piece);
  }

  /** The class a piece touches most, besides its own and the line; -1 for none. */
  behind({ pixels, from }) {
    const touching = new Map();
    for (let n = 0; n < pixels.size; n++) {
      const k = pixels.at(n);
      for (const step of this.around) {
        const id = this.ids[k + step];
        if (id === from || this.owner[k + step] < 0) continue;
        touching.set(id, (touching.get(id) || 0) + 1);
      }
    }
    return commonest(touching);
  }

  /** Add the pixels of the line beside the piece, of its class. */
  addLine({ pixels, from }) {
    const { across } = this;
    const beside = new Set();
    const steps = [...this.around, -across - 1, -across + 1, across - 1, across + 1];
    for (let n = 0; n < pixels.size; n++) {
      for (const step of steps) {
        const k = pixels.at(n) + step;
        if (this.owner[k] === LINE && this.ids[k] === from) beside.add(k);
      }
    }
    for (const k of beside) pixels.push(k);
  }
}
