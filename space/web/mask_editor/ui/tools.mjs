// What each drawing tool does with a pointer, as one table.
import { connected, connectedRuns } from '../core/regions.mjs';
import { RESTORE } from '../core/labelmap.mjs';
import { redraw } from '../core/redraw.mjs';
import { reshape } from '../core/reshape.mjs';
import { polygon, snapDisc, stroke } from '../core/shapes.mjs';
import { superpixels } from '../core/superpixels.mjs';

// Superpixels are computed on at most this many pixels a side; a larger photo shares them.
const SUPERPIXEL_SIDE = 1024;
const SUPERPIXELS_ACROSS = 44;

const inside = ({ width, height }, [x, y]) => x >= 0 && y >= 0 && x < width && y < height;
const index = (map, [x, y]) => y * map.width + x;

function brush(value) {
  return {
    kind: 'drag',
    ring: true,
    move: (app, from, to) => {
      stroke(app.map, from, to, { radius: app.state.size, value: value(app) });
    },
  };
}

function click(work) {
  return {
    kind: 'click',
    press: (app, point) => {
      if (inside(app.map, point)) work(app, point);
    },
  };
}

// Points along a drag, close enough that no disc or superpixel is skipped.
function along([x0, y0], [x1, y1], spacing) {
  const count = Math.max(1, Math.ceil(Math.hypot(x1 - x0, y1 - y0) / spacing));
  return Array.from({ length: count }, (_, k) => {
    const t = (k + 1) / count;
    return [Math.round(x0 + (x1 - x0) * t), Math.round(y0 + (y1 - y0) * t)];
  });
}

function snap(app, from, to) {
  const { size: radius, cls: value, tolerance } = app.state;
  const rgba = app.photoPixels();
  for (const point of along(from, to, Math.max(1, radius / 2))) {
    snapDisc(app.map, point, { radius, value, rgba, tolerance });
  }
}

function paintSuperpixels(app, from, to) {
  const key = superpixelKey(app);
  let last = -1;
  for (const point of along(from, to, 2)) {
    if (!inside(app.map, point)) continue;
    const seed = index(app.map, point);
    if (key(seed) === last && app.map.data[seed] === app.state.cls) continue;
    last = key(seed);
    app.map.paint(connected(app.map, seed, key), app.state.cls);
  }
}

/** Superpixel of a map pixel; computed once a photo, when first used. */
export function superpixelKey(app) {
  app.superpixelKey ||= makeSuperpixels(app.current);
  return app.superpixelKey;
}

function makeSuperpixels({ map, photo }) {
  const shrink = Math.min(1, SUPERPIXEL_SIDE / Math.max(map.width, map.height));
  const width = Math.max(1, Math.round(map.width * shrink));
  const height = Math.max(1, Math.round(map.height * shrink));
  const rgba = pixels(photo, width, height);
  const spacing = Math.max(4, Math.min(width, height) / SUPERPIXELS_ACROSS);
  const labels = superpixels({ width, height, rgba }, spacing);
  return (i) => {
    const x = Math.min(width - 1, Math.floor((i % map.width) * shrink));
    const y = Math.min(height - 1, Math.floor(Math.floor(i / map.width) * shrink));
    return labels[y * width + x];
  };
}

/** A photo's bytes, four a pixel. */
export function pixels(photo, width, height) {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(photo, 0, 0, width, height);
  return context.getImageData(0, 0, width, height).data;
}

function fill(app, point) {
  const { map, state } = app;
  const { data } = map;
  const region = connectedRuns(map, index(map, point), (i) => data[i]);
  app.edit(`fill ${app.nameOf(state.cls)}`, 'fill', () => map.paintRuns(region, state.cls));
}

// The connected pixels of one label whose color in the photo is similar to the clicked pixel's.
function colorFill(app, point) {
  const { map, state } = app;
  const rgba = app.photoPixels();
  const seed = index(map, point);
  const alike = (i) => Math.hypot(
    rgba[4 * i] - rgba[4 * seed],
    rgba[4 * i + 1] - rgba[4 * seed + 1],
    rgba[4 * i + 2] - rgba[4 * seed + 2],
  ) <= state.tolerance;
  const region = connected(map, seed, (i) => (alike(i) ? map.data[i] : -1));
  app.edit(`color fill ${app.nameOf(state.cls)}`, 'wand', () => map.paint(region, state.cls));
}

function revert(app, point) {
  const { map } = app;
  const differs = (i) => map.data[i] !== map.prediction[i];
  if (!differs(index(map, point))) {
    app.say('Nothing here differs from the prediction.');
    return;
  }
  const region = connectedRuns(map, index(map, point), (i) => (differs(i) ? 1 : 0));
  app.edit('revert a region', 'revert', () => map.paintRuns(region, RESTORE));
}

// An end this near to a border meets it, CSS pixels.
const MEETS = 10;

function moveBorder(map, path, { stage }) {
  reshape(map, path, { reach: Math.max(2, Math.min(64, Math.round(MEETS / stage.view.scale))) });
}

/** name -> labels, key and behavior; the toolbar, the keys and the sheet all read it. */
export const TOOLS = {
  brush: { label: 'Brush', short: 'Brush', key: 'b', ...brush((app) => app.state.cls) },
  restore: { label: 'Restore prediction', short: 'Restore', key: 'e', ...brush(() => RESTORE) },
  snap: { label: 'Edge-snapping brush', short: 'Edge', key: 'm', kind: 'drag', ring: true, tolerance: true, move: snap },
  superpixel: { label: 'Superpixels', short: 'Pieces', key: 's', kind: 'drag', move: paintSuperpixels },
  fill: { label: 'Fill a region', short: 'Fill', key: 'g', ...click(fill) },
  wand: { label: 'Fill by color', short: 'By color', key: 'w', tolerance: true, ...click(colorFill) },
  lasso: { label: 'Lasso', short: 'Lasso', key: 'l', kind: 'path', free: true },
  redraw: { label: 'Redraw a part by its outline', short: 'Redraw', key: 'q', kind: 'path', free: true, close: (map, path, { state }) => redraw(map, path, state.cls) },
  reshape: {
    label: 'Move a border: draw it where it belongs', short: 'Border', key: 't', kind: 'path', free: true, anyClass: true, close: moveBorder,
  },
  polygon: { label: 'Polygon', short: 'Polygon', key: 'k', kind: 'path', free: false },
  revert: { label: 'Revert a region', short: 'Revert', key: 'r', ...click(revert) },
  pick: {
    label: 'Pick a class', short: 'Pick',
    key: 'i',
    ...click((app, point) => app.choose(app.map.data[index(app.map, point)])),
  },
};

/** Use the path that lasso, redraw, border or polygon collected. */
export function closePath(app) {
  const { path, tool, cls } = app.state;
  app.state.path = [];
  if (path.length > 2) {
    const { anyClass, close = (map) => polygon(map, path, cls) } = TOOLS[tool];
    const name = anyClass ? 'move a border' : `${tool} ${app.nameOf(cls)}`;
    app.edit(name, tool, () => close(app.map, path, app));
  }
  app.stage.draw();
}
