// What is chosen in the editor, and what of it stays when the next photo opens. No DOM.

export const LARGEST_BRUSH = 120;

export const startState = () => ({
  tool: 'brush', cls: 1, before: 1, size: 8, tolerance: 40,
  opacity: 0.5, outline: false, safely: false, heat: false, split: null, hold: null,
  hidden: new Set(), solo: null, path: [], hover: null, cross: null,
});

/** The state for the next photo: the hand's settings stay, what is about one photo does not. */
export function nextState({ tool, size, tolerance, opacity, outline, safely }) {
  return { ...startState(), tool, size, tolerance, opacity, outline, safely };
}
