// Which pixels belong together: connected regions of equal key, all components, borders. No DOM.

/** A list of pixel indices that grows: four bytes each, where an array takes up to 16 and a Set 40. */
export class Indices {
  constructor() {
    this.size = 0;
    this.found = new Int32Array(256);
  }

  push(i) {
    if (this.size === this.found.length) {
      const bigger = new Int32Array(this.size * 2);
      bigger.set(this.found);
      this.found = bigger;
    }
    this.found[this.size++] = i;
  }

  pop() {
    return this.found[--this.size];
  }

  at(k) {
    return this.found[k];
  }

  /** The list as an Int32Array of its own. */
  taken() {
    return this.found.slice(0, this.size);
  }
}

/** Write the pixels that share a side with one into `four`; returns how many of them the map has. */
export function beside({ width, height }, i, four) {
  const x = i % width;
  let count = 0;
  if (x > 0) four[count++] = i - 1;
  if (x < width - 1) four[count++] = i + 1;
  if (i >= width) four[count++] = i - width;
  if (i < width * (height - 1)) four[count++] = i + width;
  return count;
}

/**
 * The 4-connected region of equal `key` around a seed.
 * @param {{width: number, height: number}} size of the map
 * @param {number} seed pixel index
 * @param {(i: number) => number} key
 * @returns {Int32Array} pixel indices
 */
export function connected({ width, height }, seed, key) {
  const seen = new Uint8Array(width * height);
  return grow({ width, height }, seed, { key, seen });
}

/** The same as runs, see `growRuns`. */
export function connectedRuns(size, seed, key) {
  const wanted = key(seed);
  const seeds = new Indices();
  seeds.push(seed);
  const seen = new Uint8Array(size.width * size.height);
  return growRuns(size, seeds, { belongs: (i) => key(i) === wanted, seen });
}

/** As `connected`, but marks what it visits in `seen`, so that many calls share one pass. */
export function grow({ width, height }, seed, { key, seen }) {
  const wanted = key(seed);
  const lastRow = width * (height - 1);
  const found = new Indices();
  const visit = (i) => {
    if (seen[i] || key(i) !== wanted) return;
    seen[i] = 1;
    found.push(i);
  };
  visit(seed);
  for (let next = 0; next < found.size; next++) {
    const i = found.at(next);
    const x = i % width;
    if (x > 0) visit(i - 1);
    if (x < width - 1) visit(i + 1);
    if (i >= width) visit(i - width);
    if (i < lastRow) visit(i + width);
  }
  return found.taken();
}

/**
 * Regions around seeds as runs of a row, flat pairs of the first and the last pixel index: for large
 * ones, because reading a large map row by row is many times as fast as in rings.
 * @param {Indices} seeds pixels that belong
 * @param {{belongs: (i: number) => boolean, seen: Uint8Array}} look what is seen is not taken again
 * @returns {Indices}
 */
export function growRuns({ width, height }, seeds, { belongs, seen }) {
  const runs = new Indices();
  const open = (i, end) => {
    for (let j = i; j <= end; j++) {
      if (seen[j] || !belongs(j)) continue;
      seeds.push(j);
      while (j < end && !seen[j + 1] && belongs(j + 1)) j++;
    }
  };
  while (seeds.size) {
    const seed = seeds.pop();
    if (seen[seed]) continue;
    const start = seed - (seed % width);
    let [first, last] = [seed, seed];
    while (first > start && !seen[first - 1] && belongs(first - 1)) first--;
    while (last < start + width - 1 && !seen[last + 1] && belongs(last + 1)) last++;
    seen.fill(1, first, last + 1);
    runs.push(first);
    runs.push(last);
    if (start > 0) open(first - width, last - width);
    if (start < width * (height - 1)) open(first + width, last + width);
  }
  return runs;
}

/** Every component of equal key, skipping pixels whose key is negative. */
export function components(size, key) {
  return [...searchComponents(size, key)].filter(Boolean);
}

// Pixels looked at before a search rests.
const REST = 1 << 16;

/** The same one by one, with a null in between whenever a part of the map has been looked at. */
export function* searchComponents({ width, height }, key) {
  const seen = new Uint8Array(width * height);
  for (let i = 0; i < seen.length; i++) {
    if (i % REST === 0) yield null;
    if (!seen[i] && key(i) >= 0) yield grow({ width, height }, i, { key, seen });
  }
}

/** Components under `limit` pixels: a search from a seed ends as soon as it has found so many. */
export class Pieces {
  constructor({ width, height }, limit) {
    Object.assign(this, { width, height, limit });
    // Which search found the pixel.
    this.owner = new Int32Array(width * height);
    this.number = 0;
    this.forget();
  }

  /** Forget what was found: the next search uses another `belongs`. */
  forget() {
    this.first = this.number + 1;
  }

  /**
   * The whole component around a seed, or null when it is too large or was found before.
   * @param {(i: number) => boolean} belongs is a pixel beside the component of it?
   */
  around(seed, belongs) {
    const { width, height, owner, first } = this;
    if (owner[seed] >= first) return null;
    const number = ++this.number;
    const found = new Indices();
    // False: an earlier search has been here and has given up, so there is more than the limit.
    const visit = (i) => {
      if (owner[i] === number || !belongs(i)) return true;
      if (owner[i] >= first) return false;
      owner[i] = number;
      found.push(i);
      return true;
    };
    visit(seed);
    for (let next = 0; next < found.size; next++) {
      const i = found.at(next);
      const x = i % width;
      const isAlone = (x === 0 || visit(i - 1)) && (x === width - 1 || visit(i + 1))
        && (i < width || visit(i - width)) && (i >= width * (height - 1) || visit(i + width));
      if (!isAlone || found.size >= this.limit) return null;
    }
    return found.taken();
  }
}

/** Bounding rectangle [x, y, w, h] of pixel indices. */
export function bounds(indices, width) {
  let [left, top, right, bottom] = [Infinity, Infinity, -1, -1];
  for (const i of indices) {
    const x = i % width;
    const y = (i / width) | 0;
    if (x < left) left = x;
    if (x > right) right = x;
    if (y < top) top = y;
    if (y > bottom) bottom = y;
  }
  return [left, top, right - left + 1, bottom - top + 1];
}

/**
 * How often each id touches a component from outside; `atEdge` when it meets the map's border.
 * @param {Int32Array} indices a whole component of one id: its neighbors of that id are its own
 */
export function surroundings(indices, { data, width, height }) {
  const own = data[indices[0]];
  const touching = new Map();
  let atEdge = false;
  const meet = (i) => {
    if (data[i] !== own) touching.set(data[i], (touching.get(data[i]) || 0) + 1);
  };
  for (const i of indices) {
    const x = i % width;
    const y = (i / width) | 0;
    atEdge ||= x === 0 || y === 0 || x === width - 1 || y === height - 1;
    if (x > 0) meet(i - 1);
    if (x < width - 1) meet(i + 1);
    if (y > 0) meet(i - width);
    if (y < height - 1) meet(i + width);
  }
  return { touching, atEdge };
}

/** The key with the largest count; the smallest key wins a tie. */
export function commonest(counts) {
  let best = -1;
  for (const [id, count] of counts) {
    const most = best < 0 ? -1 : counts.get(best);
    if (count > most || (count === most && id < best)) best = id;
  }
  return best;
}
