// What a simulated annotator can do besides guidance: candidates with their cost, by tool.
import { apply, swapSides } from '../../../space/web/mask_editor/core/cleanup.mjs';
import { redraw } from '../../../space/web/mask_editor/core/redraw.mjs';
import { bounds, components, surroundings } from '../../../space/web/mask_editor/core/regions.mjs';
import { polygon } from '../../../space/web/mask_editor/core/shapes.mjs';
import { simplified, tried } from './simulate_lines.mjs';
import { centerOf, clearance, mistakes, paint, plan } from './simulate_brush.mjs';

// Only the most promising places are thought through.
const CONSIDERED = 8;
// An outline longer than this is not drawn in one go, pixels at 512.
const LONGEST_OUTLINE = 2500;
// Bends up to this many pixels are drawn straight.
const STEADY = 0.8;

/** Brush strokes on the components of wrong pixels. */
export function brushing(job) {
  const { map, truth, score, cost } = job;
  return promising(job).map((wrong) => {
    const id = truth[wrong[0]];
    const planned = cached(job, wrong, id, () => {
      job.free[id] ||= clearance(truth, id, map);
      return plan(wrong, { free: job.free[id], width: map.width, seconds: cost.stroke });
    });
    return {
      tool: 'brush',
      cls: id,
      at: centerOf(wrong, map.width),
      seconds: planned.seconds,
      clicks: planned.strokes.length,
      gain: score.gain(planned.fixed, () => id),
      work: () => paint(map, planned, id),
    };
  });
}

function promising(job) {
  const { truth, score } = job;
  return mistakes(job)
    .map((wrong) => ({ wrong, gain: score.gain(wrong, (i) => truth[i]) }))
    .sort((a, b) => b.gain / cheap(b.wrong) - a.gain / cheap(a.wrong))
    .slice(0, CONSIDERED)
    .map(({ wrong }) => wrong);
}

/** A lasso around a component of wrong pixels: cheaper than brushing where it is broad. */
export function lassoing(job) {
  const { map, truth, score, cost } = job;
  return promising(job).map((wrong) => {
    const id = truth[wrong[0]];
    const outline = simplified(contour(wrong, map), STEADY);
    const work = () => polygon(map, outline, id);
    return {
      tool: 'lasso',
      cls: id,
      at: centerOf(wrong, map.width),
      seconds: cost.stroke(lengthOf(outline)),
      gain: score.gainOf(work),
      work: () => map.edit('lasso', 'lasso', work),
    };
  });
}

const cheap = (wrong) => 2 + wrong.length / 400;

// Components live long: the same wrong pixels are looked at again after every action.
function cached(job, wrong, id, make) {
  const name = `${id}:${wrong.length}:${wrong.reduce((sum, i) => (Math.imul(sum, 31) + i) | 0, 7)}`;
  if (!job.plans.has(name)) job.plans.set(name, make());
  return job.plans.get(name);
}

/** One click that gives a connected region of one label its true class. */
export function filling({ map, truth, score, cost }) {
  const found = [];
  for (const region of components(map, (i) => map.data[i])) {
    const id = majority(region, truth);
    if (id === map.data[region[0]] || region.length < 4) continue;
    found.push({
      tool: 'fill',
      cls: id,
      at: centerOf(region, map.width),
      seconds: cost.click,
      gain: score.gain(region, () => id),
      work: () => map.edit('fill', 'fill', () => map.paint(region, id)),
    });
  }
  return found;
}

function majority(region, truth) {
  const counts = new Int32Array(256);
  for (const i of region) counts[truth[i]]++;
  return counts.indexOf(Math.max(...counts));
}

/** A part's outline, drawn once around the true part. */
export function redrawing(job) {
  const { map, score, cost } = job;
  const found = [];
  const longest = (LONGEST_OUTLINE * Math.max(map.width, map.height)) / 512;
  for (const { id, drawn, length, at } of job.parts) {
    if (score.f1(id) >= score.targets[id] || length > longest) continue;
    const work = () => redraw(map, drawn, id);
    found.push({
      tool: 'redraw',
      cls: id,
      at,
      seconds: cost.stroke(length),
      gain: tried(job, { name: `redraw ${at}`, path: drawn, work }),
      work: () => map.edit('redraw', 'redraw', work),
    });
  }
  return found;
}

export function trueParts({ map, truth }) {
  return components(map, (i) => truth[i] || -1)
    .filter((part) => part.length > 3)
    .map((part) => {
      const outline = contour(part, map);
      const drawn = simplified(outline, STEADY);
      const at = centerOf(part, map.width);
      const beside = new Set(surroundings(part, { ...map, data: truth }).touching.keys());
      return { id: truth[part[0]], outline, drawn, length: lengthOf(drawn), at, own: new Set(part), beside };
    });
}

function lengthOf(outline) {
  return outline.reduce((all, [x, y], k) => {
    const [px, py] = outline[(k || outline.length) - 1];
    return all + Math.hypot(x - px, y - py);
  }, 0);
}

// The eight steps around a pixel, clockwise from the left.
const AROUND = [[-1, 0], [-1, -1], [0, -1], [1, -1], [1, 0], [1, 1], [0, 1], [-1, 1]];

/** Outer border pixels of a region in order, clockwise (Moore's neighbor tracing). */
export function contour(region, { width }) {
  const own = new Set(region);
  const [left, top, w] = bounds(region, width);
  const has = ([x, y]) => x >= left && x < left + w && own.has(y * width + x);
  const first = region.reduce((least, i) => Math.min(least, i), Infinity);
  const start = [first % width, Math.floor(first / width)];
  const path = [start];
  let [at, direction] = [start, 0];
  for (let guard = 0; guard < 4 * region.length + 8; guard++) {
    let turn = 0;
    while (turn < 8) {
      const [dx, dy] = AROUND[(direction + turn) % 8];
      if (has([at[0] + dx, at[1] + dy])) break;
      turn++;
    }
    if (turn === 8) return path;
    const heading = (direction + turn) % 8;
    at = [at[0] + AROUND[heading][0], at[1] + AROUND[heading][1]];
    if (at[0] === start[0] && at[1] === start[1]) return path;
    path.push(at);
    // Look on from the side the last step came from.
    direction = (heading + 5) % 8;
  }
  return path;
}

/** Left and right exchanged, by a class key and U. */
export function swapping({ map, score, cost, pairs }) {
  return pairs.map((pair) => {
    const work = () => apply(map, swapSides(map, { pair }));
    return {
      tool: 'swap',
      cls: pair[0],
      at: null,
      seconds: cost.key,
      gain: score.gainOf(work),
      work: () => map.edit('swap', 'cleanup', work),
    };
  });
}

