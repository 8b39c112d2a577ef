// What a simulated annotator aims at: F1 of every class that is present, from running counts.

/** Targets of the issue: 0.95, and 0.90 for a class under 500 pixels of 512 x 512. */
export const TARGET = 0.95;
export const SMALL_TARGET = 0.9;
// What it is worth to be done with a class: no other stroke has to be started for it, in F1.
const DONE = 0.12;
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
    return this.targets.reduce((all, target, id) => {
      const f1 = this.f1(id, hits, painted);
      return all + (f1 >= target ? target + DONE : f1);
    }, 0);
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
    return this.gainFrom(this.changeBy(work));
  }

  /** What a change of hits and painted pixels by class is worth now. */
  gainFrom(change) {
    const { classes } = this.map;
    return this.sum(
      this.hits.map((hit, id) => hit + change[id]),
      this.painted.map((count, id) => count + change[classes + id]),
    ) - this.total;
  }

  /** Hits, then painted pixels, that `work` would add to each class; the map is left as it was. */
  changeBy(work) {
    const { map, truth } = this;
    const change = new Int32Array(2 * map.classes);
    map.begin('try');
    work();
    for (const [tile, bytes] of map.step.kept) {
      map.eachOf(tile, (i, k) => {
        const [from, to] = [bytes[k], map.data[i]];
        if (from === to) return;
        change[map.classes + from]--;
        change[map.classes + to]++;
        if (from === truth[i]) change[from]--;
        if (to === truth[i]) change[to]++;
      });
    }
    map.cancel();
    return change;
  }
}
