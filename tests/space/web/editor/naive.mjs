// What the editor's quick ways must equal: the same outcomes by rescanning, a class at a time.
import { commonest, components, connected } from '../../../../space/web/mask_editor/core/regions.mjs';
import { stroke } from '../../../../space/web/mask_editor/core/shapes.mjs';

const all = ({ width, height }) => Array.from({ length: width * height }, (_, i) => i);

function neighbors({ width, height }, i) {
  const x = i % width;
  return [i - width, i + width, x > 0 ? i - 1 : -1, x < width - 1 ? i + 1 : -1]
    .filter((j) => j >= 0 && j < width * height);
}

/** Fill a closed outline: every side is asked about at every row. */
export function polygon(map, points, value) {
  for (let y = 0; y < map.height; y++) {
    const xs = [];
    points.forEach(([xi, yi], k) => {
      const [xj, yj] = points[(k || points.length) - 1];
      if (yi <= y !== yj <= y) xs.push(xi + ((y - yi) / (yj - yi)) * (xj - xi));
    });
    xs.sort((a, b) => a - b);
    for (let k = 0; k + 1 < xs.length; k += 2) map.span(y, Math.ceil(xs[k]), Math.floor(xs[k + 1]), value);
  }
  points.forEach((point, k) => {
    stroke(map, points[(k || points.length) - 1], point, { radius: 0, value });
  });
}

/** Redraw a part: all that is left is looked at in each ring. */
export function redraw(map, points, value) {
  const { data, width, height } = map;
  const inside = new Set();
  const span = (y, x0, x1) => {
    if (y < 0 || y >= height) return;
    for (let x = Math.max(0, x0); x <= Math.min(width - 1, x1); x++) inside.add(y * width + x);
  };
  polygon({ width, height, span }, points, 0);
  const joined = new Set();
  for (const i of inside) {
    if (data[i] !== value || joined.has(i)) continue;
    for (const j of connected(map, i, (k) => data[k])) joined.add(j);
  }
  const left = new Set([...joined].filter((i) => !inside.has(i)));
  map.paint(inside, value);
  if (left.size > 2 * inside.size) return;
  for (let given = 1; given;) {
    const heirs = [...left].map((i) => (
      [i, neighbors(map, i).find((j) => data[j] !== value && !left.has(j))]
    )).filter(([, heir]) => heir !== undefined).map(([i, heir]) => [i, data[heir]]);
    for (const [i, id] of heirs) {
      map.paint([i], id);
      left.delete(i);
    }
    given = heirs.length;
  }
}

/** [index, id] of every hole of one class. */
export function holes(map, { id, limit }) {
  const isAtEdge = (i) => neighbors(map, i).length < 4;
  return components(map, (i) => (map.data[i] === id ? -1 : 0))
    .filter((indices) => indices.length < limit && !indices.some(isAtEdge))
    .flatMap((indices) => [...indices].map((i) => [i, id]));
}

/** [index, id] of every pixel that joins or leaves one class. */
export function smoothed(map, { id, radius }) {
  const { width, height, data } = map;
  return all(map).flatMap((i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    const counts = new Map();
    let area = 0;
    for (let py = Math.max(0, y - radius); py <= Math.min(height - 1, y + radius); py++) {
      for (let px = Math.max(0, x - radius); px <= Math.min(width - 1, x + radius); px++, area++) {
        const one = data[py * width + px];
        counts.set(one, (counts.get(one) || 0) + 1);
      }
    }
    const isMost = 2 * (counts.get(id) || 0) > area;
    if (isMost) return data[i] === id ? [] : [[i, id]];
    counts.delete(id);
    return data[i] === id && counts.size ? [[i, commonest(counts)]] : [];
  });
}

/** [index, id] of every pixel of an island. */
export function islands(map, { limit }) {
  const { data } = map;
  return components(map, (i) => data[i]).filter((indices) => indices.length < limit).flatMap((indices) => {
    const own = new Set(indices);
    const counts = new Map();
    for (const j of [...indices].flatMap((i) => neighbors(map, i)).filter((j) => !own.has(j))) {
      counts.set(data[j], (counts.get(data[j]) || 0) + 1);
    }
    return counts.size ? [...indices].map((i) => [i, commonest(counts)]) : [];
  });
}

/** Run a clean-up for each class on the map as it is, then paint all outcomes in order. */
export function each(map, ids, run) {
  const changes = ids.flatMap((id) => run(map, id));
  for (const [i, id] of changes) map.paint([i], id);
}
