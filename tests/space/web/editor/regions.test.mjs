// Regions, clean-up, superpixels and doubt: values on small maps.
import assert from 'node:assert/strict';
import test from 'node:test';
import * as cleanup from '../../../../space/web/mask_editor/core/cleanup.mjs';
import { doubtfulRegions, LEVELS, reach } from '../../../../space/web/mask_editor/core/doubt.mjs';
import { progressText, questionText } from '../../../../space/web/mask_editor/core/review_text.mjs';
import { LabelMap } from '../../../../space/web/mask_editor/core/labelmap.mjs';
import { components, connected } from '../../../../space/web/mask_editor/core/regions.mjs';
import { snapDisc } from '../../../../space/web/mask_editor/core/shapes.mjs';
import { superpixels } from '../../../../space/web/mask_editor/core/superpixels.mjs';

const mapOf = (...rows) => {
  const data = Uint8Array.from(rows.join('').replaceAll(' ', ''), Number);
  return new LabelMap(rows[0].replaceAll(' ', '').length, rows.length, data);
};
const text = (map) => {
  const rows = [];
  for (let y = 0; y < map.height; y++) {
    rows.push([...map.data.subarray(y * map.width, (y + 1) * map.width)].join(''));
  }
  return rows;
};
const done = (map, outcome) => {
  map.edit('clean up', 'cleanup', () => cleanup.apply(map, outcome));
  return text(map);
};

test('pixels join a region by their sides, not their corners', () => {
  const map = mapOf('1100', '0011', '1111');
  assert.deepEqual([...connected(map, 0, (i) => map.data[i])].sort(), [0, 1]);
  assert.equal(components(map, (i) => map.data[i]).length, 4);
});

test('an island becomes the class that touches it most', () => {
  const map = mapOf('11111', '11211', '11111', '33333');
  assert.deepEqual(done(map, cleanup.removeIslands(map, { limit: 3 })), ['11111', '11111', '11111', '33333']);
});

test('an island of the limit or more stays', () => {
  const map = mapOf('11111', '12221', '11111');
  assert.equal(cleanup.removeIslands(map, { limit: 3 }).indices.length, 0);
});

test('a hole is filled, a bay that meets the border is not', () => {
  const map = mapOf('11110', '10110', '11100', '11110');
  assert.deepEqual(done(map, cleanup.fillHoles(map, { ids: [1], limit: 9 })), ['11110', '11110', '11100', '11110']);
});

test('smoothing takes a spike off a contour', () => {
  const map = mapOf('0000000', '0001000', '1111111', '1111111', '1111111');
  const rows = done(map, cleanup.smoothContours(map, { ids: [1], radius: 1 }));
  assert.equal(rows[1], '0000000');
  assert.equal(rows[3], '1111111');
});

test('swapping left and right exchanges the two classes', () => {
  const map = mapOf('40050');
  assert.deepEqual(done(map, cleanup.swapSides(map, { pair: [4, 5] })), ['50040']);
});

test('superpixels do not cross a strong edge', () => {
  const [width, height] = [40, 30];
  const rgba = new Uint8ClampedArray(width * height * 4);
  for (let i = 0; i < width * height; i++) rgba.fill(i % width < 17 ? 20 : 230, 4 * i, 4 * i + 4);
  const labels = superpixels({ width, height, rgba }, 8);
  const left = new Set();
  const right = new Set();
  labels.forEach((label, i) => (i % width < 17 ? left : right).add(label));
  assert.equal([...left].filter((label) => right.has(label)).length, 0);
});

test('the edge-snapping disc stops at a strong edge', () => {
  const map = new LabelMap(20, 20, new Uint8Array(400));
  const rgba = new Uint8ClampedArray(1600);
  for (let i = 0; i < 400; i++) rgba.fill(i % 20 < 10 ? 20 : 230, 4 * i, 4 * i + 4);
  map.edit('snap', 'snap', () => snapDisc(map, [7, 10], { radius: 6, value: 3, rgba, tolerance: 60 }));
  assert.equal(map.data[10 * 20 + 9], 3);
  assert.equal(map.data[10 * 20 + 10], 0);
});

function parseWithDoubt() {
  const [width, height] = [40, 40];
  const labels = new Uint8Array(1600).fill(1);
  const runnerUp = new Uint8Array(1600).fill(2);
  const confidence = new Uint8Array(1600).fill(250);
  const mark = (x0, y0, w, h, level, other) => {
    for (let y = y0; y < y0 + h; y++) {
      for (let x = x0; x < x0 + w; x++) {
        confidence[y * width + x] = level;
        runnerUp[y * width + x] = other;
      }
    }
  };
  mark(2, 2, 10, 10, 130, 2);
  mark(20, 2, 4, 4, 130, 7);
  mark(20, 20, 6, 6, 130, 3);
  mark(26, 20, 3, 6, 200, 3);
  return { width, height, labels, confidence, runnerUp };
}

test('uncertain regions come rare classes first, then by the pixels to gain', () => {
  const regions = doubtfulRegions(parseWithDoubt(), { tail: [7] });
  assert.deepEqual(regions.map((region) => region.runnerUp), [7, 2, 3]);
  assert.deepEqual(regions[0].rect, [20, 2, 4, 4]);
  assert.equal(regions[1].indices.length, 100);
});

test('a region reaches further at a higher level and back again', () => {
  const parse = parseWithDoubt();
  const region = doubtfulRegions(parse).find((found) => found.runnerUp === 3);
  const wider = reach(parse, region, 4);
  assert.ok(LEVELS[4] > 200);
  assert.equal(wider.indices.length, 54);
  assert.equal(reach(parse, wider, 3).indices.length, 36);
  assert.equal(reach(parse, wider, 0).indices.length, 0);
});

test('a whole wrong part comes before a longer sliver along a border', () => {
  const [width, height] = [80, 40];
  const labels = new Uint8Array(width * height).fill(1);
  const runnerUp = new Uint8Array(width * height).fill(2);
  const confidence = new Uint8Array(width * height).fill(250);
  const mark = (x0, y0, w, h, other) => {
    for (let y = y0; y < y0 + h; y++) {
      confidence.fill(130, y * width + x0, y * width + x0 + w);
      runnerUp.fill(other, y * width + x0, y * width + x0 + w);
    }
  };
  mark(2, 4, 70, 2, 2); // 140 pixels, two thin rows.
  mark(10, 20, 8, 8, 3); // 64 pixels, one part.
  const found = doubtfulRegions({ width, height, labels, confidence, runnerUp });
  assert.deepEqual(found.map((region) => region.runnerUp), [3, 2]);
});

test('the review counts places in words and asks about one region at a time', () => {
  const start = { names: null, total: 7, reviewed: 0, open: true };
  assert.equal(progressText(start), '0 of 7 reviewed');
  assert.match(questionText(start), /unsure in 7 places. Press Next/);
  assert.match(questionText({ ...start, total: 1 }), /unsure in 1 place\./);
  assert.equal(questionText({ ...start, names: ['hair', 'earring'] }), 'Labeled hair. Should this be earring?');
  assert.equal(questionText({ ...start, reviewed: 2 }), 'Press Next to continue.');
  assert.equal(questionText({ ...start, reviewed: 7, open: false }), 'All regions are reviewed.');
  assert.equal(questionText({ ...start, total: 0, open: false }), 'The model is sure everywhere.');
});
