// What undo remembers: square tiles of the map, run-length coded so 200 steps stay small. No DOM.

/** Side of a tile in pixels; a coded run's end must fit 16 bits. */
export const TILE = 64;

/** The rectangle [x, y, w, h] of a tile, clipped to a map of `width` x `height`. */
export function tileRect(tile, { width, height, tilesAcross }) {
  const x = (tile % tilesAcross) * TILE;
  const y = Math.floor(tile / tilesAcross) * TILE;
  return [x, y, Math.min(TILE, width - x), Math.min(TILE, height - y)];
}

/** Code bytes as runs: the value of each and where it ends. */
export function encodeRuns(bytes) {
  const values = [];
  const ends = [];
  for (let i = 1; i <= bytes.length; i++) {
    if (i === bytes.length || bytes[i] !== bytes[i - 1]) {
      values.push(bytes[i - 1]);
      ends.push(i);
    }
  }
  return { values: Uint8Array.from(values), ends: Uint16Array.from(ends) };
}

/** The inverse of `encodeRuns`. */
export function decodeRuns({ values, ends }) {
  const bytes = new Uint8Array(ends.length ? ends[ends.length - 1] : 0);
  let start = 0;
  values.forEach((value, k) => {
    bytes.fill(value, start, ends[k]);
    start = ends[k];
  });
  return bytes;
}

/** Are two byte arrays of one length equal? */
export function sameBytes(a, b) {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The last steps that together hold at most `limit` tiles. */
export function recent(steps, limit) {
  let first = steps.length;
  let tiles = 0;
  while (first && (tiles += steps[first - 1].tiles.length) <= limit) first--;
  return steps.slice(first);
}
