// Moving borders: one line takes away what sticks out and adds what is missing, whatever the classes.
import assert from 'node:assert/strict';
import test from 'node:test';
import { LabelMap } from '../../../../space/web/mask_editor/core/labelmap.mjs';
import { linePixels, reshape } from '../../../../space/web/mask_editor/core/reshape.mjs';

const SIDE = 60;

/** Skin (1) left of column `edge(y)`, hair (2) right of it. */
function twoClasses(edge) {
  const ids = Uint8Array.from({ length: SIDE * SIDE }, (_, i) => (i % SIDE < edge(Math.floor(i / SIDE)) ? 1 : 2));
  return new LabelMap(SIDE, SIDE, ids, { classes: 4 });
}

const move = (map, points, options) => map.edit('reshape', 'reshape', () => reshape(map, points, options));
const edgeOf = (map, y) => map.data.subarray(y * SIDE, (y + 1) * SIDE).indexOf(2);

test('one line straightens a border that was wrong on both sides', () => {
  const map = twoClasses((y) => (y > 10 && y < 25 ? 36 : y > 30 && y < 45 ? 24 : 30));
  move(map, [[30, 5], [30, 50]]);
  for (let y = 0; y < SIDE; y++) assert.ok(Math.abs(edgeOf(map, y) - 30) <= 1, `row ${y}: ${edgeOf(map, y)}`);
});

test('an end that stops short of the border is led to it', () => {
  const map = twoClasses((y) => (y > 10 && y < 25 ? 40 : 30));
  const near = [[33, 12], [33, 22]];
  assert.equal(move(map, near, { reach: 1 }), null);
  assert.ok(move(map, near, { reach: 8 }));
  assert.ok(edgeOf(map, 17) <= 34);
});

test('a line inside one class, and one that joins nothing, change nothing', () => {
  const map = twoClasses(() => 30);
  assert.equal(move(map, [[10, 10], [15, 30]], { reach: 3 }), null);
  assert.equal(move(map, [[10, 10], [15, 30], [5, 30], [10, 10]], { reach: 3 }), null);
  assert.equal(move(map, [[-9, -9], [-4, -2], [-3, -9]]), null);
});

test('a closed line gives a part the outline that was drawn', () => {
  const map = twoClasses(() => SIDE);
  map.edit('part', 'brush', () => {
    for (let y = 20; y < 32; y++) map.span(y, 24, 40, 3);
  });
  move(map, [[20, 22], [36, 22], [36, 36], [20, 36], [20, 22]]);
  const inside = (x, y) => x >= 20 && x <= 36 && y >= 22 && y <= 36;
  map.data.forEach((id, i) => {
    assert.equal(id === 3, inside(i % SIDE, Math.floor(i / SIDE)), `${i % SIDE} ${Math.floor(i / SIDE)}`);
  });
});

test('a locked class keeps its pixels when a border is moved', () => {
  const map = twoClasses((y) => (y > 10 && y < 25 ? 36 : 30));
  map.locked[1] = 1;
  assert.equal(move(map, [[30, 5], [30, 50]]), null);
});

test('a line has no gaps and stays inside the map', () => {
  const found = linePixels({ width: 9, height: 9 }, [[-4, 2], [6, 5], [6, 20]]);
  assert.ok(found.every((i) => i >= 0 && i < 81));
  for (let k = 1; k < found.length; k++) {
    const [a, b] = [found[k - 1], found[k]];
    assert.ok(Math.abs((a % 9) - (b % 9)) <= 1 && Math.abs(Math.floor(a / 9) - Math.floor(b / 9)) <= 1);
  }
});
