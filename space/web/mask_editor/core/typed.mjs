// What a key event means, whatever keyboard it comes from. No DOM.

// Keys on which an alphabet without Latin letters may have letters: the sign that a US keyboard has there.
const SIGNS = { BracketLeft: '[', BracketRight: ']', Comma: ',', Period: '.', Slash: '/' };

/** The Latin letter or the sign of a key; another alphabet's letter counts by its place. */
function latin(event) {
  const { key, code } = event;
  if (/^[ -~]/.test(key) || typesSign(event)) return key; // Names such as "Enter" too.
  return /^Key[A-Z]$/.test(code) ? code.slice(3).toLowerCase() : SIGNS[code] ?? key;
}

/** A letter as Shift alone makes it: Caps Lock does not turn commands into others. */
export function asTyped(event) {
  const key = latin(event);
  if (key.length > 1) return key;
  return event.shiftKey ? key.toUpperCase() : key.toLowerCase();
}

/** The letter of a shortcut with Ctrl or Cmd. */
export function withControl(event) {
  return (event.ctrlKey || event.metaKey) && !typesSign(event) ? latin(event).toLowerCase() : null;
}

/** Does AltGr, or Option on a Mac, make a sign of this key? Alt alone is the browser's. */
export function typesSign(event) {
  return event.getModifierState('AltGraph') || (event.altKey && (event.key === '[' || event.key === ']'));
}

/**
 * The class of a key in the row of digits, Shift adding 10; null for other keys.
 *
 * Without Shift the place alone counts: a French row types & é " for 1 2 3. With Shift or AltGr a sign
 * that `isCommand` knows is what is meant: Shift+7 types / on a German keyboard.
 */
export function classKey(event, isCommand) {
  const digit = /^Digit(\d)$/.exec(event.code)?.[1];
  if (!digit || typesSign(event) || (event.shiftKey && isCommand(event.key))) return null;
  return Number(digit) + (event.shiftKey ? 10 : 0);
}
