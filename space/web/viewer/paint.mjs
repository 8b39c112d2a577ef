// Pixels of the parse view. No DOM. Colors are packed as ABGR for a little-endian canvas.

export const pack = ([r, g, b], a = 255) => ((a << 24) | (b << 16) | (g << 8) | r) >>> 0;

/** 256 packed colors by class id; background and hidden classes are transparent. */
export function lookup(classes, hidden, colorKey) {
  const table = new Uint32Array(256);
  for (const entry of classes) {
    const shows = entry.id !== 0 && !hidden.has(entry.id);
    table[entry.id] = shows ? pack(entry[colorKey]) : 0;
  }
  return table;
}

// Four patterns distinguish neighbors where color alone does not.
const PATTERNS = [
  (x, y, scale) => (x + y) % (4 * scale) < scale,
  (x, y, scale) => (x - y + (1 << 20)) % (4 * scale) < scale,
  (x, y, scale) => y % (4 * scale) < scale,
  (x, y, scale) => x % (4 * scale) < scale,
];

const darker = (color) => ((color & 0xff000000) | ((color >>> 1) & 0x7f7f7f)) >>> 0;

/** Color each pixel by its class. */
export function paintLabels(out, labels, width, table, { patterns = false, scale = 1 } = {}) {
  if (!patterns) {
    for (let i = 0; i < labels.length; i++) out[i] = table[labels[i]];
    return;
  }
  for (let i = 0; i < labels.length; i++) {
    const color = table[labels[i]];
    const isDark = PATTERNS[labels[i] % 4](i % width, Math.floor(i / width), scale);
    out[i] = color && isDark ? darker(color) : color;
  }
}

/** Paint lines where two classes meet, in the color of one that is shown, over what is there. */
export function paintBorders(out, labels, width, table, thickness) {
  const height = labels.length / width;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const color = borderColor(labels, y * width + x, { width, table });
      if (color) paintSquare(out, [x, y], { width, height, thickness, color });
    }
  }
}

// The color of the border to the right or below a pixel; 0 where there is none.
function borderColor(labels, i, { width, table }) {
  const own = labels[i];
  const right = (i + 1) % width ? labels[i + 1] : own;
  const below = i + width < labels.length ? labels[i + width] : own;
  if (right === own && below === own) return 0;
  return table[own] || table[right] || table[below];
}

function paintSquare(out, [left, top], { width, height, thickness, color }) {
  for (let y = top; y < Math.min(height, top + thickness); y++) {
    for (let x = left; x < Math.min(width, left + thickness); x++) out[y * width + x] = color;
  }
}

export function paintOutlines(out, labels, width, table, thickness) {
  out.fill(0);
  paintBorders(out, labels, width, table, thickness);
}

/** White where a class is shown: colors close to the photo's own, such as skin's, need an edge. */
export const whitened = (table) => table.map((color) => (color ? pack([255, 255, 255]) : 0));

/** Amber to red where the predicted class has a low probability. */
export function paintConfidence(out, confidence) {
  for (let i = 0; i < out.length; i++) {
    const doubt = 255 - confidence[i];
    const color = [255, Math.max(0, 200 - doubt), 0];
    out[i] = doubt < 40 ? 0 : pack(color, Math.min(255, 60 + doubt));
  }
}

/** Mark the pixels at which two maps differ. */
export function paintDifference(out, labels, other) {
  for (let i = 0; i < out.length; i++) out[i] = labels[i] === other[i] ? 0 : pack([255, 0, 170]);
}
