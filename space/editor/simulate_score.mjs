// What a simulated annotator aims at: F1 of every class that is present, from running counts.

/** Targets of the issue: 0.95, and 0.90 for a class under 500 pixels of 512 x 512. */
export const TARGET = 0.95;
export const SMALL_TARGET = 0.9;
const SMALL_SHARE = 500 / (512 * 512);

export class Score {
  /** @param {Uint8Array} truth ids the annotator knows to be right */
  constructor(map, truth) {
    this.map = map;
    this.truth = truth;
    this.areas = new Int32Array(map.classes);
    for (const id of truth) this.areas[id]++;
    const small = SMALL_SHARE * truth.length;
    this.targets = Array.from(this.areas, (area, id) => {
      if (!area || id === 0) return 0;
      return area < small ? SMALL_TARGET : TARGET;
    });
    this.count();
  }

  /** Count again, after the map was painted. */
  count() {
    this.hits = new Int32Array(this.map.classes);
    this.painted = this.map.areas.slice(0, this.map.classes);
    const { data } = this.map;
    for (let i = 0; i < data.length; i++) if (data[i] === this.truth[i]) this.hits[data[i]]++;
    this.total = this.sum(this.hits, this.painted);
  }

  f1(id, hits = this.hits, painted = this.painted) {
    return this.areas[id] ? (2 * hits[id]) / (this.areas[id] + painted[id]) : 1;
  }

  sum(hits, painted) {
    return this.targets.reduce((all, target, id) => all + Math.min(target, this.f1(id, hits, painted)), 0);
  }

  get reached() {
    return this.targets.every((target, id) => this.f1(id) >= target);
  }

  /** How much nearer all targets would be if pixels changed to `idAt(i)`. */
  gain(indices, idAt) {
    const hits = this.hits.slice();
    const painted = this.painted.slice();
    for (const i of indices) {
      const from = this.map.data[i];
      const to = idAt(i);
      painted[from]--;
      painted[to]++;
      if (from === this.truth[i]) hits[from]--;
      if (to === this.truth[i]) hits[to]++;
    }
    return this.sum(hits, painted) - this.total;
  }

  /** The same, by carrying out `work` as a step and taking it back. */
  gainOf(work) {
    const { map } = this;
    const before = new Map();
    map.begin('try');
    work();
    for (const [tile, bytes] of map.step.kept) before.set(tile, bytes);
    const gain = this.gainSince(before);
    map.cancel();
    return gain;
  }

  gainSince(tiles) {
    const { map, truth } = this;
    const hits = this.hits.slice();
    const painted = map.areas.slice(0, map.classes);
    for (const [tile, bytes] of tiles) {
      map.eachOf(tile, (i, k) => {
        if (bytes[k] === map.data[i]) return;
        if (bytes[k] === truth[i]) hits[bytes[k]]--;
        if (map.data[i] === truth[i]) hits[map.data[i]]++;
      });
    }
    return this.sum(hits, painted) - this.total;
  }
}
