// `node bench/actions.mjs` prints the processor time of the editor's actions on whole large photos,
// or, `node bench/actions.mjs 512`, on photos of other sides.
import { argv, cpuUsage } from 'node:process';
import { fillHoles, smoothContours, apply } from '../space/web/mask_editor/core/cleanup.mjs';
import { LabelMap } from '../space/web/mask_editor/core/labelmap.mjs';
import { redraw } from '../space/web/mask_editor/core/redraw.mjs';
import { connectedRuns } from '../space/web/mask_editor/core/regions.mjs';
import { reshape } from '../space/web/mask_editor/core/reshape.mjs';

const SIDES = argv.length > 2 ? argv.slice(2).map(Number) : [2048, 4096];
const ROUNDS = 3;
const CLASSES = 19;
const SKIN = 1;
const HAIR = 17;
const ALL = Array.from({ length: CLASSES }, (_, id) => id);
/** [class, center x and y, radius x and y]: ellipses of a face, as shares of the picture, painted in turn. */
const FACE = [
  [HAIR, 0.5, 0.46, 0.36, 0.45], [16, 0.5, 1.05, 0.49, 0.21], [13, 0.5, 0.84, 0.13, 0.17],
  [8, 0.26, 0.52, 0.05, 0.08], [9, 0.74, 0.52, 0.05, 0.08], [SKIN, 0.5, 0.52, 0.24, 0.32],
  [4, 0.4, 0.39, 0.07, 0.02], [5, 0.6, 0.39, 0.07, 0.02], [2, 0.4, 0.45, 0.05, 0.02],
  [3, 0.6, 0.45, 0.05, 0.02], [6, 0.5, 0.55, 0.05, 0.1], [11, 0.5, 0.68, 0.09, 0.02], [18, 0.5, 0.1, 0.28, 0.07],
];
const SPECKS = 400;

function face(side) {
  const ids = new Uint8Array(side * side);
  for (const [id, x, y, rx, ry] of FACE) {
    const last = Math.min(side - 1, Math.floor((y + ry) * side));
    for (let row = Math.max(0, Math.ceil((y - ry) * side)); row <= last; row++) {
      const half = rx * side * Math.sqrt(Math.max(0, 1 - ((row / side - y) / ry) ** 2));
      const [from, to] = [x * side - half, x * side + half].map((at) => Math.min(side, Math.max(0, Math.round(at))));
      ids.fill(id, row * side + from, row * side + to);
    }
  }
  for (let k = 0; k < SPECKS; k++) ids[(k * 2654435761) % ids.length] = k % CLASSES;
  return ids;
}

/** The outline of an ellipse of the face, scaled, as a hand draws it. */
function outline(side, part, scale) {
  const [, x, y, rx, ry] = FACE.find(([id]) => id === part);
  return Array.from({ length: 400 }, (_, k) => {
    const turn = (2 * Math.PI * k) / 400;
    return [Math.round(side * (x + rx * scale * Math.cos(turn))), Math.round(side * (y + ry * scale * Math.sin(turn)))];
  });
}

const ACTIONS = {
  'redraw the hair': (map) => redraw(map, outline(map.width, HAIR, 1), HAIR),
  'redraw the skin a fifth smaller': (map) => redraw(map, outline(map.width, SKIN, 0.8), SKIN),
  'fill the holes of every class': (map) => apply(map, fillHoles(map, { ids: ALL, limit: 200 })),
  'smooth every class, radius 12': (map) => apply(map, smoothContours(map, { ids: ALL, radius: 12 })),
  'fill the background': (map) => map.paintRuns(connectedRuns(map, 2 * map.width + 2, (i) => map.data[i]), 3),
  'move a border by a long closed line': (map) => {
    const line = outline(map.width, HAIR, 0.9);
    reshape(map, [...line, line[0]]);
  },
};

function milliseconds(work, ids) {
  const side = Math.sqrt(ids.length);
  const map = new LabelMap(side, side, ids.slice());
  map.begin('measured');
  const start = cpuUsage();
  work(map);
  const { user, system } = cpuUsage(start);
  if (!map.commit()) throw new Error('the action changed nothing');
  return (user + system) / 1000;
}

function row([name, work], photos) {
  const times = photos.map((ids) => {
    const rounds = Array.from({ length: ROUNDS }, () => milliseconds(work, ids));
    return `${rounds.sort((a, b) => a - b)[ROUNDS >> 1].toFixed(0)} ms`;
  });
  return `| ${[name, ...times].join(' | ')} |`;
}

const photos = SIDES.map(face);
console.log(`| action | ${SIDES.map((side) => `${side}x${side}`).join(' | ')} |\n|---|---|---|`);
for (const action of Object.entries(ACTIONS)) console.log(row(action, photos));
