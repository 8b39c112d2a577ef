// Pictures made of label ids: the overlay, the confidence map, highlighted regions.

/** A class's color in the chosen palette; older drafts have no color-blind palette. */
export const colorOf = ({ color, safe }, { safely }) => (safely && safe ? safe : color);

/** 256 packed colors (ABGR); classes that are not shown are transparent. */
export function palette(classes, { shows, safely }) {
  const lut = new Uint32Array(256);
  classes.forEach((entry, id) => {
    const [r, g, b] = colorOf(entry, { safely });
    if (shows(id)) lut[id] = ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
  });
  return lut;
}

/** Colors of confidence: 255 is transparent, low values go from yellow to opaque red. */
export function heatPalette() {
  return Uint32Array.from({ length: 256 }, (_, level) => {
    const doubt = Math.min(1, Math.max(0, (240 - level) / 140));
    const green = Math.round(220 * (1 - doubt));
    return ((Math.round(255 * doubt) << 24) | (20 << 16) | (green << 8) | 255) >>> 0;
  });
}

const STRIP = 256; // Rows converted at a time: a whole 4096 x 4096 picture would need 64 MB at once.

/** A canvas as large as the map that holds its colors. */
export class Layer {
  constructor({ width, height }) {
    this.canvas = document.createElement('canvas');
    this.canvas.width = width;
    this.canvas.height = height;
    this.context = this.canvas.getContext('2d');
  }

  /** Color a rectangle again; with `outline` only the pixels at a border between ids. */
  update(ids, [x, y, w, h], { lut, outline = false }) {
    for (let top = y; top < y + h; top += STRIP) {
      const rows = Math.min(STRIP, y + h - top);
      const image = this.context.createImageData(w, rows);
      shade(ids, [x, top, w, rows], { size: this.canvas, lut, outline, image });
      this.context.putImageData(image, x, top);
    }
  }
}

/** A small canvas for parts of the map that change while a stroke is drawn. */
export class Patch {
  constructor() {
    this.canvas = document.createElement('canvas');
    this.context = this.canvas.getContext('2d');
  }

  /** Color a rectangle of a map of `size` in the patch's corner. */
  update(ids, [x, y, w, h], { size, lut, outline = false }) {
    if (this.canvas.width < w) this.canvas.width = w;
    if (this.canvas.height < h) this.canvas.height = h;
    const image = this.context.createImageData(w, h);
    shade(ids, [x, y, w, h], { size, lut, outline, image });
    this.context.putImageData(image, 0, 0);
  }
}

function shade(ids, [x, y, w, h], { size: { width, height }, lut, outline, image }) {
  const out = new Uint32Array(image.data.buffer);
  let k = 0;
  for (let row = y; row < y + h; row++) {
    for (let i = row * width + x, end = i + w; i < end; i++, k++) {
      if (!outline || !inside(ids, i, { width, height, row })) out[k] = lut[ids[i]];
    }
  }
}

function inside(ids, i, { width, height, row }) {
  const column = i - row * width;
  const id = ids[i];
  return (column === 0 || ids[i - 1] === id) && (column === width - 1 || ids[i + 1] === id)
    && (row === 0 || ids[i - width] === id) && (row === height - 1 || ids[i + width] === id);
}

/**
 * A small picture of chosen pixels, to lay over the map.
 * @param {{outline?: boolean, color: number}} look packed color; outline leaves the inside clear
 */
export function highlight(indices, rect, { width, color, outline = false }) {
  const [left, top, w, h] = rect;
  const canvas = document.createElement('canvas');
  canvas.width = w;
  canvas.height = h;
  const context = canvas.getContext('2d');
  const image = context.createImageData(w, h);
  const out = new Uint32Array(image.data.buffer);
  const chosen = new Uint8Array(w * h);
  for (const i of indices) chosen[(Math.floor(i / width) - top) * w + (i % width) - left] = 1;
  for (let k = 0; k < chosen.length; k++) {
    if (!chosen[k]) continue;
    const edge = k % w === 0 || k % w === w - 1 || k < w || k >= w * (h - 1)
      || !(chosen[k - 1] && chosen[k + 1] && chosen[k - w] && chosen[k + w]);
    if (!outline || edge) out[k] = color;
  }
  context.putImageData(image, 0, 0);
  return { canvas, rect };
}
