// What the hand means by a tap, a swipe and a double click.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Hand } from './hand.mjs';

const CORNERS = [[20, 20], [120, 20], [120, 90]];

for (const tool of ['fill', 'revert', 'polygon']) {
  test(`a finger that swipes with the tool ${tool} moves the picture`, () => {
    const hand = new Hand(tool, { pointerType: 'touch' });
    hand.down([100, 100]);
    hand.move([103, 100], [130, 100], [250, 110]);
    hand.up([250, 110]);
    assert.equal(hand.painted, 0);
    assert.equal(hand.app.state.path.length, 0);
    assert.ok(hand.app.stage.view.x > 100);
    hand.tap([100, 100]);
    assert.ok(hand.painted > 0 || hand.app.state.path.length === 1 || tool === 'revert');
  });
}

test('a finger that trembles still taps', () => {
  const hand = new Hand('fill', { pointerType: 'touch' });
  hand.down([100, 100]);
  hand.move([104, 103], [99, 98]);
  hand.up([99, 98]);
  assert.equal(hand.painted, 300 * 200);
  assert.equal(hand.app.stage.view.x, 0);
});

for (const pointerType of ['mouse', 'pen', 'touch']) {
  test(`a double click or tap closes a polygon: ${pointerType}`, () => {
    const hand = new Hand('polygon', { pointerType });
    for (const corner of CORNERS) hand.tap(corner);
    assert.equal(hand.painted, 0);
    hand.tap([121, 91], 100);
    assert.ok(hand.painted > 3000);
    assert.deepEqual(hand.app.state.path, []);
  });
}

test('quick clicks at different places are corners', () => {
  const hand = new Hand('polygon');
  for (const corner of [...CORNERS, [20, 90]]) hand.tap(corner, 60);
  assert.equal(hand.app.state.path.length, 4);
});

test('two slow clicks at one place do not close a polygon', () => {
  const hand = new Hand('polygon');
  for (const corner of [...CORNERS, CORNERS[2]]) hand.tap(corner, 500);
  assert.equal(hand.painted, 0);
});

test('a double click on the first corner closes a polygon and begins no other', () => {
  const hand = new Hand('polygon');
  for (const corner of CORNERS) hand.tap(corner);
  hand.tap(CORNERS[0]);
  hand.tap(CORNERS[0], 100);
  assert.ok(hand.painted > 3000);
  assert.deepEqual(hand.app.state.path, []);
});
