// The pure label map: exactness, locks, undo, counts.
import assert from 'node:assert/strict';
import test from 'node:test';
import { decodeRuns, encodeRuns } from '../../../../space/web/mask_editor/core/journal.mjs';
import { HISTORY, LabelMap, RESTORE } from '../../../../space/web/mask_editor/core/labelmap.mjs';
import { disc, polygon, stroke } from '../../../../space/web/mask_editor/core/shapes.mjs';
import { below, OPERATIONS, randomMap, randomStep, seeded } from './random_steps.mjs';

const blank = (width = 70, height = 66) => new LabelMap(width, height, new Uint8Array(width * height));
const at = (map, x, y) => map.data[y * map.width + x];

test('any sequence of operations, then undo all, gives the original bytes', () => {
  for (let seed = 0; seed < 60; seed++) {
    const random = seeded(seed);
    const size = { width: 1 + below(random, 150), height: 1 + below(random, 150) };
    const map = randomMap(random, { ...size, classes: 2 + below(random, 18) });
    const original = map.data.slice();
    for (let k = 0; k < 25; k++) randomStep(map, random);
    const edited = map.data.slice();
    while (map.undo());
    assert.deepEqual(map.data, original, `seed ${seed}`);
    while (map.redo());
    assert.deepEqual(map.data, edited, `seed ${seed}`);
  }
});

test('locked classes never change, whatever is done', () => {
  for (let seed = 100; seed < 150; seed++) {
    const random = seeded(seed);
    const map = randomMap(random, { width: 90, height: 40, classes: 6 });
    map.locked[2] = map.locked[5] = 1;
    const where = map.data.map((id) => (id === 2 || id === 5 ? id : 255));
    for (let k = 0; k < 20; k++) randomStep(map, random);
    assert.deepEqual(map.data.map((id) => (id === 2 || id === 5 ? id : 255)), where, `seed ${seed}`);
  }
});

test('ids stay in range and the running counts equal a recount', () => {
  for (let seed = 200; seed < 240; seed++) {
    const random = seeded(seed);
    const map = randomMap(random, { width: 75, height: 80, classes: 7 });
    for (let k = 0; k < 20; k++) {
      if (random() < 0.3) map.undo();
      else randomStep(map, random);
    }
    assert.ok(map.data.every((id) => id < 7));
    const { areas, changedTo, changed } = map;
    map.count();
    assert.deepEqual([map.areas, map.changedTo, map.changed], [areas, changedTo, changed]);
  }
});

test('paint only over one class touches no other', () => {
  for (const name of Object.keys(OPERATIONS)) {
    const random = seeded(7);
    const map = randomMap(random, { width: 64, height: 64, classes: 5 });
    const before = map.data.slice();
    map.only = 3;
    map.edit(name, name, () => OPERATIONS[name](map, random));
    assert.ok(before.every((id, i) => id === map.data[i] || id === 3), name);
  }
});

test('a cancelled step leaves the bytes and the history as they were', () => {
  const map = blank();
  map.edit('dot', 'brush', () => disc(map, [9, 9], { radius: 3, value: 4 }));
  const before = map.data.slice();
  map.begin('preview');
  disc(map, [20, 20], { radius: 12, value: 5 });
  map.cancel();
  assert.deepEqual(map.data, before);
  assert.equal(map.done.length, 1);
  assert.equal(map.areas[5], 0);
});

test('a step that throws is rolled back', () => {
  const map = blank();
  assert.throws(() => map.edit('broken', 'brush', () => {
    disc(map, [9, 9], { radius: 3, value: 4 });
    throw new Error('stop');
  }), /stop/);
  assert.equal(map.changed, 0);
  assert.equal(map.step, null);
});

test('undo keeps 200 named steps', () => {
  const map = blank(300, 1);
  for (let x = 0; x < HISTORY + 20; x++) map.edit(`dot ${x}`, 'brush', () => map.put(x, 0, 1));
  assert.equal(HISTORY, 200);
  assert.equal(map.done.length, 200);
  assert.equal(map.undo().name, 'dot 219');
  while (map.undo());
  assert.equal(map.areas[1], 20);
});

test('a step that changes nothing is not remembered', () => {
  const map = blank();
  assert.equal(map.edit('nothing', 'brush', () => disc(map, [5, 5], { radius: 4, value: 0 })), null);
  assert.equal(map.done.length, 0);
});

test('restore brings back the prediction, not the start', () => {
  const prediction = new Uint8Array(16).fill(6);
  const map = new LabelMap(4, 4, new Uint8Array(16), { prediction, classes: 7 });
  map.edit('restore', 'restore', () => disc(map, [1, 1], { radius: 1, value: RESTORE }));
  assert.equal(at(map, 1, 1), 6);
  assert.equal(at(map, 3, 3), 0);
  assert.equal(map.changed, 16 - map.areas[6]);
});

test('a disc is symmetric and a stroke has no gaps', () => {
  const map = blank();
  map.edit('disc', 'brush', () => disc(map, [30, 30], { radius: 5, value: 1 }));
  for (let y = 20; y <= 40; y++) {
    for (let x = 20; x <= 40; x++) assert.equal(at(map, x, y), at(map, 60 - y, x), `${x} ${y}`);
  }
  const fast = blank();
  fast.edit('stroke', 'brush', () => stroke(fast, [2, 2], [60, 40], { radius: 2, value: 1 }));
  for (let k = 0; k <= 58; k++) assert.equal(at(fast, 2 + k, Math.round(2 + (k * 38) / 58)), 1);
});

test('a polygon fills its inside and its outline alone', () => {
  const map = blank();
  map.edit('polygon', 'polygon', () => polygon(map, [[2, 2], [10, 2], [10, 10], [2, 10]], 4));
  assert.equal(map.areas[4], 81);
  assert.equal(at(map, 11, 5), 0);
});

test('a map of the wrong length or with an unknown id is refused', () => {
  assert.throws(() => new LabelMap(3, 3, new Uint8Array(8)), /holds 8 ids, expected 3 x 3/);
  assert.throws(() => new LabelMap(1, 1, Uint8Array.of(19), { classes: 19 }), /19 is not below 19/);
});

test('runs code any tile and come back equal', () => {
  for (const bytes of [Uint8Array.of(7), new Uint8Array(4096), Uint8Array.from({ length: 4096 }, (_, i) => i)]) {
    assert.deepEqual(decodeRuns(encodeRuns(bytes)), bytes);
  }
});

test('the settled map leaves out the open step', () => {
  for (let seed = 300; seed < 330; seed++) {
    const random = seeded(seed);
    const map = randomMap(random, { width: 90, height: 75, classes: 6 });
    for (let k = 0; k < 5; k++) randomStep(map, random);
    const expected = { ids: map.data.slice(), changed: map.changed };
    map.begin('a stroke');
    for (let k = 0; k < 400; k++) map.put(below(random, 90), below(random, 75), below(random, 6));
    assert.notDeepEqual(map.data, expected.ids);
    assert.deepEqual(map.settled(), expected, `seed ${seed}`);
    map.commit();
    assert.deepEqual(map.settled(), { ids: map.data, changed: map.changed }, `seed ${seed}`);
  }
});
