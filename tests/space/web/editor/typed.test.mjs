// What key events of several keyboards mean.
import assert from 'node:assert/strict';
import test from 'node:test';
import { asTyped, classKey, typesSign, withControl } from '../../../../space/web/mask_editor/core/typed.mjs';

const event = (key, code, { altGr = false, shift = false, ctrl = false, alt = false } = {}) => ({
  key, code, shiftKey: shift, ctrlKey: ctrl, metaKey: false, altKey: alt,
  getModifierState: (name) => name === 'AltGraph' && altGr,
});
const isCommand = (key) => '[]/+-'.includes(key);

test('the letters of another alphabet count by their place', () => {
  assert.equal(asTyped(event('и', 'KeyB')), 'b');
  assert.equal(asTyped(event('Т', 'KeyN', { shift: true })), 'N');
  assert.equal(asTyped(event('ю', 'Period')), '.');
  assert.equal(withControl(event('ы', 'KeyS', { ctrl: true })), 's');
  assert.equal(withControl(event('я', 'KeyZ', { ctrl: true })), 'z');
});

test('Latin letters count as they are typed, on any keyboard layout', () => {
  assert.equal(asTyped(event('z', 'KeyY')), 'z');
  assert.equal(asTyped(event('N', 'KeyN')), 'n');
  assert.equal(withControl(event('Z', 'KeyY', { ctrl: true, shift: true })), 'z');
  assert.equal(asTyped(event('ArrowLeft', 'ArrowLeft')), 'ArrowLeft');
  assert.equal(withControl(event('s', 'KeyS')), null);
});

test('the row of digits gives classes by place, with Shift ten more', () => {
  assert.equal(classKey(event('8', 'Digit8'), isCommand), 8);
  assert.equal(classKey(event('*', 'Digit8', { shift: true }), isCommand), 18);
  assert.equal(classKey(event('-', 'Digit6'), isCommand), 6);
  assert.equal(classKey(event('a', 'KeyA'), isCommand), null);
});

test('a sign of the sheet that Shift or AltGr types in that row is no class', () => {
  assert.equal(classKey(event('/', 'Digit7', { shift: true }), isCommand), null);
  assert.equal(classKey(event('[', 'Digit8', { altGr: true }), isCommand), null);
  assert.equal(classKey(event('{', 'Digit7', { altGr: true }), isCommand), null);
});

test('AltGr and Option type signs even where the browser tells Ctrl and Alt', () => {
  assert.ok(typesSign(event('[', 'Digit8', { altGr: true, ctrl: true, alt: true })));
  assert.ok(typesSign(event('[', 'Digit5', { alt: true })));
  assert.ok(!typesSign(event('n', 'KeyN', { alt: true })));
  assert.equal(asTyped(event('€', 'KeyE', { altGr: true })), '€');
  assert.equal(withControl(event('ś', 'KeyS', { altGr: true, ctrl: true, alt: true })), null);
});
