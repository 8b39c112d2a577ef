// Resampling of 8-bit pictures, to the bytes that Pillow gives. No DOM.
// A picture is { width, height, data } with RGBA bytes, row by row; alpha is not read.

const WEIGHT_BITS = 22;
const HALF = 1 << (WEIGHT_BITS - 1);
const FIXED = 65536;
const FIXED_MOST = 32768;

/** Rounds to the nearest integer, halves to the even one, as Python does. */
export function roundHalfEven(value) {
  const low = Math.floor(value);
  const rest = value - low;
  if (rest !== 0.5) return rest < 0.5 ? low : low + 1;
  return low % 2 === 0 ? low : low + 1;
}

export const clamp = (value, least, most) => Math.min(most, Math.max(least, value));

/**
 * Scales a part of a picture bilinearly, with antialiasing.
 *
 * @param {{width: number, height: number, data: Uint8Array}} picture
 * @param {[number, number]} size width and height of the result
 * @param {[number, number, number, number]} box x0, y0, x1, y1 of the part, in pixels
 */
export function resize(picture, size, box = [0, 0, picture.width, picture.height]) {
  const [width, height] = size;
  const isWhole = box[0] === 0 && box[1] === 0 && box[2] === picture.width && box[3] === picture.height;
  if (isWhole && width === picture.width && height === picture.height) return picture;
  const factors = [0, 1].map((i) => Math.floor((box[i + 2] - box[i]) / size[i] / 2) || 1);
  if (factors[0] === 1 && factors[1] === 1) return interpolated(picture, size, box);
  const around = boxAround(picture, size, box);
  const small = reduced(picture, factors, around);
  return interpolated(small, size, box.map((edge, i) => (edge - around[i % 2]) / factors[i % 2]));
}

/** The whole pixels that interpolation of a box may read. */
function boxAround(picture, size, box) {
  const reach = [0, 1].map((i) => (0.5 * (box[i + 2] - box[i])) / size[i]);
  return [
    Math.max(0, Math.trunc(box[0] - reach[0])),
    Math.max(0, Math.trunc(box[1] - reach[1])),
    Math.min(picture.width, Math.ceil(box[2] + reach[0])),
    Math.min(picture.height, Math.ceil(box[3] + reach[1])),
  ];
}

/** Means of blocks of pixels; those at the right and lower edge may be smaller. */
function reduced(picture, [across, down], [left, top, right, bottom]) {
  const width = Math.ceil((right - left) / across), height = Math.ceil((bottom - top) / down);
  const out = new Uint8ClampedArray(width * height * 4);
  for (let y = 0, at = 0; y < height; y++) {
    const y0 = top + y * down, y1 = Math.min(bottom, y0 + down);
    for (let x = 0; x < width; x++, at += 4) {
      const x0 = left + x * across, x1 = Math.min(right, x0 + across);
      blockMean(picture, x0, y0, x1, y1, out, at);
    }
  }
  return { width, height, data: out };
}

function blockMean({ data, width }, x0, y0, x1, y1, out, at) {
  const count = (x1 - x0) * (y1 - y0);
  const start = count >> 1;
  let red = start, green = start, blue = start;
  for (let y = y0; y < y1; y++) {
    for (let x = x0, i = (y * width + x0) * 4; x < x1; x++, i += 4) {
      red += data[i];
      green += data[i + 1];
      blue += data[i + 2];
    }
  }
  // The quotient in 24 bits after the point, as Pillow has it.
  const factor = Math.trunc(Math.fround(2 ** 32 / Math.fround(256 * count)));
  out[at] = Math.floor((red * factor) / 2 ** 24);
  out[at + 1] = Math.floor((green * factor) / 2 ** 24);
  out[at + 2] = Math.floor((blue * factor) / 2 ** 24);
  out[at + 3] = 255;
}

function interpolated(picture, [width, height], box) {
  const [left, top, right, bottom] = box.map(Math.fround);
  const rows = axisWeights(picture.height, top, bottom, height);
  const first = rows.starts[0];
  const last = rows.starts[height - 1] + rows.counts[height - 1];
  let middle = picture, offset = 0;
  if (width !== picture.width || left !== 0 || right !== width) {
    middle = along(picture, axisWeights(picture.width, left, right, width), width, first, last);
    offset = first;
  }
  if (height === picture.height && top === 0 && bottom === height) return middle;
  return upright(middle, rows, height, offset);
}

/** Which pixels along an axis make each result, and their weights as integers. */
function axisWeights(length, from, to, size) {
  const scale = Math.fround(to - from) / size;
  const reach = Math.max(1, scale);
  const most = Math.ceil(reach) * 2 + 1;
  const starts = new Int32Array(size), counts = new Int32Array(size);
  const weights = new Int32Array(size * most), shares = new Float64Array(most);
  for (let i = 0; i < size; i++) {
    const center = from + (i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(center - reach + 0.5));
    const count = Math.min(length, Math.trunc(center + reach + 0.5)) - start;
    let sum = 0;
    for (let k = 0; k < count; k++) {
      shares[k] = Math.max(0, 1 - Math.abs((k + start - center + 0.5) * (1 / reach)));
      sum += shares[k];
    }
    for (let k = 0; k < count; k++) {
      const share = sum === 0 ? shares[k] : shares[k] / sum;
      weights[i * most + k] = Math.trunc(0.5 + share * 2 ** WEIGHT_BITS);
    }
    starts[i] = start;
    counts[i] = count;
  }
  return { starts, counts, weights, most };
}

/** Interpolates along rows `first` to `last`. */
function along({ data, width: stride }, { starts, counts, weights, most }, width, first, last) {
  const out = new Uint8ClampedArray(width * (last - first) * 4);
  for (let y = first, at = 0; y < last; y++) {
    for (let x = 0; x < width; x++, at += 4) {
      const from = (y * stride + starts[x]) * 4;
      mix(out, at, data, from, 4, weights, x * most, x * most + counts[x]);
    }
  }
  return { width, height: last - first, data: out };
}

/** Interpolates along columns. */
function upright({ data, width }, { starts, counts, weights, most }, height, offset) {
  const out = new Uint8ClampedArray(width * height * 4);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 4) {
      const from = ((starts[y] - offset) * width + x) * 4;
      mix(out, at, data, from, width * 4, weights, y * most, y * most + counts[y]);
    }
  }
  return { width, height, data: out };
}

/** Writes a weighted mean of pixels that lie `step` bytes apart, in fixed point. */
function mix(out, at, data, from, step, weights, first, end) {
  let red = HALF, green = HALF, blue = HALF;
  for (let k = first, i = from; k < end; k++, i += step) {
    const weight = weights[k];
    red += data[i] * weight;
    green += data[i + 1] * weight;
    blue += data[i + 2] * weight;
  }
  out[at] = red >> WEIGHT_BITS;
  out[at + 1] = green >> WEIGHT_BITS;
  out[at + 2] = blue >> WEIGHT_BITS;
  out[at + 3] = 255;
}

/**
 * Samples a picture bilinearly at places of an affine map; its border pixels repeat outside.
 *
 * @param {{width: number, height: number, data: Uint8Array}} picture
 * @param {number[]} map x = m0 (c + 1/2) + m1 (r + 1/2) + m2 in the picture, y alike with m3 to m5
 * @param {number} size side of the square result
 */
export function sampled(picture, map, size) {
  const { width, height, data } = picture;
  const out = new Uint8ClampedArray(size * size * 4);
  for (let row = 0, at = 0; row < size; row++) {
    for (let column = 0; column < size; column++, at += 4) {
      const x = map[0] * (column + 0.5) + map[1] * (row + 0.5) + map[2] - 0.5;
      const y = map[3] * (column + 0.5) + map[4] * (row + 0.5) + map[5] - 0.5;
      const left = Math.floor(x), top = Math.floor(y);
      const x0 = clamp(left, 0, width - 1) * 4, x1 = clamp(left + 1, 0, width - 1) * 4;
      const y0 = clamp(top, 0, height - 1) * width * 4;
      const y1 = clamp(top + 1, 0, height - 1) * width * 4;
      for (let band = 0; band < 3; band++) {
        const upper = mixed(data[y0 + x0 + band], data[y0 + x1 + band], x - left);
        const lower = mixed(data[y1 + x0 + band], data[y1 + x1 + band], x - left);
        out[at + band] = Math.trunc(mixed(upper, lower, y - top));
      }
      out[at + 3] = 255;
    }
  }
  return { width: size, height: size, data: out };
}

const mixed = (first, second, share) => first + (second - first) * share;

/**
 * Takes the nearest value of a square plane at places of an affine map; 0 outside.
 *
 * @param {Uint8Array} plane side * side values
 * @param {number} side
 * @param {number[]} map as for `sampled`
 * @param {[number, number]} size width and height of the result
 */
export function nearest(plane, side, map, [width, height]) {
  const out = new Uint8Array(width * height);
  const { x, y } = map[1] === 0 && map[3] === 0 ? summed(map) : fixed(map, width, height);
  for (let row = 0, at = 0; row < height; row++) {
    let [fromX, fromY] = [x.start, y.start];
    for (let column = 0; column < width; column++, at++) {
      const column_ = fromX / x.unit, row_ = fromY / y.unit;
      if (column_ >= 0 && column_ < side && row_ >= 0 && row_ < side) {
        out[at] = plane[Math.trunc(row_) * side + Math.trunc(column_)];
      }
      fromX += x.across;
      fromY += y.across;
    }
    x.start += x.down;
    y.start += y.down;
  }
  return out;
}

function summed(map) {
  const start = [map[2] + map[1] * 0.5 + map[0] * 0.5, map[5] + map[4] * 0.5 + map[3] * 0.5];
  return {
    x: { start: start[0], across: map[0], down: map[1], unit: 1 },
    y: { start: start[1], across: map[3], down: map[4], unit: 1 },
  };
}

/** Pillow counts in 65536ths of a pixel where these fit. */
function fixed(map, width, height) {
  const corners = [[0, 0], [width, height], [0, height], [width, 0]];
  const fits = corners.every(([x, y]) => [0, 3].every(
    (i) => Math.abs(x * map[i] + y * map[i + 1] + map[i + 2]) < FIXED_MOST));
  if (!fits) return summed(map);
  const whole = (value) => Math.floor(value * FIXED + 0.5);
  const [x, y] = [0, 3].map((i) => ({
    start: whole(map[i + 2] + map[i] * 0.5 + map[i + 1] * 0.5),
    across: whole(map[i]), down: whole(map[i + 1]), unit: FIXED,
  }));
  return { x, y };
}
