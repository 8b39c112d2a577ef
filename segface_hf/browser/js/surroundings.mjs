// Hair, neck and clothes beyond a face's frame; see segface_hf/pipeline/beyond_frame.py. No DOM.
import { Frame } from './frames.mjs';
import { grown, tableOf } from './labels.mjs';
import { borderDistance } from './merge.mjs';
import { aroundFace, plausible, prefer } from './plausible.mjs';

export const OUTER_CLASSES = ['neck', 'cloth', 'hair', 'hat', 'necklace'];
const AT_THE_EDGE = 0.015;
const FADE_FROM = 0.7;
const FADE = 6;
const FLAT = 3;

/**
 * Wider frames: sides of the face frame, how far they are moved down, what is kept of them, and at
 * which share of the model's resolution they are parsed.
 */
export const WIDER = [
  { side: 1.7, drop: 0.1, classes: OUTER_CLASSES, resolution: 0.9 },
  { side: 7, drop: 1.7, classes: ['cloth'], resolution: 1 },
];

export const widerFrame = ({ side, drop }, face) => (
  new Frame(face.toPhoto([0.5, 0.5 + drop]), face.side * side, face.angle));

/** Whether one of some classes touches the frame's border inside the photo. */
export function extendsBeyond(frame, { side, labels }, names, photo, classes = OUTER_CLASSES) {
  const table = tableOf(classes, names);
  const margin = Math.max(AT_THE_EDGE, 1 / side) * frame.side;
  for (let i = 0; i < side; i++) {
    for (const [column, row] of [[i, 0], [i, side - 1], [0, i], [side - 1, i]]) {
      if (!table[labels[row * side + column]]) continue;
      const [x, y] = frame.toPhoto([(column + 0.5) / side, (row + 0.5) / side]);
      const isInside = x > margin && x < photo.width - margin && y > margin && y < photo.height - margin;
      if (isInside) return true;
    }
  }
  return false;
}

/** Keeps what is connected with a face in the parse of a wider frame, and can be there. */
export function ofFace(parse, names, place) {
  const own = aroundFace(parse.labels.map((id) => (id ? 1 : 0)), parse.side, place);
  return plausible(erase(parse, (i) => !own[i]), names, place);
}

/** Keeps some classes; with `fadesOut` parts end where the model is least sure near the rim. */
export function keepOuterClasses(parse, names, classes, fadesOut) {
  const table = tableOf(classes, names), area = parse.side ** 2;
  const distance = borderDistance(parse.side);
  return erase(parse, (i) => {
    if (!table[parse.labels[i]]) return true;
    if (!fadesOut) return false;
    const fade = Math.min(1, Math.max(0, (distance[i] - FADE_FROM) / (1 - FADE_FROM)));
    let most = -Infinity;
    for (let plane = i; plane < parse.logits.length; plane += area) {
      most = Math.max(most, parse.logits[plane]);
    }
    return most - parse.logits[i] < FADE * fade;
  });
}

/** Makes flat padding around a photo background: letterboxes, corners of a turned scan. */
export function withoutPadding(parse, names, frame, photo) {
  const color = paddingColor(photo);
  if (color === null) return parse;
  const padding = flatPixels(frame.crop(photo, parse.side), color);
  const rim = grown(grown(padding, parse.side), parse.side);
  const cloth = names.includes('cloth') ? names.indexOf('cloth') : -1;
  return erase(parse, (i) => padding[i] || (rim[i] && parse.labels[i] === cloth));
}

/** The color of a photo's corners where all four are flat and equal, else null. */
function paddingColor({ width, height, data }) {
  const side = Math.max(1, Math.floor(Math.min(width, height) / 100));
  const least = [255, 255, 255], most = [0, 0, 0];
  for (const top of [0, height - side]) {
    for (const left of [0, width - side]) {
      for (let i = 0; i < side * side; i++) {
        const at = ((top + Math.floor(i / side)) * width + left + i % side) * 4;
        for (let band = 0; band < 3; band++) {
          least[band] = Math.min(least[band], data[at + band]);
          most[band] = Math.max(most[band], data[at + band]);
        }
      }
    }
  }
  return most.some((value, band) => value - least[band] > FLAT) ? null : [...data.slice(0, 3)];
}

/** 1 where a picture has a color, and its right and lower neighbors hardly differ. */
function flatPixels({ width, data }, color) {
  const out = new Uint8Array(data.length / 4);
  const differs = (a, b) => Math.abs(a - b) > FLAT;
  for (let i = 0; i < out.length; i++) {
    const right = (i + 1) % width ? i + 1 : i, below = i + width < out.length ? i + width : i;
    out[i] = [0, 1, 2].some((band) => {
      const value = data[i * 4 + band];
      return differs(value, color[band]) || differs(value, data[right * 4 + band])
        || differs(value, data[below * 4 + band]);
    }) ? 0 : 1;
  }
  return out;
}

/** Makes pixels background, in the labels and in the logits. */
function erase(parse, isErased) {
  const labels = parse.labels.slice(), logits = parse.logits.slice();
  for (let i = 0; i < labels.length; i++) {
    if (isErased(i)) prefer(labels, logits, labels.length, i, 0);
  }
  return { side: parse.side, labels, logits };
}
