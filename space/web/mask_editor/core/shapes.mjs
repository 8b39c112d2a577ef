// Hard-edged shapes painted into a label map: disc, stroke, polygon, edge-snapping disc. No DOM.

// A quarter pixel more makes small discs round instead of crosses.
const ROUNDING = 0.25;

/** Paint the stroke from (x0, y0) to (x1, y1) with a disc of `radius`, without gaps or antialiasing. */
export function stroke(map, [x0, y0], [x1, y1], { radius, value }) {
  const reach = radius + ROUNDING;
  const top = Math.ceil(Math.min(y0, y1) - reach);
  const bottom = Math.floor(Math.max(y0, y1) + reach);
  const sides = slab([x0, y0], [x1, y1], reach);
  for (let y = top; y <= bottom; y++) {
    const left = [];
    const right = [];
    for (const [cx, cy] of [[x0, y0], [x1, y1]]) {
      const half = reach * reach - (y - cy) * (y - cy);
      if (half >= 0) {
        left.push(cx - Math.sqrt(half));
        right.push(cx + Math.sqrt(half));
      }
    }
    for (const x of crossings(sides, y)) {
      left.push(x);
      right.push(x);
    }
    // The swept disc is convex, so a row is one run: from the leftmost part to the rightmost.
    if (left.length) map.span(y, Math.ceil(Math.min(...left)), Math.floor(Math.max(...right)), value);
  }
}

/** Paint one disc. */
export function disc(map, [x, y], { radius, value }) {
  stroke(map, [x, y], [x, y], { radius, value });
}

function slab([x0, y0], [x1, y1], reach) {
  const length = Math.hypot(x1 - x0, y1 - y0);
  if (!length) return [];
  const dx = (-(y1 - y0) / length) * reach;
  const dy = ((x1 - x0) / length) * reach;
  return [[x0 + dx, y0 + dy], [x1 + dx, y1 + dy], [x1 - dx, y1 - dy], [x0 - dx, y0 - dy]];
}

function crossings(points, y) {
  const xs = [];
  for (let i = 0, j = points.length - 1; i < points.length; j = i++) {
    const [xi, yi] = points[i];
    const [xj, yj] = points[j];
    if (yi <= y !== yj <= y) xs.push(xi + ((y - yi) / (yj - yi)) * (xj - xi));
  }
  return xs.sort((a, b) => a - b);
}

// The same for many rows: each side is followed once, instead of asked about at every row.
function crossingsByRow(points, { top, bottom }) {
  const rows = Array.from({ length: Math.max(0, bottom - top + 1) }, () => []);
  points.forEach(([xi, yi], i) => {
    const [xj, yj] = points[(i || points.length) - 1];
    const end = Math.min(bottom + 1, Math.max(yi, yj));
    for (let y = Math.max(top, Math.ceil(Math.min(yi, yj))); y < end; y++) {
      rows[y - top].push(xi + ((y - yi) / (yj - yi)) * (xj - xi));
    }
  });
  for (const xs of rows) xs.sort((a, b) => a - b);
  return rows;
}

/** Fill a closed outline by the even-odd rule on pixel centers; its own points are painted too. */
export function polygon(map, points, value) {
  const ys = points.map((point) => point[1]);
  const top = Math.max(0, Math.ceil(Math.min(...ys)));
  const bottom = Math.min(map.height - 1, Math.floor(Math.max(...ys)));
  crossingsByRow(points, { top, bottom }).forEach((xs, row) => {
    for (let k = 0; k + 1 < xs.length; k += 2) {
      map.span(top + row, Math.ceil(xs[k]), Math.floor(xs[k + 1]), value);
    }
  });
  points.forEach((point, k) => {
    stroke(map, points[(k || points.length) - 1], point, { radius: 0, value });
  });
}

/** The pixels that `polygon` would paint, without painting: 1 in a mask of the map. */
export function polygonMask({ width, height }, points) {
  const mask = new Uint8Array(width * height);
  const span = (y, x0, x1) => {
    const [left, right] = [Math.max(0, x0), Math.min(width - 1, x1)];
    if (y >= 0 && y < height && left <= right) mask.fill(1, y * width + left, y * width + right + 1);
  };
  polygon({ width, height, span }, points, 0);
  return mask;
}

/**
 * Paint the part of a disc that looks like its center and is joined to it.
 * @param {Uint8ClampedArray} rgba the photo, four bytes a pixel
 * @param {number} tolerance largest color distance (0..441) that still counts as alike
 */
export function snapDisc(map, [cx, cy], { radius, value, rgba, tolerance }) {
  if (cx < 0 || cy < 0 || cx >= map.width || cy >= map.height) return;
  const center = meanColor(map, [cx, cy], rgba);
  const seen = new Set([cy * map.width + cx]);
  const queue = [[cx, cy]];
  const reach = (radius + ROUNDING) ** 2;
  while (queue.length) {
    const [x, y] = queue.pop();
    map.put(x, y, value);
    for (const [nx, ny] of [[x - 1, y], [x + 1, y], [x, y - 1], [x, y + 1]]) {
      const i = ny * map.width + nx;
      const outside = nx < 0 || ny < 0 || nx >= map.width || ny >= map.height;
      if (outside || seen.has(i) || (nx - cx) ** 2 + (ny - cy) ** 2 > reach) continue;
      seen.add(i);
      if (colorDistance(rgba, i, center) <= tolerance) queue.push([nx, ny]);
    }
  }
}

function meanColor(map, [cx, cy], rgba) {
  const sum = [0, 0, 0];
  let count = 0;
  for (let y = Math.max(0, cy - 1); y <= Math.min(map.height - 1, cy + 1); y++) {
    for (let x = Math.max(0, cx - 1); x <= Math.min(map.width - 1, cx + 1); x++) {
      for (let k = 0; k < 3; k++) sum[k] += rgba[4 * (y * map.width + x) + k];
      count++;
    }
  }
  return sum.map((value) => value / count);
}

function colorDistance(rgba, i, [r, g, b]) {
  return Math.hypot(rgba[4 * i] - r, rgba[4 * i + 1] - g, rgba[4 * i + 2] - b);
}
