// Which pixels belong together: connected regions of equal key, all components, borders. No DOM.

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

/** As `connected`, but marks what it visits in `seen`, so that many calls share one pass. */
export function grow({ width, height }, seed, { key, seen }) {
  const wanted = key(seed);
  let found = new Int32Array(256);
  let size = 0;
  const visit = (i) => {
    if (seen[i] || key(i) !== wanted) return;
    seen[i] = 1;
    if (size === found.length) {
      const bigger = new Int32Array(size * 2);
      bigger.set(found);
      found = bigger;
    }
    found[size++] = i;
  };
  visit(seed);
  for (let next = 0; next < size; next++) {
    const i = found[next];
    const x = i % width;
    if (x > 0) visit(i - 1);
    if (x < width - 1) visit(i + 1);
    if (i >= width) visit(i - width);
    if (i < width * (height - 1)) visit(i + width);
  }
  return found.slice(0, size);
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

/** How often each id touches a component from outside; `atEdge` when it meets the map's border. */
export function surroundings(indices, { data, width, height }) {
  const own = new Set(indices);
  const touching = new Map();
  let atEdge = false;
  const meet = (i) => {
    if (!own.has(i)) touching.set(data[i], (touching.get(data[i]) || 0) + 1);
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
