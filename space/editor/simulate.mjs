// A simulated annotator: corrects a prediction towards a known truth and counts the seconds.
// Run by `python -m annotate simulate` under Node; every change goes through the editor's modules.
import { readFileSync } from 'node:fs';
import { argv, stdout } from 'node:process';
import { doubtfulRegions, FOUND_AT, LEVELS, reach } from './doubt.mjs';
import { LabelMap } from './labelmap.mjs';
import { Score } from './simulate_score.mjs';
import { brushing, filling, lassoing, redrawing, swapping } from './simulate_tools.mjs';

/** Arms: the tools of each, and whether the walk through doubtful regions comes first. */
export const ARMS = {
  brush: { tools: [brushing], guided: false },
  guided: { tools: [brushing, lassoing, filling, redrawing, swapping], guided: true },
  walk: { tools: [brushing], guided: true },
  tools: { tools: [brushing, lassoing, filling, redrawing, swapping], guided: false },
};

// Beyond this share of the picture's side the view has to follow: a jump.
const IN_VIEW = 0.25;
// The walk ends after this many regions in a row that did not pay.
const DISAPPOINTMENTS = 2;
// What is in view is done first when it pays this share of the best anywhere.
const CONTENT = 0.7;
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
  const job = { map, truth, score, cost, pairs, free: {}, plans: new Map(), last: null, cls: -1 };
  job.spent = {};
  job.actions = 0;
  if (ARMS[arm].guided) walk(job, face, { arm, tail });
  while (!score.reached && job.actions < MOST_ACTIONS) {
    const best = choose(job, ARMS[arm].tools);
    if (!best) break;
    carryOut(job, best);
  }
  const seconds = Object.values(job.spent).reduce((all, one) => all + one, 0);
  return { seconds, by_tool: job.spent, actions: job.actions, reached: score.reached };
}

function choose(job, tools, view = null) {
  let best = null;
  for (const candidate of tools.flatMap((tool) => tool(job))) {
    if (view && (!candidate.at || isFar(job, view, candidate.at))) continue;
    const rate = candidate.gain / (candidate.seconds + around(job, candidate));
    if (candidate.gain > 1e-9 && (!best || rate > best.rate)) best = { ...candidate, rate };
  }
  return best;
}

const isFar = ({ map }, [ax, ay], [bx, by]) => Math.hypot(ax - bx, ay - by) > IN_VIEW * map.width;

// What comes with an action: the view that follows, the class that is chosen.
function around({ map, last, cls, cost }, { at, cls: wanted }) {
  const far = at && last && isFar({ map }, last, at);
  return (far ? cost.jump : 0) + (wanted !== cls ? cost.key : 0);
}

function carryOut(job, action) {
  const extra = around(job, action);
  spend(job, action.tool, action.seconds);
  spend(job, 'class keys and jumps', extra);
  action.work();
  job.actions++;
  if (action.at) job.last = action.at;
  job.cls = action.cls;
  job.score.count();
}

function spend(job, what, seconds) {
  job.spent[what] = (job.spent[what] || 0) + seconds;
}

/** N through the doubtful regions in the editor's own order, until they stop paying. */
function walk(job, face, { arm, tail }) {
  const parse = { ...face, labels: face.prediction };
  let disappointed = 0;
  for (const region of doubtfulRegions(parse, { tail })) {
    if (job.score.reached || disappointed >= DISAPPOINTMENTS) return;
    spend(job, 'jumps to doubt', job.cost.jump);
    const [x, y, w, h] = region.rect;
    job.last = [x + w / 2, y + h / 2];
    job.cls = region.cls;
    const worked = workAt(job, parse, region, ARMS[arm].tools);
    disappointed = worked ? 0 : disappointed + 1;
  }
}

// Answer the question, then put right whatever else is in view and worth it.
function workAt(job, parse, region, tools) {
  let worked = false;
  const answer = bestAnswer(job, parse, region);
  let usual = choose(job, tools);
  if (answer && answer.gain / answer.seconds >= (usual?.rate ?? 0)) {
    spend(job, 'answers to doubt', answer.seconds);
    job.map.edit('answer', 'accept', () => job.map.paint(answer.indices, answer.id));
    job.actions++;
    job.score.count();
    worked = true;
    usual = choose(job, tools);
  }
  while (usual && !job.score.reached) {
    const here = choose(job, tools, job.last);
    if (!here || here.rate < CONTENT * usual.rate) break;
    carryOut(job, here);
    worked = true;
    usual = choose(job, tools);
  }
  return worked;
}

// F at any reach, or a class key; null when the region is best left alone.
function bestAnswer({ map, truth, score, cost }, parse, region) {
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
