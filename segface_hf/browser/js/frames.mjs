// Square, possibly turned frames in a photo, and the faces that define them. No DOM.
import { resize, roundHalfEven, sampled } from './resample.mjs';

const EMPTY_COLOR = [124, 116, 104];
// What the training photos show around a face; see segface_hf/pipeline/align.py.
const SIDE_OVER_BOX = 1.615;
const BOX_BELOW_CENTER = 0.0596;
const EYES_TO_SIDE = 4.024;
const EYE_TO_MOUTH_TO_SIDE = 3.622;
const CENTER_BELOW_EYES = 0.083;
const STEADY = { angle: 10, scale: 1.2, shift: 0.08 };
const TRUSTED = { scale: 1.8, shift: 0.35 };

export class Frame {
  /**
   * @param {[number, number]} center x and y in photo pixels
   * @param {number} side in photo pixels
   * @param {number} angle degrees clockwise
   */
  constructor(center, side, angle = 0) {
    Object.assign(this, { center, side, angle });
    const turn = angle * (Math.PI / 180);
    this.cos = side * Math.cos(turn);
    this.sin = side * Math.sin(turn);
  }

  /** Maps a point of the frame's unit square to photo pixels. */
  toPhoto([x, y]) {
    const across = x - 0.5, down = y - 0.5;
    return [
      across * this.cos - down * this.sin + this.center[0],
      across * this.sin + down * this.cos + this.center[1],
    ];
  }

  /** Maps a point in photo pixels to the frame's unit square. */
  toUnit([x, y]) {
    const across = x - this.center[0], down = y - this.center[1], area = this.side ** 2;
    return [
      (across * this.cos + down * this.sin) / area + 0.5,
      (down * this.cos - across * this.sin) / area + 0.5,
    ];
  }

  scaled(factor) {
    return new Frame(this.center, this.side * factor, this.angle);
  }

  /** The upright box x0, y0, x1, y1 around it. */
  get box() {
    const corners = [[0, 0], [1, 0], [1, 1], [0, 1]].map((corner) => this.toPhoto(corner));
    const [xs, ys] = [0, 1].map((i) => corners.map((corner) => corner[i]));
    return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
  }

  /** The whole pixels that it shares with a photo. */
  pixelBox({ width, height }) {
    const [x0, y0, x1, y1] = this.box;
    const left = Math.max(0, Math.floor(x0)), top = Math.max(0, Math.floor(y0));
    const right = Math.min(width, Math.ceil(x1)), bottom = Math.min(height, Math.ceil(y1));
    return [left, top, Math.max(left, right), Math.max(top, bottom)];
  }

  /** Cuts it out of a photo, upright, as a picture of size x size. */
  crop(photo, size) {
    const box = this.pixelBox(photo);
    const [width, height] = [box[2] - box[0], box[3] - box[1]];
    if (width === 0 || height === 0) return emptyPicture(size);
    if (this.isWhole(photo) && width === size && height === size) return photo;
    const shrink = Math.max(1, this.side / size);
    const part = resize(
      photo, [width, height].map((length) => Math.max(1, roundHalfEven(length / shrink))), box);
    return sampled(part, this.mapTo(part, box, size), size);
  }

  /** From pixels of the crop to those of a part of the photo. */
  mapTo(part, [x0, y0, x1, y1], size) {
    const across = part.width / (x1 - x0), down = part.height / (y1 - y0);
    const [x, y] = this.toPhoto([0, 0]);
    return [
      (this.cos * across) / size, (-this.sin * across) / size, (x - x0) * across,
      (this.sin * down) / size, (this.cos * down) / size, (y - y0) * down,
    ];
  }

  isWhole({ width, height }) {
    const box = this.box;
    return this.angle === 0 && box[0] === 0 && box[1] === 0 && box[2] === width && box[3] === height;
  }
}

function emptyPicture(size) {
  const data = new Uint8ClampedArray(size * size * 4);
  for (let i = 0; i < data.length; i++) data[i] = i % 4 === 3 ? 255 : EMPTY_COLOR[i % 4];
  return { width: size, height: size, data };
}

/** A face's box, turned with the face. */
export class Detection {
  constructor(center, size, confidence = 1, angle = 0) {
    Object.assign(this, { center, size, confidence, angle });
  }

  static ofBox([x0, y0, x1, y1], confidence) {
    return new Detection([(x0 + x1) / 2, (y0 + y1) / 2], [x1 - x0, y1 - y0], confidence);
  }

  get side() {
    return Math.sqrt(this.size[0] * this.size[1]);
  }

  /** The upright box around the turned one. */
  get box() {
    const turn = this.angle * (Math.PI / 180);
    const cos = Math.abs(Math.cos(turn)), sin = Math.abs(Math.sin(turn));
    const halfWidth = (cos * this.size[0] + sin * this.size[1]) / 2;
    const halfHeight = (sin * this.size[0] + cos * this.size[1]) / 2;
    const [x, y] = this.center;
    return [x - halfWidth, y - halfHeight, x + halfWidth, y + halfHeight];
  }
}

/** The frame that shows a detected face as the training photos do. */
export function frameOfDetection(face) {
  const side = face.side * SIDE_OVER_BOX;
  const center = new Frame(face.center, side, face.angle).toPhoto([0.5, 0.5 - BOX_BELOW_CENTER]);
  return new Frame(center, side, face.angle);
}

/** The detection that `frameOfDetection` would turn into a frame. */
export function detectionOfFrame(frame, confidence) {
  const center = frame.toPhoto([0.5, 0.5 + BOX_BELOW_CENTER]);
  const side = frame.side / SIDE_OVER_BOX;
  return new Detection(center, [side, side], confidence, frame.angle);
}

const middleOf = ([x0, y0], [x1, y1]) => [(x0 + x1) / 2, (y0 + y1) / 2];

/** The frame that five landmarks define; null if they coincide. */
export function frameOfLandmarks(points) {
  const eyes = middleOf(points[0], points[1]), mouth = middleOf(points[3], points[4]);
  const across = [points[1][0] - points[0][0], points[1][1] - points[0][1]];
  const down = [mouth[0] - eyes[0], mouth[1] - eyes[1]];
  const side = Math.max(
    EYES_TO_SIDE * Math.hypot(...across), EYE_TO_MOUTH_TO_SIDE * Math.hypot(...down));
  if (!(side > 1e-6) || !Number.isFinite(side)) return null;
  const center = [0, 1].map((i) => eyes[i] + CENTER_BELOW_EYES * down[i]);
  const angle = Math.atan2(across[1] - down[0], across[0] + down[1]) * (180 / Math.PI);
  return new Frame(center, side, angle);
}

/** The angle between two frames in degrees, 0 to 180. */
export function turnBetween(first, second) {
  const turn = (second.angle - first.angle + 180) % 360;
  return Math.abs((turn + 360) % 360 - 180);
}

/** Whether two frames are so close that a second parse would hardly differ. */
export function isSteady(first, second) {
  return turnBetween(first, second) <= STEADY.angle && isNear(first, second, STEADY);
}

/** Whether landmarks agree with the detector well enough to follow them. */
export const isTrusted = (detected, aligned) => isNear(detected, aligned, TRUSTED);

function isNear(first, second, { scale, shift }) {
  const ratio = second.side / first.side;
  const moved = Math.hypot(second.center[0] - first.center[0], second.center[1] - first.center[1]);
  return Math.max(ratio, 1 / ratio) <= scale && moved / first.side <= shift;
}
