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

/** Leave, as when another photo opens, in the midst of a drag; then drag on and let go. */
function leaveWhileDragging(hand) {
  hand.down([40, 40]);
  hand.move([120, 40], [120, 120]);
  hand.pointer.leave();
  const { painted } = hand;
  hand.move([40, 120], [60, 60]);
  hand.up([60, 60]);
  assert.equal(hand.painted, painted);
  assert.equal(hand.app.map.step, null);
  assert.deepEqual(hand.app.state.path, []);
  return painted;
}

test('a stroke in progress ends when its photo is left', () => {
  const hand = new Hand('brush');
  assert.ok(leaveWhileDragging(hand) > 300);
  assert.equal(hand.app.map.done.length, 1);
});

for (const tool of ['lasso', 'redraw', 'reshape']) {
  test(`an outline in progress is dropped when its photo is left: ${tool}`, () => {
    assert.equal(leaveWhileDragging(new Hand(tool)), 0);
  });
}

test('a finger that rests when the photo is left taps on no other', () => {
  const hand = new Hand('fill', { pointerType: 'touch' });
  hand.down([40, 40]);
  hand.pointer.leave();
  hand.up([40, 40]);
  assert.equal(hand.painted, 0);
});
