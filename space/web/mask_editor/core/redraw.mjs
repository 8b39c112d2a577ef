// Redrawing a part by its outline: inside becomes the class, what sticks out goes to its neighbors. No DOM.
import { Indices, beside, growRuns } from './regions.mjs';
import { polygon, polygonMask } from './shapes.mjs';

/**
 * Give a part the outline that was drawn: the pixels inside become `value`, and the rest of the
 * old part that the outline touches becomes the nearest other class. A rest of more than twice the
 * drawing stays: a small outline on a large part adds to it.
 * @param {number[][]} points the outline, closed
 */
export function redraw(map, points, value) {
  const mask = polygonMask(map, points);
  const { seeds, size } = seedsOf(map, mask, value);
  const { data } = map;
  const rest = growRuns(map, seeds, { belongs: (i) => data[i] === value, seen: mask });
  polygon(map, points, value);
  if (rest.size && lengthOf(rest) <= 2 * size) new Gift(map, rest).giveAway();
}

// Pixels of the class just outside the mask, beside pixels of the class inside it; the mask's size.
function seedsOf(map, mask, value) {
  const { data, width } = map;
  const seeds = new Indices();
  const four = new Int32Array(4);
  let size = 0;
  for (let i = mask.indexOf(1), last = mask.lastIndexOf(1); i >= 0 && i <= last; i++) {
    if (!mask[i]) continue;
    size++;
    const isWithin = mask[i - 1] && mask[i + 1] && mask[i - width] && mask[i + width];
    if (isWithin || data[i] !== value) continue;
    for (let k = 0, n = beside(map, i, four); k < n; k++) {
      if (!mask[four[k]] && data[four[k]] === value) seeds.push(four[k]);
    }
  }
  return { seeds, size };
}

function lengthOf(runs) {
  let all = 0;
  for (let k = 0; k < runs.size; k += 2) all += runs.at(k + 1) - runs.at(k) + 1;
  return all;
}

// Besides ids in its part of the map: what has no heir yet, what gets one in this ring, what is no heir itself.
const LEFT = -1;
const NEXT = -2;
const NONE = -3;

/** A piece that the classes around it grow into, a pixel at a time from all sides, in a square part of the map. */
class Gift {
  constructor(map, runs) {
    let [left, top, right, bottom] = [map.width, map.height, 0, 0];
    for (let k = 0; k < runs.size; k += 2) {
      const y = Math.floor(runs.at(k) / map.width);
      left = Math.min(left, runs.at(k) % map.width);
      right = Math.max(right, runs.at(k + 1) % map.width);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
    // A frame of one pixel, so that every pixel of the piece has four neighbors.
    Object.assign(this, { map, left: left - 1, top: top - 1, across: right - left + 3, down: bottom - top + 3 });
    this.from = map.data[runs.at(0)];
    this.ids = new Int16Array(this.across * this.down).fill(NONE);
    this.eachRow((i, k, count) => this.copy(i, k, count));
    for (let n = 0; n < runs.size; n += 2) {
      this.ids.fill(LEFT, this.local(runs.at(n)), this.local(runs.at(n + 1)) + 1);
    }
  }

  local(i) {
    return (Math.floor(i / this.map.width) - this.top) * this.across + (i % this.map.width) - this.left;
  }

  // Visit what the map has of each row: first index in the map, in the part, number of pixels.
  eachRow(visit) {
    const { map, left, top, across, down } = this;
    const first = Math.max(0, -left);
    const count = Math.min(across, map.width - left) - first;
    for (let row = Math.max(0, -top); row < Math.min(down, map.height - top); row++) {
      visit((top + row) * map.width + left + first, row * across + first, count);
    }
  }

  copy(i, k, count) {
    const { ids, from, map: { data } } = this;
    for (let n = 0; n < count; n++) if (data[i + n] !== from) ids[k + n] = data[i + n];
  }

  giveAway() {
    let front = this.firstRing();
    while (front.length) front = this.giveRing(front);
    this.eachRow((i, k, count) => this.paint(i, k, count));
  }

  firstRing() {
    const { ids } = this;
    const front = new Indices();
    for (let k = 0; k < ids.length; k++) if (ids[k] === LEFT && this.heirOf(k) >= 0) front.push(k);
    return front.taken();
  }

  // The class of the first neighbor of another one: above, below, to the left, to the right.
  heirOf(k) {
    const { ids, across } = this;
    if (ids[k - across] >= 0) return ids[k - across];
    if (ids[k + across] >= 0) return ids[k + across];
    return ids[k - 1] >= 0 ? ids[k - 1] : ids[k + 1];
  }

  // Returns the next ring: only beside what has changed can a pixel have got an heir.
  giveRing(front) {
    const { map, ids, from, across } = this;
    // All of a ring is decided before any of it is given, so that no side runs ahead.
    const heirs = new Uint8Array(front.length);
    for (let n = 0; n < front.length; n++) heirs[n] = this.heirOf(front[n]);
    for (let n = 0; n < front.length; n++) ids[front[n]] = map.allows(from, heirs[n]) ? heirs[n] : NONE;
    const next = new Indices();
    const take = (k) => {
      if (ids[k] !== LEFT) return;
      ids[k] = NEXT;
      next.push(k);
    };
    for (const k of front) {
      if (ids[k] === NONE) continue;
      take(k - across);
      take(k + across);
      take(k - 1);
      take(k + 1);
    }
    return next.taken();
  }

  // Row by row, which is many times as quick on a large map as ring by ring.
  paint(i, k, count) {
    const { map, ids, from } = this;
    const y = Math.floor(i / map.width);
    for (let n = 0, x = i - y * map.width; n < count; n++, x++) {
      if (ids[k + n] >= 0 && map.data[i + n] === from) map.put(x, y, ids[k + n]);
    }
  }
}
