// A simulated annotator's brush: strokes with a perfectly steady hand that never leave the true area.
import { bounds, components } from '../../../space/web/mask_editor/core/regions.mjs';
import { stroke } from '../../../space/web/mask_editor/core/shapes.mjs';

const RADII = [1, 2, 3, 5, 8, 12, 18, 27];
// A disc of `radius` reaches a quarter pixel further; see shapes.mjs.
const REACH = 0.25;

// Discs of one size that an annotator would not place side by side to fill an area.
const PATIENCE = 150;

/** Distance of every pixel to the nearest one outside a class, exact along rows and columns. */
export function clearance(truth, id, { width, height }) {
  const squared = new Float64Array(width * height).fill(Infinity);
  for (let x = 0; x < width; x++) {
    let since = Infinity;
    for (let y = 0; y < height; y++) {
      since = truth[y * width + x] === id ? since + 1 : 0;
      squared[y * width + x] = since * since;
    }
    since = Infinity;
    for (let y = height - 1; y >= 0; y--) {
      since = truth[y * width + x] === id ? since + 1 : 0;
      squared[y * width + x] = Math.min(squared[y * width + x], since * since);
    }
  }
  return rowsOf(squared, { width, height });
}

// Second pass of the exact distance transform (Felzenszwalb and Huttenlocher), by windows: no
// brush is larger than the window, so a larger distance need not be known.
function rowsOf(columns, { width, height }) {
  const window = RADII[RADII.length - 1] + 2;
  const out = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    const row = y * width;
    for (let x = 0; x < width; x++) {
      let best = Math.min(columns[row + x], window * window);
      for (let d = 1; d * d < best; d++) {
        const left = x >= d ? columns[row + x - d] : Infinity;
        const right = x + d < width ? columns[row + x + d] : Infinity;
        best = Math.min(best, Math.min(left, right) + d * d);
      }
      out[row + x] = Math.sqrt(best);
    }
  }
  return out;
}

/**
 * Strokes that put one component of wrong pixels right, for the best brush size.
 * @param {Int32Array} wrong pixel indices of one true class
 * @param {Float32Array} free clearance of that class
 * @param {(length: number) => number} seconds cost of one stroke
 * @returns {{radius, strokes: number[][][], fixed: number[], seconds: number}}
 */
export function plan(wrong, { free, width, seconds }) {
  let best = null;
  const largest = wrong.reduce((most, i) => Math.max(most, free[i]), 0);
  for (const radius of RADII) {
    // A brush this small would take ages; one this large has no room.
    if (best && radius + REACH > 2 * largest) break;
    if (wrong.length > PATIENCE * (2 * radius + 1) ** 2) continue;
    const option = planWith(wrong, { free, width, seconds, radius });
    if (option && (!best || rate(option) > rate(best))) best = option;
  }
  return best || planWith(wrong, { free, width, seconds, radius: 0 });
}

const rate = ({ fixed, seconds }) => fixed.length / seconds;

function planWith(wrong, { free, width, seconds, radius }) {
  const left = new Set(wrong);
  const strokes = [];
  let current = null;
  let at = null;
  while (left.size) {
    const target = nearest(left, at, width);
    const center = centerFor(target, { free, width, radius });
    if (!center) {
      left.delete(target);
      continue;
    }
    if (at && clear(at, center, { free, width, radius }) && near(at, center, radius)) current.push(center);
    else strokes.push(current = [center]);
    at = center;
    for (const i of [...disc(center, radius, width)]) left.delete(i);
  }
  return strokes.length ? { radius, strokes, ...measure(strokes, wrong, { radius, width, seconds }) } : null;
}

// Lifting the brush is worth it beyond this gap.
const near = ([x0, y0], [x1, y1], radius) => Math.hypot(x1 - x0, y1 - y0) <= 4 * radius + 40;

function nearest(left, at, width) {
  if (!at) return left.values().next().value;
  let [best, least] = [-1, Infinity];
  for (const i of left) {
    const far = (i % width - at[0]) ** 2 + (Math.floor(i / width) - at[1]) ** 2;
    if (far < least) [best, least] = [i, far];
  }
  return best;
}

// The roomiest place for the brush from which it still covers the pixel.
function centerFor(pixel, { free, width, radius }) {
  const x = pixel % width;
  const y = Math.floor(pixel / width);
  let [best, room] = [null, radius + REACH];
  for (let dy = -radius; dy <= radius; dy++) {
    for (let dx = -radius; dx <= radius; dx++) {
      if (dx * dx + dy * dy > radius * radius || x + dx < 0 || x + dx >= width) continue;
      const clearanceHere = free[(y + dy) * width + x + dx];
      if (clearanceHere > room) {
        best = [x + dx, y + dy];
        room = clearanceHere;
      }
    }
  }
  return best;
}

// May the brush go straight from one place to the other?
function clear([x0, y0], [x1, y1], { free, width, radius }) {
  const steps = Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0));
  for (let k = 1; k < steps; k++) {
    const x = Math.round(x0 + ((x1 - x0) * k) / steps);
    const y = Math.round(y0 + ((y1 - y0) * k) / steps);
    if (!(free[y * width + x] > radius + REACH)) return false;
  }
  return true;
}

function* disc([cx, cy], radius, width) {
  for (let dy = -radius; dy <= radius; dy++) {
    for (let dx = -radius; dx <= radius; dx++) {
      if (dx * dx + dy * dy <= radius * radius + radius / 2) yield (cy + dy) * width + cx + dx;
    }
  }
}

function measure(strokes, wrong, { radius, width, seconds }) {
  const covered = new Set();
  const own = new Set(wrong);
  let time = 0;
  for (const path of strokes) {
    let length = 0;
    path.forEach((point, k) => {
      if (k) length += Math.hypot(point[0] - path[k - 1][0], point[1] - path[k - 1][1]);
      for (const i of disc(point, radius, width)) if (own.has(i)) covered.add(i);
    });
    time += seconds(length);
  }
  return { fixed: [...covered], seconds: time };
}

/** Carry out a plan with the editor's own strokes, as undoable steps. */
export function paint(map, { radius, strokes }, value) {
  for (const path of strokes) {
    map.edit('stroke', 'brush', () => {
      path.forEach((point, k) => stroke(map, path[k ? k - 1 : 0], point, { radius, value }));
    });
  }
}

/** Components of wrong pixels with one true class each, where a class below its target gains. */
export function mistakes({ map, truth, score }) {
  const below = score.targets.map((target, id) => score.f1(id) < target);
  const counts = (i) => map.data[i] !== truth[i] && (below[truth[i]] || below[map.data[i]]);
  return components(map, (i) => (counts(i) ? truth[i] : -1));
}

export const centerOf = (indices, width) => {
  const [x, y, w, h] = bounds(indices, width);
  return [x + w / 2, y + h / 2];
};
