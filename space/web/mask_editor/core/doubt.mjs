// Where the model doubts: regions of one label and one runner-up, the most valuable first. No DOM.
import { bounds, searchComponents } from './regions.mjs';

/** Confidence levels (0..255) a region can reach up to; `,` and `.` step through them. */
export const LEVELS = [115, 140, 166, 191, 217, 235, 247];
/** The level regions are found at: about 0.75. */
export const FOUND_AT = 3;
// A class thinner than this share of the map counts as this large, so that noise is not precious.
const SMALLEST_SHARE = 0.0005;
// Pieces nearer than this share of the longer side belong together.
const GAP = 0.03;
// A region that could add less than this to the F1 of its two classes together is left out. Of 16
// faces with known truth, none of 69 tail regions below it and 4 % of the others paid for a jump.
const SMALLEST_WORTH = 0.05;
// A region smaller than this share of the map is not worth a jump.
const SMALLEST_REGION = 0.00004;

// Labels counted before the search rests.
const REST = 1 << 20;

/**
 * Doubtful regions of a parse, tail classes before head classes, most valuable first.
 * @param {{width, height, labels, confidence, runnerUp}} parse Uint8Arrays of width * height
 * @param {{tail?: number[], limit?: number}} options ids of rare classes; how many to return
 * @returns {{label, runnerUp, indices, rect, value, isTail, level}[]}
 */
export function doubtfulRegions(parse, options) {
  const search = searchDoubt(parse, options);
  for (;;) {
    const { done, value } = search.next();
    if (done) return value;
  }
}

/** The same in small steps, so that a page can look for them while it is idle. */
export function* searchDoubt(parse, { tail = [], limit = 40 } = {}) {
  const { width, height, labels } = parse;
  const rare = new Set(tail);
  const areas = new Int32Array(256);
  for (let i = 0; i < labels.length; i++) {
    if (i % REST === 0) yield;
    areas[labels[i]]++;
  }
  const smallest = Math.max(4, SMALLEST_REGION * width * height);
  return (yield* groups(parse))
    .filter(({ indices }) => indices.length >= smallest)
    .map(({ label, runnerUp, indices, rect }) => ({
      label,
      runnerUp,
      indices,
      rect,
      value: worth(parse, { indices, areas, pair: [label, runnerUp] }),
      isTail: rare.has(label) || rare.has(runnerUp),
      level: FOUND_AT,
      // The class a person is likely to paint here: the smaller part lies on the larger.
      cls: areas[label] && areas[label] < areas[runnerUp] ? label : runnerUp,
    }))
    .filter(({ value }) => value >= SMALLEST_WORTH)
    .sort((a, b) => b.isTail - a.isTail || b.value - a.value)
    .slice(0, limit);
}

/** Is a region still a question: does most of it hold the label that is doubted? */
export function isOpen({ indices, label }, { data }) {
  let held = 0;
  for (const i of indices) held += data[i] === label ? 1 : 0;
  return 2 * held > indices.length;
}

// Pieces of one label and one runner-up that lie side by side are one question to a person.
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
    const home = alike.find((other) => near(other.rect, piece.rect, gap));
    if (!home) alike.push(piece);
    else {
      home.indices = joined(home.indices, piece.indices);
      home.rect = around(home.rect, piece.rect);
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

// Pixels expected to be wrong, as a share of the classes they would move: what F1 could gain.
function worth({ width, height, confidence }, { indices, areas, pair }) {
  let wrong = 0;
  for (const i of indices) wrong += 1 - confidence[i] / 255;
  const floor = SMALLEST_SHARE * width * height;
  return pair.reduce((sum, id) => sum + (id ? wrong / Math.max(areas[id], floor) : 0), 0);
}

/**
 * The same region reaching up to another level of confidence, as far as it hangs together.
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
