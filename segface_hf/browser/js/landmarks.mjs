// Five landmarks read off a face's label map; see segface_hf/pipeline/landmarks.py. No DOM.
import { tableOf } from './labels.mjs';

const [LEFT_EYE, RIGHT_EYE, NOSE, LEFT_MOUTH, RIGHT_MOUTH] = [0, 1, 2, 3, 4];
const TEMPLATE = [
  [0.378, 0.4785], [0.6225, 0.4785], [0.5, 0.6242], [0.4055, 0.7397], [0.5955, 0.7397],
];
const BROW_ABOVE_EYE = 0.234;
const LEAST_SHARE = 1.5e-4;
const CORNER_SHARE = 0.03;
const LEAST_CLUSTER = 0.08;
const APART = 1.4;

/**
 * Reads the landmarks off the labels of one roughly upright face.
 *
 * @param {Uint8Array} labels side * side class ids
 * @param {number} side
 * @param {string[]} names of the classes
 * @returns {number[][] | null} five points in pixels of the map, hidden ones inferred
 */
export function readLandmarks(labels, side, names) {
  const pixels = (...classes) => pixelsOf(labels, side, tableOf(classes, names));
  const points = [null, null, null, null, null];
  const mouth = pixels('mouth', 'u_lip', 'l_lip'), nose = pixels('nose');
  points.splice(0, 2, ...pair(pixels('l_eye', 'r_eye'), nose, mouth));
  const axis = faceAxis(points, nose, mouth);
  if (nose.length) points[NOSE] = lowerHalf(nose, axis);
  if (mouth.length) points.splice(LEFT_MOUTH, 2, ...corners(mouth, axis));
  eyesBehindLenses(points, pixels('eyeglasses'));
  eyesBelowBrows(points, pair(pixels('l_brow', 'r_brow'), nose, mouth), axis);
  const known = [0, 1, 2, 3, 4].filter((i) => points[i] !== null);
  if (known.length < 2) return null;
  const fitted = fitTemplate(points, known);
  return points.map((point, i) => point ?? fitted[i]);
}

function pixelsOf(labels, side, chosen) {
  const found = [];
  for (let i = 0; i < labels.length; i++) {
    if (chosen[labels[i]]) found.push([i % side + 0.5, Math.floor(i / side) + 0.5]);
  }
  return found.length < Math.max(4, LEAST_SHARE * labels.length) ? [] : found;
}

function mean(points) {
  let x = 0, y = 0;
  for (const point of points) {
    x += point[0];
    y += point[1];
  }
  return [x / points.length, y / points.length];
}

/** Centroids of the image-left and the image-right part, null where one is hidden. */
function pair(pixels, nose, mouth) {
  if (!pixels.length) return [null, null];
  const halves = twoClusters(pixels);
  if (halves !== null) return halves.map(mean);
  if (!nose.length || !mouth.length) return [null, null];
  const [place, top, bottom] = [mean(pixels), mean(nose), mean(mouth)];
  const down = [bottom[0] - top[0], bottom[1] - top[1]];
  const offset = [place[0] - top[0], place[1] - top[1]];
  return offset[0] * down[1] - offset[1] * down[0] > 0 ? [null, place] : [place, null];
}

/** Splits pixels into a left and a right blob; null where they are one blob. */
function twoClusters(pixels) {
  let first = pixels[0], second = pixels[0], left, right;
  for (const pixel of pixels) {
    if (pixel[0] < first[0]) first = pixel;
    if (pixel[0] > second[0]) second = pixel;
  }
  const distance = ([x, y], [a, b]) => (x - a) ** 2 + (y - b) ** 2;
  for (let i = 0; i < 8; i++) {
    left = [];
    right = [];
    for (const pixel of pixels) {
      (distance(pixel, second) < distance(pixel, first) ? right : left).push(pixel);
    }
    if (!left.length || !right.length) return null;
    [first, second] = [mean(left), mean(right)];
  }
  const axis = [second[0] - first[0], second[1] - first[1]], length = Math.hypot(...axis);
  const widest = Math.max(...[left, right].map((half) => extent(half, axis) / length));
  const share = right.length / pixels.length;
  const isOne = length < APART * widest || share <= LEAST_CLUSTER || share >= 1 - LEAST_CLUSTER;
  return isOne ? null : [left, right];
}

function extent(points, axis) {
  let least = Infinity, most = -Infinity;
  for (const [x, y] of points) {
    const along = x * axis[0] + y * axis[1];
    least = Math.min(least, along);
    most = Math.max(most, along);
  }
  return most - least;
}

/** Unit vector from the image-left to the image-right side of the face. */
function faceAxis([left, right], nose, mouth) {
  let axis = [1, 0];
  if (left !== null && right !== null) {
    axis = [right[0] - left[0], right[1] - left[1]];
  } else if (nose.length && mouth.length) {
    const [top, bottom] = [mean(nose), mean(mouth)];
    axis = [bottom[1] - top[1], top[0] - bottom[0]];
  }
  const length = Math.hypot(...axis);
  return length > 0 ? axis.map((value) => value / length) : [1, 0];
}

function lowerHalf(nose, axis) {
  const down = nose.map(([x, y]) => y * axis[0] - x * axis[1]);
  const middle = quantile(Float64Array.from(down).sort(), 0.5);
  return mean(nose.filter((_, i) => down[i] >= middle));
}

/** Means of the outermost pixels, so that one stray pixel moves no corner. */
function corners(mouth, axis) {
  const along = mouth.map(([x, y]) => x * axis[0] + y * axis[1]);
  const sorted = Float64Array.from(along).sort();
  const low = quantile(sorted, CORNER_SHARE), high = quantile(sorted, 1 - CORNER_SHARE);
  return [mean(mouth.filter((_, i) => along[i] <= low)), mean(mouth.filter((_, i) => along[i] >= high))];
}

function quantile(sorted, share) {
  const place = share * (sorted.length - 1), low = Math.floor(place), rest = place - low;
  const next = Math.min(sorted.length - 1, low + 1), step = sorted[next] - sorted[low];
  return rest < 0.5 ? sorted[low] + step * rest : sorted[next] - step * (1 - rest);
}

function eyesBehindLenses(points, lenses) {
  if ((points[LEFT_EYE] && points[RIGHT_EYE]) || !lenses.length) return;
  const middle = mean(lenses)[0];
  const halves = [lenses.filter(([x]) => x <= middle), lenses.filter(([x]) => x > middle)];
  for (const eye of [LEFT_EYE, RIGHT_EYE]) {
    if (points[eye] === null && halves[eye].length) points[eye] = mean(halves[eye]);
  }
}

function eyesBelowBrows(points, brows, axis) {
  if ((points[LEFT_EYE] && points[RIGHT_EYE]) || brows.includes(null)) return;
  const [left, right] = brows;
  const drop = BROW_ABOVE_EYE * Math.hypot(right[0] - left[0], right[1] - left[1]);
  for (const eye of [LEFT_EYE, RIGHT_EYE]) {
    points[eye] ??= [brows[eye][0] - drop * axis[1], brows[eye][1] + drop * axis[0]];
  }
}

/** Fits the mean face to the known points by turning, scaling and moving it. */
function fitTemplate(points, known) {
  const from = mean(known.map((i) => TEMPLATE[i])), to = mean(known.map((i) => points[i]));
  let real = 0, imaginary = 0, size = 0;
  for (const i of known) {
    const [a, b] = [TEMPLATE[i][0] - from[0], TEMPLATE[i][1] - from[1]];
    const [c, d] = [points[i][0] - to[0], points[i][1] - to[1]];
    real += a * c + b * d;
    imaginary += a * d - b * c;
    size += a * a + b * b;
  }
  return TEMPLATE.map(([x, y]) => {
    const [a, b] = [x - from[0], y - from[1]];
    return [(a * real - b * imaginary) / size + to[0], (a * imaginary + b * real) / size + to[1]];
  });
}
