// A simulated annotator's lines: which stretch of a part's true outline is worth drawing again.
import { reshape } from '../../../space/web/mask_editor/core/reshape.mjs';

// Wrong pixels a pixel of line that make a stretch worth its length; several are tried.
const DENSITIES = [0.25, 0.6, 1.2, 2.5];
// Largest distance in pixels of a wrong pixel from the outline it counts for.
const DEPTH = 40;
// What a stroke costs before its length counts, in pixels at 512.
const OVERHEAD = 100;
// Bends up to this many pixels are drawn straight.
const TOLERANCES = [0.8, 2];
// A change this near to a line makes it be thought over again, pixels.
const NEAR = 12;
// Two borders nearer than this may be drawn in one stroke, pixels at 512.
const GAP = 40;
// So many of the best lines are thought of as parts of one stroke.
const JOINED = 6;
// Only the most promising stretches are thought through.
const CONSIDERED = 30;

/** One line along the right border, wherever a stretch of it is worth a stroke. */
export function reshaping(job) {
  const promising = job.parts
    .filter((part) => isOpen(job, part))
    .flatMap((part) => stretches(job, part))
    .sort((a, b) => b.rate - a.rate)
    .slice(0, CONSIDERED);
  const found = promising.flatMap(({ path }) => (
    TOLERANCES.map((tolerance) => candidate(job, simplified(path, tolerance)))
  ));
  return [...found, ...goneOn(job, found)];
}

const below = ({ score }, id) => score.f1(id) < score.targets[id];

function isOpen(job, { id, beside }) {
  return below(job, id) || [...beside].some((other) => below(job, other));
}

// What a pixel put right could gain: for the part, and for the neediest class beside it.
function worth(job, { id, beside }) {
  const { score } = job;
  const one = (other) => (below(job, other) ? 2 / (score.areas[other] + score.painted[other]) : 0);
  return one(id) + Math.max(0, ...[...beside].map(one));
}

function candidate(job, path) {
  const { map, cost } = job;
  const work = () => reshape(map, path);
  const way = job.last && far(job.last, path[0]) > far(job.last, path[path.length - 1]) ? path.slice().reverse() : path;
  const seconds = cost.stroke(lengthOf(path));
  return {
    tool: 'reshape',
    cls: null,
    path,
    at: way[0],
    end: way[way.length - 1],
    seconds,
    gain: tried(job, { name: path.join(';'), path, work }),
    work: () => map.edit('reshape', 'reshape', work),
  };
}

const far = ([ax, ay], [bx, by]) => Math.hypot(ax - bx, ay - by);

/** What `work` gains, tried once until something near its line changes. */
export function tried(job, { name, path, work }) {
  if (!job.trials.has(name)) {
    const xs = path.map(([x]) => x);
    const ys = path.map(([, y]) => y);
    const rect = [Math.min(...xs) - NEAR, Math.min(...ys) - NEAR, Math.max(...xs) + NEAR, Math.max(...ys) + NEAR];
    job.trials.set(name, { rect, change: job.score.changeBy(work) });
  }
  return job.score.gainFrom(job.trials.get(name).change);
}

/** Forget what was tried near a rectangle that has changed. */
export function forget({ trials }, [x, y, w, h]) {
  for (const [name, { rect: [left, top, right, bottom] }] of trials) {
    if (x < right && y < bottom && x + w > left && y + h > top) trials.delete(name);
  }
}

// A stroke may continue from one border to another nearby, without lifting the pen.
function goneOn(job, found) {
  const rate = ({ gain, seconds }) => gain / seconds;
  const good = found.filter(({ gain }) => gain > 1e-6).sort((a, b) => rate(b) - rate(a)).slice(0, JOINED);
  const joined = [];
  good.forEach((first, k) => {
    for (const second of good.slice(k + 1)) {
      const path = join(first.path, second.path);
      if (path) joined.push(candidate(job, path));
    }
  });
  return joined;
}

function join(a, b) {
  const ways = [[a, b], [a, b.slice().reverse()], [a.slice().reverse(), b], [a.slice().reverse(), b.slice().reverse()]];
  const gap = ([one, two]) => far(one[one.length - 1], two[0]);
  const best = ways.reduce((least, way) => (gap(way) < gap(least) ? way : least));
  return gap(best) <= GAP ? best.flat() : null;
}

/** Length of an open line, pixels. */
export function lengthOf(path) {
  let all = 0;
  for (let k = 1; k < path.length; k++) all += Math.hypot(path[k][0] - path[k - 1][0], path[k][1] - path[k - 1][1]);
  return all;
}

/** Stretches of an outline with the most wrong pixels for their length. */
function stretches(job, part) {
  const mass = wrongBeside(job, part);
  const each = worth(job, part);
  const { outline } = part;
  const n = outline.length;
  const seen = new Set();
  const found = [];
  for (const density of DENSITIES) {
    const best = bestRun(mass, density);
    if (!best || best.sum < density * OVERHEAD * 0.25) continue;
    const from = best.from - 1;
    const count = Math.min(n + 1, best.count + 2);
    const name = `${from}:${count}`;
    if (seen.has(name)) continue;
    seen.add(name);
    const path = Array.from({ length: count }, (_, k) => outline[(from + k + n) % n]);
    const wrong = best.sum + density * best.count;
    found.push({ path, rate: (wrong * each) / job.cost.stroke(lengthOf(path)) });
  }
  return found;
}

// The cyclic run whose sum of (mass - density) is largest (Kadane, twice around).
function bestRun(mass, density) {
  const n = mass.length;
  let best = null;
  let [sum, from] = [0, 0];
  for (let k = 0; k < 2 * n; k++) {
    if (sum <= 0 || k - from >= n) [sum, from] = [0, k];
    sum += mass[k % n] - density;
    if (!best || sum > best.sum) best = { sum, from, count: k - from + 1 };
  }
  return best && best.sum > 0 ? best : null;
}

// Wrong pixels of a part, given to the nearest point of its outline.
function wrongBeside({ map, truth }, { id, outline, own }) {
  const { width, height, data } = map;
  const mass = new Float32Array(outline.length);
  const wrong = (i) => data[i] !== truth[i] && (own.has(i) || data[i] === id);
  const seen = new Map();
  let front = [];
  outline.forEach(([x, y], k) => {
    const i = y * width + x;
    if (!seen.has(i)) {
      seen.set(i, k);
      front.push(i);
      if (wrong(i)) mass[k]++;
    }
  });
  for (let depth = 0; depth < DEPTH && front.length; depth++) {
    const next = [];
    for (const i of front) {
      const x = i % width;
      for (const j of [x > 0 ? i - 1 : -1, x < width - 1 ? i + 1 : -1, i - width, i + width]) {
        if (j < 0 || j >= width * height || seen.has(j) || !wrong(j)) continue;
        seen.set(j, seen.get(i));
        mass[seen.get(i)]++;
        next.push(j);
      }
    }
    front = next;
  }
  return mass;
}

/** A line with fewer corners that stays within `tolerance` pixels (Ramer, Douglas and Peucker). */
export function simplified(path, tolerance) {
  const keep = new Uint8Array(path.length);
  keep[0] = keep[path.length - 1] = 1;
  const open = [[0, path.length - 1]];
  while (open.length) {
    const [a, b] = open.pop();
    let [worst, far] = [-1, tolerance];
    for (let k = a + 1; k < b; k++) {
      const off = distance(path[k], path[a], path[b]);
      if (off > far) [worst, far] = [k, off];
    }
    if (worst < 0) continue;
    keep[worst] = 1;
    open.push([a, worst], [worst, b]);
  }
  return path.filter((_, k) => keep[k]);
}

function distance([x, y], [ax, ay], [bx, by]) {
  const length = Math.hypot(bx - ax, by - ay);
  if (!length) return Math.hypot(x - ax, y - ay);
  return Math.abs((bx - ax) * (ay - y) - (ax - x) * (by - ay)) / length;
}
