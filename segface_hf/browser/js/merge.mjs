// Merging the parses of several frames in the photo's own pixels; see segface_hf/pipeline/merge.py.
// A parse is { side, labels, logits }: side * side class ids, and a plane of logits for each class.
import { clamp, nearest } from './resample.mjs';

const ROUNDNESS = 4;
const WIDE_ROUNDNESS = 2;
const FALL = 3;
const BACKGROUND_SHARE = 0.35;
const WIDER_WEIGHT = 0.1;
const LEVEL_FALL = 1.1;
const ROWS_AT_ONCE = 256;

const distances = new Map();

/** 0 in the middle of a map and 1 on a circle (2) or a squarer line; not to be changed. */
export function borderDistance(side, roundness = WIDE_ROUNDNESS) {
  const key = `${side} ${roundness}`;
  if (!distances.has(key)) distances.set(key, distanceMap(side, roundness));
  return distances.get(key);
}

function distanceMap(side, roundness) {
  const offsets = Array.from(
    { length: side }, (_, i) => Math.abs(((i + 0.5) / side) * 2 - 1) ** roundness);
  const out = new Float64Array(side * side);
  for (let y = 0, at = 0; y < side; y++) {
    for (let x = 0; x < side; x++, at++) out[at] = (offsets[y] + offsets[x]) ** (1 / roundness);
  }
  return out;
}

/** 255 in the middle of a frame, 1 at its border and in its corners. */
export function nearWeights(side) {
  const far = borderDistance(side, ROUNDNESS), out = new Uint8Array(far.length);
  for (let i = 0; i < out.length; i++) out[i] = Math.max(1, 255 * (1 - Math.min(far[i], 1) ** FALL));
  return out;
}

/** Low and even in a circle, for a face's surroundings; lower for larger frames. */
export function wideWeights(side, level) {
  const weight = Math.trunc(255 * WIDER_WEIGHT * BACKGROUND_SHARE ** (LEVEL_FALL * level));
  const far = borderDistance(side), out = new Uint8Array(far.length);
  for (let i = 0; i < out.length; i++) out[i] = far[i] < 1 ? weight : 0;
  return out;
}

/** The photo's label map; every pixel keeps the parse with the largest weight. */
export class Canvas {
  constructor(width, height) {
    Object.assign(this, { width, height });
    this.labels = new Uint8Array(width * height);
    this.weights = new Uint8Array(width * height);
  }

  /** Pastes a frame's parse where it weighs more than what is there. */
  add(frame, parse, weights) {
    const light = weights.map((weight, i) => (
      parse.labels[i] || !weight ? weight : Math.max(1, Math.trunc(weight * BACKGROUND_SHARE))));
    const borders = nearBorders(parse.labels, parse.side);
    const [left, top, right, bottom] = frame.pixelBox(this);
    for (let y = top; y < bottom; y += ROWS_AT_ONCE) {
      if (left < right) {
        this.addPart(frame, parse, light, borders, [left, y, right, Math.min(bottom, y + ROWS_AT_ONCE)]);
      }
    }
  }

  addPart(frame, parse, weights, borders, box) {
    const map = mapTo(frame, box, parse.side), size = [box[2] - box[0], box[3] - box[1]];
    const [heavy, labels, near] = [weights, parse.labels, borders].map(
      (plane) => nearest(plane, parse.side, map, size));
    const isIdentity = frame.angle === 0 && Math.abs(frame.side - parse.side) < 1e-9;
    for (let y = 0, i = 0; y < size[1]; y++) {
      for (let x = 0, at = (box[1] + y) * this.width + box[0]; x < size[0]; x++, i++, at++) {
        if (heavy[i] <= this.weights[at]) continue;
        this.weights[at] = heavy[i];
        this.labels[at] = near[i] && !isIdentity ? decided(parse, map, x, y) : labels[i];
      }
    }
  }
}

/** From pixels of a box of the photo to those of a frame's maps. */
function mapTo(frame, [x, y], side) {
  const places = [[x, y], [x + 1, y], [x, y + 1]].map((corner) => frame.toUnit(corner));
  const [origin, across, down] = places.map(([u, v]) => [u * side, v * side]);
  return [0, 1].flatMap((i) => [across[i] - origin[i], down[i] - origin[i], origin[i]]);
}

/** The class of a pixel from its four neighbors in the crop: the best interpolated logit wins. */
function decided({ side, labels, logits }, map, column, row) {
  const x = map[2] + (column + 0.5) * map[0] + (row + 0.5) * map[1] - 0.5;
  const y = map[5] + (column + 0.5) * map[3] + (row + 0.5) * map[4] - 0.5;
  const left = Math.floor(x), top = Math.floor(y);
  const x0 = clamp(left, 0, side - 1), x1 = clamp(left + 1, 0, side - 1);
  const y0 = clamp(top, 0, side - 1) * side, y1 = clamp(top + 1, 0, side - 1) * side;
  const [a, b, c, d] = [y0 + x0, y0 + x1, y1 + x0, y1 + x1];
  const first = labels[a];
  if (labels[b] === first && labels[c] === first && labels[d] === first) return first;
  const across = x - left, down = y - top, area = side * side;
  let best = 0, most = -Infinity;
  for (let id = 0, plane = 0; plane < logits.length; id++, plane += area) {
    const upper = logits[plane + a] * (1 - across) + logits[plane + b] * across;
    const lower = logits[plane + c] * (1 - across) + logits[plane + d] * across;
    const value = upper * (1 - down) + lower * down;
    if (value > most) [best, most] = [id, value];
  }
  return best;
}

/** 1 where a pixel or one of its eight neighbors differs from its class. */
function nearBorders(labels, side) {
  const near = new Uint8Array(labels.length);
  for (let i = 0; i < labels.length; i++) {
    if ((i + 1) % side && labels[i] !== labels[i + 1]) near[i] = near[i + 1] = 1;
    if (i + side < labels.length && labels[i] !== labels[i + side]) near[i] = near[i + side] = 1;
  }
  const tall = near.slice();
  for (let i = 0; i < near.length; i++) {
    if (near[i] && i >= side) tall[i - side] = 1;
    if (near[i] && i + side < near.length) tall[i + side] = 1;
  }
  const out = tall.slice();
  for (let i = 0; i < tall.length; i++) {
    if (tall[i] && i % side) out[i - 1] = 1;
    if (tall[i] && (i + 1) % side) out[i + 1] = 1;
  }
  return out;
}
