// Pure pixel work of the parse view: no DOM. Colours are packed as ABGR for a little-endian canvas.
export const pack = ([r, g, b], a = 255) => ((a << 24) | (b << 16) | (g << 8) | r) >>> 0;

export function lookup(classes, hidden, colorKey) {
  const table = new Uint32Array(256);
  for (const c of classes) table[c.id] = c.id === 0 || hidden.has(c.id) ? 0 : pack(c[colorKey]);
  return table;
}

// Four hatchings tell neighbours apart where colour alone does not.
const HATCH = [
  (x, y, s) => (x + y) % (4 * s) < s,
  (x, y, s) => (x - y + (1 << 20)) % (4 * s) < s,
  (x, y, s) => y % (4 * s) < s,
  (x, y, s) => x % (4 * s) < s,
];

const darker = (v) => ((v & 0xff000000) | ((v >>> 1) & 0x7f7f7f)) >>> 0;

export function paintLabels(out, labels, w, table, { patterns = false, scale = 1 } = {}) {
  const n = labels.length;
  if (!patterns) {
    for (let i = 0; i < n; i++) out[i] = table[labels[i]];
    return;
  }
  for (let i = 0, x = 0, y = 0; i < n; i++) {
    const v = table[labels[i]];
    out[i] = v && HATCH[labels[i] % 4](x, y, scale) ? darker(v) : v;
    if (++x === w) { x = 0; y++; }
  }
}

// Over what is painted already: lines where two classes meet, in the colour of one that is shown.
export function paintBorders(out, labels, w, table, thick) {
  const h = labels.length / w;
  for (let y = 0; y < h; y++) for (let x = 0; x < w; x++) {
    const i = y * w + x, c = labels[i];
    const right = x + 1 < w && labels[i + 1] !== c ? labels[i + 1] : -1;
    const below = y + 1 < h && labels[i + w] !== c ? labels[i + w] : -1;
    if (right < 0 && below < 0) continue;
    const v = table[c] || (right >= 0 && table[right]) || (below >= 0 && table[below]) || 0;
    if (!v) continue;
    for (let dy = 0; dy < thick && y + dy < h; dy++)
      for (let dx = 0; dx < thick && x + dx < w; dx++) out[i + dy * w + dx] = v;
  }
}

export function paintOutlines(out, labels, w, table, thick) {
  out.fill(0);
  paintBorders(out, labels, w, table, thick);
}

// White where a class is shown: colours close to the photo's own, such as skin's, need an edge.
export const whitened = (table) => table.map((v) => (v ? pack([255, 255, 255]) : 0));

// Doubt: amber to red where the first class had little probability.
export function paintDoubt(out, confidence) {
  for (let i = 0; i < out.length; i++) {
    const doubt = 255 - confidence[i];
    out[i] = doubt < 40 ? 0 : pack([255, Math.max(0, 200 - doubt), 0], Math.min(255, 60 + doubt));
  }
}

export function paintDifference(out, labels, other) {
  for (let i = 0; i < out.length; i++) out[i] = labels[i] === other[i] ? 0 : pack([255, 0, 170]);
}
