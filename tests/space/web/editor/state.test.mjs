// What stays when the next photo opens.
import assert from 'node:assert/strict';
import test from 'node:test';
import { LabelMap } from '../../../../space/web/mask_editor/core/labelmap.mjs';
import { Locks } from '../../../../space/web/mask_editor/ui/locks.mjs';
import { nextState, startState } from '../../../../space/web/mask_editor/core/state.mjs';

const FACE = [{ name: 'background' }, { name: 'skin' }, { name: 'hair' }];
const mapOf = () => new LabelMap(4, 4, new Uint8Array(16));

test('tool settings stay for the next photo', () => {
  const kept = { tool: 'wand', size: 3, tolerance: 90, opacity: 0.9, outline: true, safely: true };
  assert.deepEqual(nextState({ ...startState(), ...kept }), { ...startState(), ...kept });
});

test('state about one photo starts from its defaults', () => {
  const about = { cls: 5, heat: true, split: 0.3, solo: 2, path: [[1, 1]], cross: [2, 2], hidden: new Set([3]) };
  assert.deepEqual(nextState({ ...startState(), ...about }), startState());
});

test('locks stay for the next photo of the same classes', () => {
  const locks = new Locks({});
  const first = mapOf();
  locks.load(first, FACE);
  first.locked[2] = 1;
  const second = mapOf();
  locks.load(second, FACE.map((entry) => ({ ...entry })));
  assert.deepEqual([...second.locked.subarray(0, 3)], [0, 0, 1]);
  second.locked[2] = 0;
  assert.equal(first.locked[2], 1);
});

test('locks are cleared for a photo of other classes', () => {
  const locks = new Locks({});
  const first = mapOf();
  locks.load(first, FACE);
  first.locked[2] = 1;
  const other = mapOf();
  locks.load(other, [...FACE.slice(0, 2), { name: 'hat' }]);
  assert.ok(other.locked.every((locked) => locked === 0));
});
