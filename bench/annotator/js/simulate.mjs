// A simulated annotator: corrects a prediction towards a known truth and counts the seconds.
// Run by `python -m annotate simulate` under Node; every change goes through the editor's modules.
import { readFileSync } from 'node:fs';
import { argv, stdout } from 'node:process';
import { doubtfulRegions, FOUND_AT, isOpen, LEVELS, reach } from '../../../space/web/mask_editor/core/doubt.mjs';
import { LabelMap } from '../../../space/web/mask_editor/core/labelmap.mjs';
import { Score } from './simulate_score.mjs';
import { forget, reshaping } from './simulate_lines.mjs';
import { brushing, filling, lassoing, redrawing, swapping, trueParts } from './simulate_tools.mjs';

// Beyond this share of the picture's side the view has to follow: a jump.
const IN_VIEW = 0.25;
// So many uncertain regions ahead are weighed: N passes the others.
const AHEAD = 3;
const TOOLS = [brushing, lassoing, filling, redrawing, reshaping, swapping];
const MOST_ACTIONS = 3000;

/** Seconds of each kind of action, from the cost model's numbers. */
export function costs({ click, key, stroke, jump, speed }) {
  return { click, key, jump, stroke: (length) => stroke + length / speed };
}

/**
 * Correct one face.
 * @param {{width, height, prediction, truth, confidence, runnerUp}} face Uint8Arrays
 * @returns {{seconds: number, by_tool: object, actions: number, reached: boolean}}
 */
export function correct(face, { arm, cost, classes, tail, pairs }) {
  const { width, height, prediction, truth } = face;
  const map = new LabelMap(width, height, prediction.slice(), { prediction, classes });
  const score = new Score(map, truth);
  const job = { map, truth, score, cost, pairs, free: {}, plans: new Map(), trials: new Map(), last: null, cls: -1 };
  const parse = { ...face, labels: prediction };
  const walk = ARMS[arm].includes(guiding) ? doubtfulRegions(parse, { tail }) : [];
  Object.assign(job, { parse, walk, parts: trueParts(job), spent: {}, actions: 0 });
  while (!score.reached && job.actions < MOST_ACTIONS) {
    const best = choose(job, ARMS[arm]);
    if (!best) break;
    carryOut(job, best);
  }
  const seconds = Object.values(job.spent).reduce((all, one) => all + one, 0);
  return { seconds, by_tool: job.spent, actions: job.actions, reached: score.reached };
}

function choose(job, tools) {
  let best = null;
  for (const candidate of tools.flatMap((tool) => tool(job))) {
    if (!(candidate.gain > 1e-9)) continue;
    const way = candidate.way || wayTo(job, candidate);
    const rate = candidate.gain / (candidate.seconds + way.seconds);
    if (!best || rate > best.rate) best = { ...candidate, way, rate };
  }
  return best;
}

const isFar = ({ map }, a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]) > IN_VIEW * map.width;

// What comes before an action: the view that follows and the class key, or N where it does both.
function wayTo(job, { at, cls }) {
  const far = at && job.last && isFar(job, job.last, at);
  const other = (chosen) => (cls !== null && cls !== chosen ? job.cost.key : 0);
  let best = { what: 'class keys and jumps', seconds: (far ? job.cost.jump : 0) + other(job.cls) };
  for (const stop of at ? stops(job) : []) {
    const seconds = stop.seconds + other(stop.region.cls);
    if (!isFar(job, stop.center, at) && seconds < best.seconds) best = { what: 'jumps to doubt', seconds, stop };
  }
  return best;
}

// The next uncertain regions: N is a jump, or a key where the view need not move.
function stops({ walk, map, last, cost }) {
  return walk.slice(0, AHEAD).map((region, k) => {
    const [x, y, w, h] = region.rect;
    const center = [x + w / 2, y + h / 2];
    const far = !last || isFar({ map }, last, center);
    return { region, k, center, seconds: k * cost.jump + (far ? cost.jump : cost.key) };
  });
}

function carryOut(job, action) {
  const { stop } = action.way;
  spend(job, action.tool, action.seconds);
  spend(job, action.way.what, action.way.seconds);
  if (stop) Object.assign(job, { cls: stop.region.cls, last: stop.center });
  job.map.takeDirty();
  action.work();
  forget(job, job.map.takeDirty() || [0, 0, 0, 0]);
  job.walk = job.walk.slice(stop ? stop.k + 1 : 0).filter((region) => isOpen(region, job.map));
  job.actions++;
  if (action.at) job.last = action.end || action.at;
  if (action.cls !== null) job.cls = action.cls;
  job.score.count();
}

function spend(job, what, seconds) {
  if (seconds) job.spent[what] = (job.spent[what] || 0) + seconds;
}

/** N to one of the next uncertain regions, and the answer to its question. */
function guiding(job) {
  return stops(job).map(({ region, ...stop }) => {
    const answer = bestAnswer(job, region);
    return {
      tool: 'answers to doubt',
      cls: null,
      at: null,
      way: { what: 'jumps to doubt', seconds: stop.seconds, stop: { ...stop, region } },
      seconds: answer?.seconds,
      gain: answer?.gain ?? 0,
      work: () => job.map.edit('answer', 'accept', () => job.map.paint(answer.indices, answer.id)),
    };
  });
}

// F at any reach, or a class key; null when the region is best left alone.
function bestAnswer({ map, truth, score, cost, parse }, region) {
  let best = null;
  for (let level = 0; level < LEVELS.length; level++) {
    const reached = reach(parse, region, level);
    const indices = reached.indices.filter((i) => map.data[i] === region.label);
    if (!indices.length) continue;
    const stretched = Math.abs(level - FOUND_AT) * cost.key;
    const others = new Set(Array.from(indices, (i) => truth[i]));
    for (const id of new Set([region.runnerUp, ...others])) {
      if (id === region.label) continue;
      const answer = { id, indices, seconds: stretched + cost.key, gain: score.gain(indices, () => id) };
      if (answer.gain > 1e-9 && (!best || answer.gain / (answer.seconds + 1) > best.gain / (best.seconds + 1))) {
        best = answer;
      }
    }
  }
  return best;
}

/** The tools of each arm. */
export const ARMS = {
  brush: [brushing],
  walk: [brushing, guiding],
  tools: TOOLS,
  guided: [...TOOLS, guiding],
};

function main() {
  const job = JSON.parse(readFileSync(argv[2], 'utf8'));
  const cost = costs(job.cost);
  const size = job.width * job.height;
  for (const { name, file } of job.faces) {
    const bytes = new Uint8Array(readFileSync(file));
    const part = (k) => bytes.slice(k * size, (k + 1) * size);
    const face = {
      width: job.width, height: job.height, prediction: part(0), confidence: part(1), runnerUp: part(2), truth: part(3),
    };
    for (const arm of job.arms) {
      stdout.write(`${JSON.stringify({ name, arm, ...correct(face, { ...job, arm, cost }) })}\n`);
    }
  }
}

if (argv[2]?.endsWith('.json')) main();
