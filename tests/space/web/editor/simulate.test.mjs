// The simulated annotator: its costs, its aim, its tools, on small faces with known mistakes.
import assert from 'node:assert/strict';
import test from 'node:test';
import { LabelMap } from '../../../../space/web/mask_editor/core/labelmap.mjs';
import { polygonMask } from '../../../../space/web/mask_editor/core/shapes.mjs';
import { redraw } from '../../../../space/web/mask_editor/core/redraw.mjs';
import { ARMS, correct, costs } from '../../../../bench/annotator/js/simulate.mjs';
import { clearance, plan } from '../../../../bench/annotator/js/simulate_brush.mjs';
import { lengthOf, simplified } from '../../../../bench/annotator/js/simulate_lines.mjs';
import { Score } from '../../../../bench/annotator/js/simulate_score.mjs';
import { contour } from '../../../../bench/annotator/js/simulate_tools.mjs';

const COST = costs({ click: 1, key: 0.5, stroke: 1, jump: 1, speed: 100 });
const SIZE = { width: 96, height: 96 };

function square(ids, [x0, y0, side], id) {
  for (let y = y0; y < y0 + side; y++) ids.fill(id, y * 96 + x0, y * 96 + x0 + side);
  return ids;
}

const blank = () => new Uint8Array(96 * 96);

/** A face of three squares; one is missing from the prediction, another is too large. */
function face() {
  const truth = square(square(square(blank(), [10, 10, 60], 1), [20, 20, 12], 2), [45, 20, 12], 3);
  const prediction = square(square(blank(), [10, 10, 60], 1), [18, 18, 17], 2);
  const confidence = blank().fill(250);
  const runnerUp = blank().fill(4);
  truth.forEach((id, i) => {
    if (id !== prediction[i]) {
      confidence[i] = 130;
      runnerUp[i] = id;
    }
  });
  return { ...SIZE, truth, prediction, confidence, runnerUp };
}

test('every arm reaches the targets and its seconds add up', () => {
  for (const arm of Object.keys(ARMS)) {
    const found = correct(face(), { arm, cost: COST, classes: 5, tail: [3], pairs: [[2, 3]] });
    assert.equal(found.reached, true, arm);
    const sum = Object.values(found.by_tool).reduce((all, one) => all + one, 0);
    assert.ok(Math.abs(sum - found.seconds) < 1e-9, arm);
  }
});

test('where the runner-up is right, guidance beats the brush', () => {
  const job = { cost: COST, classes: 5, tail: [3], pairs: [] };
  const guided = correct(face(), { ...job, arm: 'walk' }).seconds;
  const brush = correct(face(), { ...job, arm: 'brush' }).seconds;
  assert.ok(guided < 0.6 * brush, `${guided} against ${brush}`);
});

test('a perfect prediction costs nothing', () => {
  const perfect = face();
  perfect.prediction = perfect.truth.slice();
  const found = correct(perfect, { arm: 'brush', cost: COST, classes: 5, tail: [], pairs: [] });
  assert.deepEqual([found.seconds, found.actions], [0, 0]);
});

test('classes under 500 pixels of 512 aim at 0.90, the others at 0.95', () => {
  const truth = square(square(blank(), [10, 10, 60], 1), [20, 20, 4], 2);
  const score = new Score(new LabelMap(96, 96, blank(), { classes: 4 }), truth);
  assert.deepEqual(score.targets, [0, 0.95, 0.9, 0]);
});

test('the predicted gain equals the measured gain', () => {
  const { prediction, truth } = face();
  const map = new LabelMap(96, 96, prediction.slice(), { prediction, classes: 5 });
  const score = new Score(map, truth);
  const wrong = [...truth.keys()].filter((i) => truth[i] === 3);
  const foretold = score.gain(wrong, () => 3);
  const tried = score.gainOf(() => map.paint(wrong, 3));
  const before = score.total;
  map.edit('paint', 'brush', () => map.paint(wrong, 3));
  score.count();
  assert.ok(Math.abs(score.total - before - foretold) < 1e-12);
  assert.ok(Math.abs(tried - foretold) < 1e-12);
});

test('the simulated brush stays inside the true area and covers the mistake', () => {
  const truth = square(blank(), [10, 10, 40], 1);
  const free = clearance(truth, 1, SIZE);
  assert.equal(free[10 * 96 + 10], 1);
  assert.equal(free[30 * 96 + 30], 20);
  const wrong = Int32Array.from([...truth.keys()].filter((i) => truth[i] === 1));
  const { fixed, seconds } = plan(wrong, { free, width: 96, seconds: COST.stroke });
  assert.ok(fixed.length > 0.75 * wrong.length);
  assert.ok(seconds > 1);
});

test('the contour of a part, filled, is the part', () => {
  const ids = square(square(blank(), [30, 30, 12], 1), [41, 38, 9], 1);
  const part = Int32Array.from([...ids.keys()].filter((i) => ids[i] === 1));
  const filled = polygonMask(SIZE, contour(part, SIZE));
  assert.deepEqual([...filled.keys()].filter((i) => filled[i]), [...part]);
});

test('redrawing a part gives what sticks out to its neighbors and spares a large part', () => {
  const map = new LabelMap(96, 96, square(square(blank(), [10, 10, 60], 1), [18, 18, 17], 2));
  const outline = [[20, 20], [31, 20], [31, 31], [20, 31]];
  map.edit('redraw', 'redraw', () => redraw(map, outline, 2));
  assert.equal(map.areas[2], 144);
  map.edit('add', 'redraw', () => redraw(map, [[68, 40], [75, 40], [75, 47], [68, 47]], 1));
  assert.equal(map.areas[1], 3600 - 144 + 48);
});

test('a simplified line stays near the line, keeps its ends, and is no longer', () => {
  const path = Array.from({ length: 80 }, (_, k) => [k, 20 + Math.round(8 * Math.sin(k / 9))]);
  for (const tolerance of [0.8, 2]) {
    const short = simplified(path, tolerance);
    assert.deepEqual([short[0], short.at(-1)], [path[0], path.at(-1)]);
    assert.ok(short.length < path.length && lengthOf(short) <= lengthOf(path));
  }
});

test('a border that is wrong on both sides is moved in one stroke without a class key', () => {
  const truth = square(blank(), [0, 0, 96], 1);
  for (let y = 0; y < 96; y++) truth.fill(2, y * 96 + 48, y * 96 + 96);
  const prediction = truth.slice();
  for (let y = 20; y < 70; y++) {
    const off = 48 + Math.round(25 * Math.sin((y - 20) / 8));
    prediction.fill(1, y * 96, y * 96 + off);
    prediction.fill(2, y * 96 + off, y * 96 + 96);
  }
  const confidence = blank().fill(250);
  const found = correct(
    { ...SIZE, truth, prediction, confidence, runnerUp: blank() },
    { arm: 'tools', cost: COST, classes: 3, tail: [], pairs: [] },
  );
  assert.equal(found.reached, true);
  assert.deepEqual(Object.keys(found.by_tool), ['reshape']);
  assert.equal(found.actions, 1);
});
