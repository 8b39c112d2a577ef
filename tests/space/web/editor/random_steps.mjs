// Random edits for the property tests: a seeded generator and one table of operations.
import * as cleanup from '../../../../space/web/mask_editor/core/cleanup.mjs';
import { LabelMap, RESTORE } from '../../../../space/web/mask_editor/core/labelmap.mjs';
import { connected } from '../../../../space/web/mask_editor/core/regions.mjs';
import { redraw } from '../../../../space/web/mask_editor/core/redraw.mjs';
import { reshape } from '../../../../space/web/mask_editor/core/reshape.mjs';
import { disc, polygon, snapDisc, stroke } from '../../../../space/web/mask_editor/core/shapes.mjs';

/** mulberry32: a small seeded generator of numbers in [0, 1). */
export function seeded(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export const below = (random, n) => Math.floor(random() * n);

/** A map of blocks of random classes whose prediction differs from its start in places. */
export function randomMap(random, { width, height, classes }) {
  const data = new Uint8Array(width * height);
  const block = 1 + below(random, 9);
  const colors = Uint8Array.from({ length: 4096 }, () => below(random, classes));
  for (let i = 0; i < data.length; i++) {
    const cell = Math.floor((i % width) / block) + 61 * Math.floor(i / width / block);
    data[i] = colors[cell % 4096];
  }
  const prediction = data.map((id) => (random() < 0.1 ? below(random, classes) : id));
  return new LabelMap(width, height, data, { prediction, classes });
}

const point = (map, random) => [below(random, map.width + 8) - 4, below(random, map.height + 8) - 4];
const value = (map, random) => (random() < 0.2 ? RESTORE : below(random, map.classes));
const someIds = (map, random) => Array.from({ length: map.classes }, (_, id) => id).filter(() => random() < 0.4);
const pixel = (map, random) => below(random, map.width * map.height);

export const OPERATIONS = {
  disc: (m, r) => disc(m, point(m, r), { radius: below(r, 9), value: value(m, r) }),
  stroke: (m, r) => {
    stroke(m, point(m, r), point(m, r), { radius: below(r, 6), value: value(m, r) });
  },
  polygon: (m, r) => polygon(m, [point(m, r), point(m, r), point(m, r)], value(m, r)),
  fill: (m, r) => m.paint(connected(m, pixel(m, r), (i) => m.data[i]), value(m, r)),
  islands: (m, r) => cleanup.apply(m, cleanup.removeIslands(m, { limit: 1 + below(r, 30) })),
  holes: (m, r) => {
    cleanup.apply(m, cleanup.fillHoles(m, { ids: someIds(m, r), limit: 60 }));
  },
  smooth: (m, r) => {
    cleanup.apply(m, cleanup.smoothContours(m, { ids: someIds(m, r), radius: 1 + below(r, 3) }));
  },
  swap: (m, r) => cleanup.apply(m, cleanup.swapSides(m, { pair: [0, below(r, m.classes)] })),
  redraw: (m, r) => redraw(m, [point(m, r), point(m, r), point(m, r)], below(r, m.classes)),
  reshape: (m, r) => reshape(m, [point(m, r), point(m, r), point(m, r)], { reach: below(r, 9) }),
  snap: (m, r) => {
    const rgba = Uint8Array.from({ length: m.data.length * 4 }, (_, i) => (i * 37) & 255);
    snapDisc(m, point(m, r), { radius: below(r, 7), value: value(m, r), rgba, tolerance: 200 });
  },
};

/** One random committed step. */
export function randomStep(map, random) {
  const names = Object.keys(OPERATIONS);
  const name = names[below(random, names.length)];
  return map.edit(name, name, () => OPERATIONS[name](map, random));
}
