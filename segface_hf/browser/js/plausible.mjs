// Rules for parts that can't be there; see segface_hf/pipeline/plausible.py. No DOM.
import { connected, tableOf, where } from './labels.mjs';
import { roundHalfEven } from './resample.mjs';

const FEATURES = ['l_brow', 'r_brow', 'l_eye', 'r_eye', 'nose', 'mouth', 'l_lip', 'u_lip'];
const HEAD = ['skin', 'hair', 'l_ear', 'r_ear', ...FEATURES, 'hat'];
const SPECK = 2e-4;
const SPECKS = { earring: 1e-4, hat: 2e-3, eyeglasses: 1e-3, necklace: 3e-4 };
const FACE_CENTER = [0.5, 0.58];
const FACE_WITHIN = 0.36;
const EYES = [0.5, 0.48];
const EYEGLASSES_WITHIN = 0.5;
const EYEGLASSES_ABOVE = 0.62;
const HAT_ABOVE = 0.62;
const EARRING_BETWEEN = [0.4, 1.1];
const NECKLACE_BELOW = 0.72;
const REACH = 0.015;

/** Where a face frame is in the frame that is parsed: its corner and its side in unit squares. */
export const WHOLE = { corner: [0, 0], side: 1 };

export const placeOf = (face, frame) => (
  { corner: frame.toUnit(face.toPhoto([0, 0])), side: face.side / frame.side });

const far = (point, from) => Math.hypot(point[0] - from[0], point[1] - from[1]);

// Each says that a component can't be there: { name, share, center, touches }.
const RULES = [
  (part) => part.share < (SPECKS[part.name] ?? SPECK),
  (part) => part.name === 'hat' && (part.center[1] > HAT_ABOVE || !part.touches('head')),
  (part) => part.name === 'necklace'
    && (part.center[1] < NECKLACE_BELOW || !part.touches('neck')),
  (part) => part.name === 'earring' && (part.center[1] <= EARRING_BETWEEN[0]
    || part.center[1] >= EARRING_BETWEEN[1] || !part.touches('head')),
  (part) => FEATURES.includes(part.name) && far(part.center, FACE_CENTER) > FACE_WITHIN,
  (part) => part.name === 'eyeglasses' && (far(part.center, EYES) > EYEGLASSES_WITHIN
    || part.center[1] > EYEGLASSES_ABOVE || !part.touches('head')),
];

/**
 * Relabels the components that break a rule by the class around them.
 *
 * @param {{side: number, labels: Uint8Array, logits: Float32Array}} parse
 * @param {string[]} names of the classes
 * @param {{corner: number[], side: number}} place of the face's own frame in the parsed one
 */
export function plausible(parse, names, place = WHOLE) {
  const { side, labels } = parse;
  const masks = {
    head: aroundFace(where(labels, tableOf(HEAD, names)), side, place),
    neck: where(labels, tableOf(['neck'], names)),
  };
  const broken = connected(labels, side).components
    .filter(({ id }) => id < names.length)
    .sort((a, b) => a.id - b.id)
    .filter((component) => {
      const part = described(component, names[component.id], side, place, masks);
      return RULES.some((rule) => rule(part));
    });
  if (!broken.length) return parse;
  const changed = { side, labels: labels.slice(), logits: parse.logits.slice() };
  for (const component of broken) relabel(changed, component);
  return changed;
}

function described({ pixels, box }, name, side, place, masks) {
  let x = 0, y = 0;
  for (const at of pixels) {
    x += at % side;
    y += Math.floor(at / side);
  }
  const middle = [x, y].map((sum) => (sum / pixels.length + 0.5) / side);
  return {
    name,
    share: pixels.length / (side * place.side) ** 2,
    center: middle.map((value, i) => (value - place.corner[i]) / place.side),
    touches: (mask) => touches(pixels, masks[mask], side, Math.max(1, roundHalfEven(REACH * side * place.side)), box),
  };
}

/** Whether one of some pixels is within reach of a mask. */
function touches(pixels, mask, side, reach, [left, top, right, bottom]) {
  const columns = [Math.max(0, left - reach), Math.min(side, right + reach)];
  const across = new Uint8Array(side * side);
  for (const at of pixels) {
    const y = Math.floor(at / side), x = at % side;
    across.fill(1, y * side + Math.max(0, x - reach), y * side + Math.min(side, x + reach + 1));
  }
  for (let y = Math.max(0, top - reach); y < Math.min(side, bottom + reach); y++) {
    for (let x = columns[0]; x < columns[1]; x++) {
      if (!mask[y * side + x]) continue;
      for (let row = Math.max(0, y - reach); row <= Math.min(side - 1, y + reach); row++) {
        if (across[row * side + x]) return true;
      }
    }
  }
  return false;
}

/** The component of a mask that covers most of a face's features, as a mask. */
export function aroundFace(mask, side, place) {
  const center = FACE_CENTER.map((value, i) => place.corner[i] + value * place.side);
  const [x, y] = center.map((value) => roundHalfEven(value * side));
  const reach = Math.max(1, roundHalfEven((FACE_WITHIN / 2) * place.side * side));
  const { numbers, components } = connected(mask, side);
  const counts = new Int32Array(components.length + 1);
  for (let row = Math.max(0, y - reach); row < Math.min(side, y + reach); row++) {
    for (let column = Math.max(0, x - reach); column < Math.min(side, x + reach); column++) {
      counts[numbers[row * side + column]]++;
    }
  }
  counts[0] = 0;
  const most = counts.indexOf(Math.max(...counts));
  const out = new Uint8Array(side * side);
  if (most > 0) for (const at of components[most - 1].pixels) out[at] = 1;
  return out;
}

/** Gives a component the commonest class of the pixels around it, in place. */
function relabel({ side, labels, logits }, { pixels }) {
  const inside = new Set(pixels), around = new Set(), counts = new Int32Array(256);
  for (const at of pixels) {
    const x = at % side, y = Math.floor(at / side);
    for (let row = Math.max(0, y - 1); row <= Math.min(side - 1, y + 1); row++) {
      for (let column = Math.max(0, x - 1); column <= Math.min(side - 1, x + 1); column++) {
        around.add(row * side + column);
      }
    }
  }
  for (const at of around) if (!inside.has(at)) counts[labels[at]]++;
  const id = counts.indexOf(Math.max(...counts));
  for (const at of pixels) prefer(labels, logits, side * side, at, id);
}

/** Makes a class the best one of a pixel, in its label and in its logits. */
export function prefer(labels, logits, area, at, id) {
  let most = -Infinity;
  for (let plane = at; plane < logits.length; plane += area) most = Math.max(most, logits[plane]);
  logits[id * area + at] = most + 1;
  labels[at] = id;
}
