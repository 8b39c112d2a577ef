// Large maps: what is quick gives the maps of the naive ways, and its work grows as the map does.
import assert from 'node:assert/strict';
import { cpuUsage } from 'node:process';
import test from 'node:test';
import * as cleanup from '../../../../space/web/mask_editor/core/cleanup.mjs';
import { LabelMap, RESTORE } from '../../../../space/web/mask_editor/core/labelmap.mjs';
import { redraw } from '../../../../space/web/mask_editor/core/redraw.mjs';
import { connected, connectedRuns } from '../../../../space/web/mask_editor/core/regions.mjs';
import { disc, polygon } from '../../../../space/web/mask_editor/core/shapes.mjs';
import * as naive from './naive.mjs';
import { below, seeded } from './random_steps.mjs';

/** A map of random discs with specks, and twice the same: locks and "only over" at times. */
function twins(random) {
  const size = { width: 1 + below(random, 60), height: 1 + below(random, 60) };
  const classes = 2 + below(random, 8);
  const map = new LabelMap(size.width, size.height, new Uint8Array(size.width * size.height), { classes });
  map.edit('discs', 'brush', () => {
    for (let k = below(random, 20); k > 0; k--) {
      disc(map, point(map, random), { radius: below(random, 18), value: below(random, classes) });
    }
  });
  const noise = random() < 0.5 ? 0 : random() * 0.2;
  const data = map.data.map((id) => (random() < noise ? below(random, classes) : id));
  const prediction = data.map((id) => (random() < 0.1 ? below(random, classes) : id));
  const locked = random() < 0.3 ? below(random, classes) : -1;
  const only = random() < 0.15 ? below(random, classes) : -1;
  return [0, 1].map(() => {
    const one = new LabelMap(size.width, size.height, data.slice(), { prediction, classes });
    if (locked >= 0) one.locked[locked] = 1;
    one.only = only;
    return one;
  });
}

const point = ({ width, height }, random) => [below(random, width + 8) - 4, below(random, height + 8) - 4];
const present = ({ areas }) => Array.from(areas.keys()).filter((id) => areas[id] > 0);

// Name -> from a random generator: how the editor does it, and how it would be done naively.
const PAIRS = {
  redraw: (random, map) => {
    const points = Array.from({ length: 3 + below(random, 9) }, () => point(map, random));
    const id = below(random, map.classes);
    return [(one) => redraw(one, points, id), (one) => naive.redraw(one, points, id)];
  },
  polygon: (random, map) => {
    const points = Array.from({ length: 1 + below(random, 9) }, () => point(map, random));
    return [(one) => polygon(one, points, 1), (one) => naive.polygon(one, points, 1)];
  },
  holes: (random, map) => {
    const ids = random() < 0.7 ? present(map) : [below(random, map.classes)];
    const limit = 1 + below(random, random() < 0.5 ? 12 : 900);
    return [
      (one) => cleanup.apply(one, cleanup.fillHoles(one, { ids, limit })),
      (one) => naive.each(one, ids, (same, id) => naive.holes(same, { id, limit })),
    ];
  },
  smooth: (random, map) => {
    const ids = random() < 0.7 ? present(map) : [below(random, map.classes)];
    const radius = 1 + below(random, 6);
    return [
      (one) => cleanup.apply(one, cleanup.smoothContours(one, { ids, radius })),
      (one) => naive.each(one, ids, (same, id) => naive.smoothed(same, { id, radius })),
    ];
  },
  islands: (random) => {
    const limit = 1 + below(random, random() < 0.5 ? 12 : 900);
    return [
      (one) => cleanup.apply(one, cleanup.removeIslands(one, { limit })),
      (one) => naive.each(one, [null], (same) => naive.islands(same, { limit })),
    ];
  },
  fill: (random, map) => {
    const seed = below(random, map.data.length);
    const value = random() < 0.3 ? RESTORE : below(random, map.classes);
    return [
      (one) => one.paintRuns(connectedRuns(one, seed, (i) => one.data[i]), value),
      (one) => one.paint(connected(one, seed, (i) => one.data[i]), value),
    ];
  },
};

for (const [name, pair] of Object.entries(PAIRS)) {
  test(`${name} gives the map of the naive implementation, whatever is locked`, () => {
    let changed = 0;
    for (let seed = 0; seed < 150; seed++) {
      const random = seeded(seed);
      const [quick, slow] = twins(random);
      const [quickly, slowly] = pair(random, quick);
      if (quick.edit(name, name, () => quickly(quick))) changed++;
      slow.edit(name, name, () => slowly(slow));
      assert.deepEqual(quick.data, slow.data, `seed ${seed}`);
      assert.equal(`${quick.takeDirty()}`, `${slow.takeDirty()}`, `seed ${seed}`);
    }
    assert.ok(changed > 25, `only ${changed} of 150 changed anything`);
  });
}

test('what differs between two maps is listed once, in order', () => {
  assert.deepEqual(cleanup.differing(Uint8Array.of(1, 2, 3, 4), Uint8Array.of(1, 0, 3, 5)), Int32Array.of(1, 3));
});

/** Hair (1) around a face (2) with small parts, holes and bumps, on background; `side` pixels. */
function portrait(side) {
  const map = new LabelMap(side, side, new Uint8Array(side * side), { classes: 19 });
  const spot = (x, y, radius, value) => disc(map, [Math.round(x * side), Math.round(y * side)], { radius: Math.round(radius * side), value });
  map.edit('portrait', 'brush', () => {
    spot(0.5, 0.5, 0.42, 1);
    spot(0.5, 0.55, 0.28, 2);
    for (let id = 3; id < 19; id++) spot(0.3 + 0.025 * (id - 3), 0.4 + 0.02 * (id % 7), 0.012, id);
    for (let k = 0; k < 60; k++) spot(0.1 + ((k * 37) % 80) / 100, 0.1 + ((k * 53) % 80) / 100, 0.002, k % 19);
  });
  return new LabelMap(side, side, map.data, { classes: 19 });
}

const ring = (side, radius) => Array.from({ length: 120 }, (_, k) => (
  [0, Math.PI / 2].map((turn) => Math.round(side * (0.5 + radius * Math.cos((k * Math.PI) / 60 - turn))))
));
const ids = Array.from({ length: 19 }, (_, id) => id);
const LARGE = {
  'redraw the hair smaller': (map) => redraw(map, ring(map.width, 0.33), 1),
  'fill the holes of every class': (map) => cleanup.apply(map, cleanup.fillHoles(map, { ids, limit: 900 })),
  'smooth every class': (map) => {
    cleanup.apply(map, cleanup.smoothContours(map, { ids, radius: map.width < 1000 ? 3 : 12 }));
  },
  'fill the background': (map) => map.paintRuns(connectedRuns(map, 0, (i) => map.data[i]), 7),
};

/** How many ids of the map an action reads. */
function readsOf(work, side) {
  const map = portrait(side);
  let reads = 0;
  map.data = new Proxy(map.data, {
    get: (data, name) => {
      if (typeof name === 'string' && name >= '0' && name <= ':') reads++;
      const value = data[name];
      return typeof value === 'function' ? value.bind(data) : value;
    },
  });
  assert.ok(map.edit('count', 'count', () => work(map)));
  return reads;
}

for (const [name, work] of Object.entries(LARGE)) {
  test(`${name}: four times the pixels take at most five times the reads`, () => {
    const [small, large] = [readsOf(work, 160), readsOf(work, 320)];
    assert.ok(large < 5 * small, `${small} reads, then ${large}`);
  });
}

/** Processor milliseconds of an action. */
function timeOf(work, map) {
  map.begin('timed');
  const before = cpuUsage();
  work(map);
  const { user, system } = cpuUsage(before);
  return (user + system) / 1000;
}

test('at 2048 x 2048 no action takes as long as four plain fills of the whole map', () => {
  const side = 2048;
  const unit = timeOf(
    (map) => map.paint(connected(map, 0, (i) => map.data[i]), 1),
    new LabelMap(side, side, new Uint8Array(side * side), { classes: 2 }),
  );
  const { data } = portrait(side);
  for (const [name, work] of Object.entries(LARGE)) {
    const time = timeOf(work, new LabelMap(side, side, data.slice(), { classes: 19 }));
    assert.ok(time < 4 * unit, `${name}: ${time.toFixed(0)} ms, one fill: ${unit.toFixed(0)} ms`);
  }
});
