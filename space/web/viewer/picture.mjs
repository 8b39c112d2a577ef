// Draws the photo with its classes, boxes and confidence on one canvas.
import { lookup, paintBorders, paintDifference, paintLabels, paintOutlines, whitened } from './paint.mjs';
import { canvasOf } from './nodes.mjs';

// Longest side of the drawing: more pixels than a screen shows only cost time.
const LARGEST = 1600;
const CHOSEN_FACE = '#ffd166';

export class Picture {
  /**
   * @param {HTMLCanvasElement} canvas where it is drawn
   * @param {object} state what is shown; read at each drawing
   */
  constructor(canvas, state) {
    this.canvas = canvas;
    this.pen = canvas.getContext('2d');
    this.state = state;
    this.image = null;
    this.frame = 0;
  }

  /** Show another photo; `state` holds its maps already. */
  load(image) {
    const { photo } = this.state;
    this.image = image;
    this.layer = canvasOf(photo);
    this.otherLayer = canvasOf(photo);
    this.sheet = new ImageData(photo.w, photo.h);
    this.resize();
  }

  /** Are two models shown side by side? */
  get isPaired() {
    return Boolean(this.state.modes.has('pair') && this.state.other);
  }

  /** Width of what is drawn, in pixels of the photo. */
  get width() {
    return this.isPaired ? 2 * this.state.photo.w : this.state.photo.w;
  }

  resize() {
    const { width } = this;
    const { h } = this.state.photo;
    const zoom = Math.min(1, LARGEST / Math.max(width, h));
    this.state.zoom = zoom;
    this.canvas.width = Math.round(width * zoom);
    this.canvas.height = Math.round(h * zoom);
    this.canvas.parentElement.style.setProperty('--ratio', width / h);
  }

  /** Color the classes again, then draw. */
  repaint() {
    if (!this.layer) return;
    const { modes, labels, other, photo } = this.state;
    const out = new Uint32Array(this.sheet.data.buffer);
    const table = lookup(photo.classes, this.state.hidden, modes.has('safe') ? 'safe' : 'color');
    const scale = Math.max(1, Math.round(photo.w / 400));
    if (modes.has('difference') && other) paintDifference(out, labels, other);
    else if (modes.has('outlines')) paintOutlines(out, labels, photo.w, table, scale);
    else this.paintFlat(out, labels, table, scale);
    this.layer.getContext('2d').putImageData(this.sheet, 0, 0);
    if (other) {
      this.paintFlat(out, other, table, scale);
      this.otherLayer.getContext('2d').putImageData(this.sheet, 0, 0);
    }
    this.draw();
  }

  paintFlat(out, labels, table, scale) {
    const { w } = this.state.photo;
    paintLabels(out, labels, w, table, { patterns: this.state.modes.has('patterns'), scale });
    paintBorders(out, labels, w, whitened(table), Math.max(1, Math.round(w / 800)));
  }

  /** Draw in the next frame. */
  draw() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.compose();
    });
  }

  compose() {
    const { zoom, photo } = this.state;
    // Side by side, the other model's mask is on the left.
    const layers = this.isPaired ? [this.otherLayer, this.layer] : [this.layer];
    layers.forEach((layer, index) => {
      this.pen.setTransform(zoom, 0, 0, zoom, index * photo.w * zoom, 0);
      this.composeView(layer);
    });
  }

  composeView(layer) {
    const { pen, image } = this;
    const { modes, photo: { w, h } } = this.state;
    pen.globalAlpha = 1;
    pen.drawImage(image, 0, 0, w, h);
    pen.save();
    pen.imageSmoothingEnabled = this.state.zoom < 1;
    if (modes.has('split')) this.clipSplit();
    this.composeMask(layer);
    pen.restore();
    const line = Math.max(1.5, w / 500);
    if (modes.has('split')) {
      pen.fillStyle = '#fff';
      pen.fillRect(this.state.split * w - line / 2, 0, line, h);
    }
    this.composeBoxes(line);
  }

  // Left of the divider is the other model's mask, or the photo alone.
  clipSplit() {
    const { pen } = this;
    const { other, split, opacity, photo: { w, h } } = this.state;
    if (other) {
      pen.globalAlpha = opacity;
      pen.drawImage(this.otherLayer, 0, 0, split * w, h, 0, 0, split * w, h);
    }
    pen.beginPath();
    pen.rect(split * w, 0, w, h);
    pen.clip();
  }

  composeMask(layer) {
    const { pen } = this;
    const { modes, opacity, confidenceLayer, photo: { w, h } } = this.state;
    const showsConfidence = modes.has('confidence') && confidenceLayer;
    const visible = modes.has('outlines') ? Math.max(0.25, opacity) : opacity;
    pen.globalAlpha = visible * (showsConfidence ? 0.3 : 1);
    pen.drawImage(layer, 0, 0);
    if (!showsConfidence) return;
    pen.globalAlpha = 0.85;
    pen.drawImage(confidenceLayer, 0, 0, w, h);
  }

  composeBoxes(line) {
    const { pen } = this;
    this.state.photo.faces.forEach(({ box: [x0, y0, x1, y1] }, index) => {
      const chosen = index === this.state.face;
      if (!chosen && !this.state.modes.has('boxes')) return;
      pen.lineWidth = chosen ? 2.5 * line : line;
      pen.strokeStyle = chosen ? CHOSEN_FACE : '#fff';
      pen.strokeRect(x0, y0, x1 - x0, y1 - y0);
    });
  }

  /** Which pixel of the photo, and on which side, a pointer is over. */
  pixelAt({ clientX, clientY }) {
    const box = this.canvas.getBoundingClientRect();
    const { w, h } = this.state.photo;
    const across = Math.floor(((clientX - box.left) / box.width) * this.width);
    const y = Math.floor(((clientY - box.top) / box.height) * h);
    return { x: across % w, y, isOther: this.isPaired && across < w };
  }

  /** A square picture of one face. */
  thumbnail([x0, y0, x1, y1], side) {
    const canvas = canvasOf({ w: side, h: side });
    const extent = 1.5 * Math.max(x1 - x0, y1 - y0);
    const left = (x0 + x1 - extent) / 2;
    const top = (y0 + y1 - extent) / 2;
    canvas.getContext('2d').drawImage(this.image, left, top, extent, extent, 0, 0, side, side);
    return canvas;
  }
}
