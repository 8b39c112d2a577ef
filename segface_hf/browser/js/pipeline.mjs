// From a photo to its label map: crop, parse, align by landmarks, parse again, merge. No DOM.
// The same as segface_hf/pipeline/pipeline.py, for models without a warp.
import { Detection, Frame, frameOfDetection, frameOfLandmarks, isSteady, isTrusted, turnBetween } from './frames.mjs';
import { readLandmarks } from './landmarks.mjs';
import { Canvas, nearWeights, wideWeights } from './merge.mjs';
import { placeOf, plausible } from './plausible.mjs';
import { roundHalfEven } from './resample.mjs';
import { WIDER, extendsBeyond, keepOuterClasses, ofFace, widerFrame, withoutPadding } from './surroundings.mjs';

export const UNREADABLE = 'too blurred or small to parse well';
const SMALL_FRAMES = [[40, 0.7], [96, 0.8]];
const LARGE_TURN = 10;
const COVERING = 1.15;
const FEATURES_WITHIN = 0.33;
const FEATURES_MIDDLE = [0.5, 0.58];
const LEAST_CONFIDENCE = 0.75;

/**
 * Parses the detected faces of a photo and merges them in its pixels.
 *
 * @param {{width: number, height: number, data: Uint8Array}} photo RGBA
 * @param {Detection[]} found
 * @param {{resolution: number, names: string[], run: Function}} model
 * @returns {Promise<{labels: Uint8Array, faces: object[]}>}
 */
export async function parseFaces(photo, found, model) {
  const { names } = model;
  const canvas = new Canvas(photo.width, photo.height), faces = [], cut = [];
  for (const face of found) {
    const view = await aligned(photo, face, model);
    const parse = plausible(withoutPadding(view.parse, names, view.frame, photo), names);
    canvas.add(view.frame, parse, nearWeights(parse.side));
    const problem = confidenceOf(view.parse) < LEAST_CONFIDENCE ? UNREADABLE : null;
    faces.push(described(photo, view, problem));
    if (problem === null && extendsBeyond(view.frame, view.parse, names, photo)) cut.push(view.frame);
  }
  for (const frame of cut) await pasteSurroundings(canvas, photo, frame, model);
  return { labels: canvas.labels, faces };
}

/** Parses a picture as one upright face that fills it. */
export async function parseWhole(photo, model) {
  const { width, height } = photo;
  const face = Detection.ofBox([0, 0, width, height], 0);
  const frame = new Frame([width / 2, height / 2], Math.max(width, height));
  const view = await look(photo, { face, frame }, model, model.resolution);
  const canvas = new Canvas(width, height);
  canvas.add(frame, view.parse, nearWeights(view.parse.side));
  return { labels: canvas.labels, faces: [described(photo, view, null)] };
}

/** Parses in the detector's frame, then in the one that the landmarks define. */
async function aligned(photo, face, model) {
  const looked = (frame) => look(photo, { face, frame }, model, cropSide(frame, model.resolution));
  let view = await looked(covering(frameOfDetection(face), photo));
  let frame = betterFrame(view, photo);
  if (frame === null) return view;
  view = await looked(frame);
  const isTurned = turnBetween(new Frame([0, 0], 1, face.angle), view.frame) > LARGE_TURN;
  frame = isTurned ? betterFrame(view, photo) : null;
  return frame === null ? view : looked(frame);
}

async function look(photo, { face, frame }, model, side) {
  const parse = await model.run(frame.crop(photo, side));
  return { face, frame, parse, points: pointsIn(frame, parse, model.names) };
}

/** The side at which a frame is parsed: small frames need less than the resolution. */
function cropSide(frame, resolution, share = 1) {
  const shares = SMALL_FRAMES.filter(([most]) => frame.side <= most).map(([, least]) => least);
  const least = Math.min(share, ...shares);
  return least === 1 ? resolution : Math.max(32, roundHalfEven((resolution * least) / 32) * 32);
}

function pointsIn(frame, { side, labels }, names) {
  const isFeature = featuresZone(side);
  const read = readLandmarks(labels.map((id, i) => (isFeature[i] ? id : 0)), side, names);
  return read && read.map(([x, y]) => frame.toPhoto([x / side, y / side]));
}

/** 1 at the place of a face's features; a neighbor's are outside. */
function featuresZone(side) {
  const out = new Uint8Array(side * side);
  for (let y = 0, at = 0; y < side; y++) {
    const down = ((y + 0.5) / side - FEATURES_MIDDLE[1]) ** 2;
    for (let x = 0; x < side; x++, at++) {
      const across = ((x + 0.5) / side - FEATURES_MIDDLE[0]) ** 2;
      out[at] = across + down < FEATURES_WITHIN ** 2 ? 1 : 0;
    }
  }
  return out;
}

/** The frame that a view's landmarks define, where parsing there may help; else null. */
function betterFrame({ face, frame, points }, photo) {
  const found = points === null ? null : frameOfLandmarks(points);
  if (found === null || !isTrusted(frameOfDetection(face), found)) return null;
  const better = covering(found, photo);
  return isSteady(frame, better) ? null : better;
}

/** Enlarges a frame to hold the whole photo, if little is missing. */
function covering(frame, { width, height }) {
  const corners = [[0, 0], [width, 0], [width, height], [0, height]].flatMap((at) => frame.toUnit(at));
  const factor = 2 * Math.max(...corners.map((value) => Math.abs(value - 0.5)));
  return factor > 1 && factor <= COVERING ? frame.scaled(factor) : frame;
}

/** Mean probability of the best class in the middle of a face. */
function confidenceOf({ side, logits }) {
  const isFeature = featuresZone(side), area = side * side;
  let sum = 0, count = 0;
  for (let i = 0; i < area; i++) {
    if (!isFeature[i]) continue;
    let most = -Infinity, odds = 0;
    for (let plane = i; plane < logits.length; plane += area) most = Math.max(most, logits[plane]);
    for (let plane = i; plane < logits.length; plane += area) odds += Math.exp(logits[plane] - most);
    sum += 1 / odds;
    count++;
  }
  return sum / count;
}

/** Parses wider around a face whose hair or clothes its frame cuts off. */
async function pasteSurroundings(canvas, photo, face, model) {
  const { names, resolution } = model;
  for (const [level, wider] of WIDER.entries()) {
    const frame = widerFrame(wider, face), side = cropSide(frame, resolution, wider.resolution);
    const parse = ofFace(await model.run(frame.crop(photo, side)), names, placeOf(face, frame));
    const following = WIDER[level + 1];
    const goesOn = following !== undefined
      && extendsBeyond(frame, parse, names, photo, following.classes);
    const around = keepOuterClasses(parse, names, wider.classes, !goesOn);
    canvas.add(frame, withoutPadding(around, names, frame, photo), wideWeights(side, level));
    if (!goesOn) return;
  }
}

function described({ width, height }, { face, points }, problem) {
  const most = [width, height, width, height];
  const box = face.box.map((edge, i) => Math.min(Math.max(0, edge), most[i]));
  return { box, landmarks: points, confidence: face.confidence, problem };
}
