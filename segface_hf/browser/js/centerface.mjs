// Finding faces with the CenterFace network: boxes, landmarks, and the frames that they define.
// Source: Xu et al., CenterFace (2019); see segface_hf/pipeline/centerface.py for the numbers.
import { Detection, Frame, detectionOfFrame, frameOfDetection, frameOfLandmarks, isTrusted } from './frames.mjs';
import { resize, roundHalfEven } from './resample.mjs';

const PHOTO_SIDE = 448;
const CLOSE_SIDE = 1280;
const CLOSE_UP_SIDE = 256;
const LARGEST_ENLARGEMENT = 2;
const SMALL_FACE = 32;
const CANDIDATE_CONFIDENCE = 0.35;
const LEAST_CONFIDENCE = 0.5;
const SURELY_UPRIGHT = 0.75;
const UPRIGHT_WITHIN = 50;
const PATCH_SIDE = 160;
const PATCH_OVER_FACE = 2.2;
const FRAME_OVER_LANDMARKS = 1.012;
const OVERLAP_LIMIT = 0.5;
const STRIDE = 4;
const MULTIPLE = 32;
const round = Math.fround;

/**
 * Finds every face of a photo once, largest first.
 *
 * @param {{width: number, height: number, data: Uint8Array}} photo
 * @param {(pixels: Float32Array, height: number, width: number) => Promise<Float32Array[]>} run
 *   The network: (3, height, width) to heat, log size, offset and landmarks, at a stride of 4.
 */
export async function detect(photo, run) {
  let found = await inPhoto(photo, run, PHOTO_SIDE);
  const scale = Math.min(1, PHOTO_SIDE / Math.max(photo.width, photo.height));
  if (!found.length || Math.min(...found.map((face) => face.side)) * scale < SMALL_FACE) {
    found = strongest([...found, ...await inPhoto(photo, run, CLOSE_SIDE, LARGEST_ENLARGEMENT)]);
  }
  if (!found.length) found = await inPhoto(photo, run, CLOSE_UP_SIDE);
  if (!found.length) found = await inTurnedPhoto(photo, run);
  const refined = [];
  for (const face of found) refined.push(await refine(photo, run, face));
  const sure = strongest(refined).filter((face) => face.confidence >= LEAST_CONFIDENCE);
  return sure.sort((a, b) => b.side - a.side);
}

/** The faces of a picture; neighboring peaks may show the same face. */
export async function findFaces(picture, run) {
  const { pixels, height, width } = padded(picture);
  const [heat, size, offset, marks] = await run(pixels, height, width);
  const rows = height / STRIDE, columns = width / STRIDE, area = rows * columns;
  const found = [];
  for (let at = 0; at < area; at++) {
    if (heat[at] < round(CANDIDATE_CONFIDENCE) || !isPeak(heat, at, rows, columns)) continue;
    const place = [at % columns, Math.floor(at / columns)];
    // Planes of the network have y before x; each step rounds as NumPy's float32 does.
    const sides = [1, 0].map((axis) => STRIDE * round(Math.exp(size[axis * area + at])));
    const corner = [0, 1].map((axis) => round(
      STRIDE * round(place[axis] + 0.5 + offset[(1 - axis) * area + at]) - sides[axis] / 2));
    const points = [0, 1, 2, 3, 4].map((point) => [1, 0].map((plane, axis) => round(
      round(marks[(2 * point + plane) * area + at] * sides[axis]) + corner[axis])));
    const box = [...corner, ...corner.map((value, axis) => round(value + sides[axis]))];
    found.push({ box, points, confidence: heat[at] });
  }
  return found;
}

/** A picture as planes of floats, black at the right and below up to a multiple of 32. */
function padded({ width, height, data }) {
  const [paddedWidth, paddedHeight] = [width, height].map((n) => Math.ceil(n / MULTIPLE) * MULTIPLE);
  const area = paddedWidth * paddedHeight;
  const pixels = new Float32Array(3 * area);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0, at = y * paddedWidth; x < width; x++, at++, i += 4) {
      pixels[at] = data[i];
      pixels[area + at] = data[i + 1];
      pixels[2 * area + at] = data[i + 2];
    }
  }
  return { pixels, height: paddedHeight, width: paddedWidth };
}

function isPeak(heat, at, rows, columns) {
  const row = Math.floor(at / columns), column = at % columns;
  for (let y = Math.max(0, row - 1); y <= Math.min(rows - 1, row + 1); y++) {
    for (let x = Math.max(0, column - 1); x <= Math.min(columns - 1, column + 1); x++) {
      if (heat[y * columns + x] > heat[at]) return false;
    }
  }
  return true;
}

/** Upright boxes in the photo, scaled to a longest side by at most a factor. */
async function inPhoto(photo, run, side, largest = 1) {
  const scale = Math.min(largest, side / Math.max(photo.width, photo.height));
  const size = [photo.width, photo.height].map((n) => Math.max(1, roundHalfEven(n * scale)));
  const found = await findFaces(resize(photo, size), run);
  return strongest(found.map(({ box, confidence }) => Detection.ofBox(
    box.map((edge) => round(edge / scale)), confidence)));
}

async function inTurnedPhoto(photo, run) {
  const side = Math.hypot(photo.width, photo.height);
  const found = [];
  for (const turn of [90, 180, -90]) {
    const frame = new Frame([photo.width / 2, photo.height / 2], side, turn);
    found.push(...await inFrame(photo, run, frame, PHOTO_SIDE));
  }
  return strongest(found);
}

/** Searches again around a face, at the angles that it may be turned by. */
async function refine(photo, run, face) {
  const found = await atTurns(photo, run, face, [0, 180]);
  if (face.confidence < SURELY_UPRIGHT || !found.length) {
    found.push(...await atTurns(photo, run, face, [90, -90]));
  }
  const best = found.reduce((a, b) => (b.confidence > a.confidence ? b : a), found[0] ?? face);
  return new Detection(
    best.center, best.size, Math.max(best.confidence, face.confidence), best.angle);
}

async function atTurns(photo, run, face, turns) {
  const found = [];
  for (const turn of turns) {
    const patch = new Frame(face.center, face.side * PATCH_OVER_FACE, turn);
    found.push(...await inFrame(photo, run, patch, PATCH_SIDE));
  }
  return found.filter((one) => overlap(one.box, face.box) > OVERLAP_LIMIT);
}

/** Searches a frame's crop for upright faces, and frames them by their landmarks. */
async function inFrame(photo, run, frame, side) {
  const found = [];
  for (const { box, points, confidence } of await findFaces(frame.crop(photo, side), run)) {
    const aligned = frameOfLandmarks(points);
    if (aligned === null || Math.abs(aligned.angle) > UPRIGHT_WITHIN) continue;
    if (!isTrusted(frameOfDetection(Detection.ofBox(box, confidence)), aligned)) continue;
    const placed = new Frame(
      frame.toPhoto(aligned.center.map((value) => value / side)),
      aligned.side * (frame.side / side / FRAME_OVER_LANDMARKS),
      frame.angle + aligned.angle);
    found.push(detectionOfFrame(placed, confidence));
  }
  return found;
}

/** Intersection of two boxes, divided by the area of the smaller box. */
function overlap(a, b) {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (width <= 0 || height <= 0) return 0;
  const areas = [a, b].map((box) => (box[2] - box[0]) * (box[3] - box[1]));
  return (width * height) / Math.min(...areas);
}

/** Keeps the most confident detection of each face. */
function strongest(faces) {
  const kept = [];
  for (const face of [...faces].sort((a, b) => b.confidence - a.confidence)) {
    if (kept.every((other) => overlap(face.box, other.box) < OVERLAP_LIMIT)) kept.push(face);
  }
  return kept;
}
