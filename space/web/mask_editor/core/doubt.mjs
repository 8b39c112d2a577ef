// Uncertain regions: one label and one second guess each, the most important first. No DOM.
import { bounds, searchComponents } from './regions.mjs';

/** Confidence levels (0..255) a region can reach up to; `,` and `.` step through them. */
export const LEVELS = [115, 140, 166, 191, 217, 235, 247];
/** The level regions are found at: about 0.75. */
export const FOUND_AT = 3;
// A class smaller than this share of the map counts as this large, so that noise has little weight.
const SMALLEST_SHARE = 0.0005;
// Pieces nearer than this share of the longer side are one region.
const GAP = 0.03;
// A region that could add less than this to the F1 of its two classes together is left out. Of 16
// faces with known truth, none of 69 tail regions below it and 4 % of the others paid for a jump.
const SMALLEST_WORTH = 0.05;
// A region smaller than this share of the map is left out.
const SMALLEST_REGION = 0.00004;
// Pixels nearer to the region's edge than this share of the map's longer side are its edge.
const EDGE = 1 / 512;
// The edge is a matter of taste more often than a mistake: it counts this much.
const EDGE_WEIGHT = 0.1;

// Labels counted before the search yields.
const REST = 1 << 20;

/**
 * Uncertain regions of a parse: rare classes first, then by the pixels that an answer may correct.
 * @param {{width, height, labels, confidence, runnerUp}} parse Uint8Arrays of width * height
 * @param {{tail?: number[], limit?: number}} options ids of rare classes; how many to return
 * @returns {{label, runnerUp, indices, rect, gain, isTail, level, cls}[]}
 */
export function doubtfulRegions(parse, options) {
  const search = searchDoubt(parse, options);
  for (;;) {
    const { done, value } = search.next();
    if (done) return value;
  }
}

/** The same in small steps, for a page that searches while it is idle. */
export function* searchDoubt(parse, { tail = [], limit = 40 } = {}) {
  const { width, height, labels } = parse;
  const rare = new Set(tail);
  const areas = new Int32Array(256);
  for (let i = 0; i < labels.length; i++) {
    if (i % REST === 0) yield;
    areas[labels[i]]++;
  }
  const smallest = Math.max(4, SMALLEST_REGION * width * height);
  const member = new Uint8Array(width * height);
  return (yield* groups(parse))
    .filter(({ indices }) => indices.length >= smallest)
    .filter(({ label, runnerUp, indices }) => (
      worth(parse, { indices, areas, pair: [label, runnerUp] }) >= SMALLEST_WORTH
    ))
    .map(({ label, runnerUp, indices, rect }) => ({
      label,
      runnerUp,
      indices,
      rect,
      gain: expectedGain(parse, indices, member),
      isTail: rare.has(label) || rare.has(runnerUp),
      level: FOUND_AT,
      // The class that a person is likely to paint here: the smaller of the two.
      cls: areas[label] && areas[label] < areas[runnerUp] ? label : runnerUp,
    }))
    .sort((a, b) => b.isTail - a.isTail || b.gain - a.gain)
    .slice(0, limit);
}

/** Is a region still open: does most of it hold the uncertain label? */
export function isOpen({ indices, label }, { data }) {
  let held = 0;
  for (const i of indices) held += data[i] === label ? 1 : 0;
  return 2 * held > indices.length;
}

// Neighboring pieces of one label and one second guess are one question to a person.
function* groups({ width, height, labels, confidence, runnerUp }) {
  const doubtful = (i) => confidence[i] < LEVELS[FOUND_AT] && runnerUp[i] !== labels[i];
  const key = (i) => (doubtful(i) ? (labels[i] << 8) | runnerUp[i] : -1);
  const gap = GAP * Math.max(width, height);
  const byQuestion = new Map();
  for (const indices of searchComponents({ width, height }, key)) {
    yield;
    if (!indices) continue;
    const question = key(indices[0]);
    const piece = {
      label: labels[indices[0]], runnerUp: runnerUp[indices[0]], indices, rect: bounds(indices, width),
    };
    if (!byQuestion.has(question)) byQuestion.set(question, []);
    const alike = byQuestion.get(question);
    const nearby = alike.find((other) => near(other.rect, piece.rect, gap));
    if (!nearby) alike.push(piece);
    else {
      nearby.indices = joined(nearby.indices, piece.indices);
      nearby.rect = around(nearby.rect, piece.rect);
    }
  }
  return [...byQuestion.values()].flat();
}

function joined(a, b) {
  const both = new Int32Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

const near = ([ax, ay, aw, ah], [bx, by, bw, bh], gap) => ax < bx + bw + gap && bx < ax + aw + gap
  && ay < by + bh + gap && by < ay + ah + gap;

function around([ax, ay, aw, ah], [bx, by, bw, bh]) {
  const left = Math.min(ax, bx);
  const top = Math.min(ay, by);
  return [left, top, Math.max(ax + aw, bx + bw) - left, Math.max(ay + ah, by + bh) - top];
}

/**
 * How many pixels of a region are expected to be wrong, its edge aside: a missing or wrong part has
 * an inside, a sliver along a border has none.
 * @param {Uint8Array} member zeros of the map's size, left as zeros
 */
export function expectedGain({ width, height, confidence }, indices, member) {
  const step = Math.max(1, Math.round(EDGE * Math.max(width, height)));
  for (const i of indices) member[i] = 1;
  let gain = 0;
  for (const i of indices) {
    const isInside = member[i - step] && member[i + step]
      && member[i - step * width] && member[i + step * width];
    gain += (1 - confidence[i] / 255) * (isInside ? 1 : EDGE_WEIGHT);
  }
  for (const i of indices) member[i] = 0;
  return gain;
}

// Pixels expected to be wrong, as a share of the two classes: what F1 could gain.
function worth({ width, height, confidence }, { indices, areas, pair }) {
  let wrong = 0;
  for (const i of indices) wrong += 1 - confidence[i] / 255;
  const floor = SMALLEST_SHARE * width * height;
  return pair.reduce((sum, id) => sum + (id ? wrong / Math.max(areas[id], floor) : 0), 0);
}

/**
 * The same region up to another level of confidence, as far as it is connected.
 * @param {number} level index into LEVELS
 */
export function reach({ width, height, labels, confidence, runnerUp }, region, level) {
  const belongs = (i) => labels[i] === region.label && runnerUp[i] === region.runnerUp
    && confidence[i] < LEVELS[level];
  const seen = new Set(region.core || region.indices);
  const queue = [...seen];
  while (queue.length) {
    const i = queue.pop();
    const x = i % width;
    const around = [x > 0 ? i - 1 : -1, x < width - 1 ? i + 1 : -1, i - width, i + width];
    for (const next of around) {
      if (next < 0 || next >= width * height || seen.has(next) || !belongs(next)) continue;
      seen.add(next);
      queue.push(next);
    }
  }
  const indices = Int32Array.from(seen).filter(belongs).sort();
  return {
    ...region,
    core: region.core || region.indices,
    level,
    indices,
    rect: indices.length ? bounds(indices, width) : region.rect,
  };
}
