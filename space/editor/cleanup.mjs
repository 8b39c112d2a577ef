// Clean-up of a whole map: islands, holes, smooth contours, left and right. No DOM.
// Each returns {indices, values} and changes nothing, so that it can be previewed.
import { commonest, components, surroundings } from './regions.mjs';

const collect = (changes) => ({
  indices: Int32Array.from(changes, (change) => change[0]),
  values: Uint8Array.from(changes, (change) => change[1]),
});

/** Paint the outcome of a clean-up inside an open step. */
export function apply(map, { indices, values }) {
  for (let k = 0; k < indices.length; k++) {
    map.put(indices[k] % map.width, (indices[k] / map.width) | 0, values[k]);
  }
}

/** Components under `limit` pixels become the class that touches them most; `id` null takes all. */
export function removeIslands(map, { id = null, limit }) {
  const { data } = map;
  const key = (i) => (id === null || data[i] === id ? data[i] : -1);
  const changes = [];
  for (const indices of components(map, key)) {
    if (indices.length >= limit) continue;
    const heir = commonest(surroundings(indices, map).touching);
    if (heir >= 0) for (const i of indices) changes.push([i, heir]);
  }
  return collect(changes);
}

/** Whatever class `id` encloses completely, in pieces under `limit` pixels, becomes `id`. */
export function fillHoles(map, { id, limit }) {
  const { data } = map;
  const changes = [];
  for (const indices of components(map, (i) => (data[i] === id ? -1 : 0))) {
    if (indices.length >= limit || surroundings(indices, map).atEdge) continue;
    for (const i of indices) changes.push([i, id]);
  }
  return collect(changes);
}

/** Round off the contour of `id`: a pixel joins or leaves by the majority within `radius`. */
export function smoothContour(map, { id, radius }) {
  const { width, height, data } = map;
  const sums = integral(map, id);
  const changes = [];
  for (let y = 0; y < height; y++) {
    const top = Math.max(0, y - radius);
    const bottom = Math.min(height, y + radius + 1);
    for (let x = 0; x < width; x++) {
      const left = Math.max(0, x - radius);
      const right = Math.min(width, x + radius + 1);
      const own = sums[bottom * (width + 1) + right] - sums[top * (width + 1) + right]
        - sums[bottom * (width + 1) + left] + sums[top * (width + 1) + left];
      const i = y * width + x;
      const majority = 2 * own > (bottom - top) * (right - left);
      if (majority && data[i] !== id) changes.push([i, id]);
      else if (!majority && data[i] === id) {
        const heir = otherNearby(map, id, [left, top, right, bottom]);
        if (heir >= 0) changes.push([i, heir]);
      }
    }
  }
  return collect(changes);
}

function integral({ width, height, data }, id) {
  const sums = new Int32Array((width + 1) * (height + 1));
  for (let y = 0; y < height; y++) {
    let row = 0;
    for (let x = 0; x < width; x++) {
      row += data[y * width + x] === id ? 1 : 0;
      sums[(y + 1) * (width + 1) + x + 1] = sums[y * (width + 1) + x + 1] + row;
    }
  }
  return sums;
}

function otherNearby({ width, data }, id, [left, top, right, bottom]) {
  const counts = new Map();
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const other = data[y * width + x];
      if (other !== id) counts.set(other, (counts.get(other) || 0) + 1);
    }
  }
  return commonest(counts);
}

/** Exchange two classes, such as a left and a right ear. */
export function swapSides(map, { pair: [a, b] }) {
  const changes = [];
  map.data.forEach((id, i) => {
    if (id === a || id === b) changes.push([i, id === a ? b : a]);
  });
  return collect(changes);
}
