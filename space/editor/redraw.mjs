// Redrawing a part by its outline: inside becomes the class, what sticks out goes to its neighbours. No DOM.
import { connected } from './regions.mjs';
import { polygonPixels } from './shapes.mjs';

/**
 * Give a part the outline that was drawn: the pixels inside become `value`, and the rest of the
 * old part that the outline touches becomes the nearest other class. A rest of more than twice the
 * drawing stays: a small outline on a large part adds to it.
 * @param {number[][]} points the outline, closed
 */
export function redraw(map, points, value) {
  const inside = polygonPixels(map, points);
  const rest = restOf(map, inside, value);
  map.paint(inside, value);
  if (rest.length && rest.length <= 2 * inside.size) giveAway(map, rest);
}

// Pixels outside the outline that hang together with old pixels of the class inside it.
function restOf(map, inside, value) {
  const seen = new Set();
  const rest = [];
  for (const i of inside) {
    if (map.data[i] !== value || seen.has(i)) continue;
    for (const j of connected(map, i, (k) => map.data[k])) {
      seen.add(j);
      if (!inside.has(j)) rest.push(j);
    }
  }
  return rest;
}

// Grow the classes around a piece into it, a pixel at a time from all sides.
function giveAway(map, rest) {
  const { width, height, data } = map;
  const left = new Set(rest);
  const from = data[rest[0]];
  let front = rest;
  while (left.size) {
    const next = [];
    for (const i of front) {
      const x = i % width;
      const around = [i - width, i + width, x > 0 ? i - 1 : -1, x < width - 1 ? i + 1 : -1];
      const heir = around.find((j) => j >= 0 && j < width * height && data[j] !== from && !left.has(j));
      if (heir !== undefined) next.push([i, data[heir]]);
    }
    if (!next.length) return;
    for (const [i, id] of next) {
      map.put(i % width, (i / width) | 0, id);
      left.delete(i);
    }
    front = [...left];
  }
}
