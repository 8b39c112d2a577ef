// The canvas: photo, overlay and marks drawn at a zoom, redrawing no more than what changed.
import { heatPalette, Layer, palette, Patch } from './layers.mjs';
import * as viewport from '../core/viewport.mjs';

// Up to this many pixels are colored afresh for each drawing. Writing to the layer instead would make
// the browser copy the whole of it, which it shares with the last drawing: 16 MB at 2048.
const PATCH = 300_000;

// Pixels of the screen a CSS pixel.
const ratioNow = () => window.devicePixelRatio || 1;

const ALL = ({ width, height }) => [0, 0, width, height];

export class Stage {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext('2d');
    this.view = { scale: 1, x: 0, y: 0 };
    this.marks = [];
    this.pending = undefined;
    this.frame = 0;
    this.map = null;
    this.shown = false;
    this.ratio = ratioNow();
    new ResizeObserver(() => this.resize()).observe(canvas);
    this.watchRatio();
  }

  // A window that moves to another screen keeps its size, so no resize event follows.
  watchRatio() {
    this.screen = window.matchMedia(`(resolution: ${ratioNow()}dppx)`);
    this.screen.addEventListener('change', () => {
      this.resize();
      this.watchRatio();
    }, { once: true });
  }

  /** Show a map over its photo. `look` is read at each drawing. */
  load({ map, photo, classes, confidence, look }) {
    Object.assign(this, { map, photo, classes, confidence, look });
    this.layers = { mask: new Layer(map) };
    this.patch = new Patch();
    this.stale = null;
    this.box = null;
    this.shown = false;
    this.resize();
    this.restyle();
  }

  /** Colors, visibility or outline changed: color everything again. */
  restyle() {
    const { look } = this;
    this.lut = palette(this.classes, look);
    delete this.layers.prediction;
    this.refresh();
  }

  /** Ids of a rectangle changed: color and draw it again. */
  refresh(rect = ALL(this.map)) {
    if (!rect) return; // LabelMap.takeDirty found nothing written.
    const grown = grow(rect, this.map);
    this.stale = this.stale ? union(this.stale, grown) : grown;
    this.draw(grown);
  }

  style() {
    return { lut: this.lut, outline: this.look.outline };
  }

  /** Brought up to date, and made at all, when shown. */
  layer(name) {
    if (name === 'mask' && this.stale) {
      this.layers.mask.update(this.map.data, this.stale, this.style());
      this.stale = null;
    }
    if (!this.layers[name]) {
      const layer = new Layer(this.map);
      const [ids, style] = name === 'heat'
        ? [this.confidence, { lut: heatPalette() }]
        : [this.map.prediction, this.style()];
      layer.update(ids, ALL(this.map), style);
      this.layers[name] = layer;
    }
    return this.layers[name].canvas;
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const appears = !this.shown;
    this.shown = Boolean(width && this.map);
    if (!this.shown) return;
    const ratio = this.ratio = ratioNow();
    const first = !this.box;
    const whole = first || this.fitted;
    this.box = { width, height };
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    if (whole) this.fit();
    this.draw();
    this.onview?.();
    if (appears) this.onshown?.();
  }

  fit() {
    this.show(viewport.fit(this.map, this.box));
    this.fitted = true;
  }

  /** Change the view. */
  show(view) {
    this.fitted = false;
    this.view = view;
    this.draw();
    this.onview?.();
  }

  zoomAt(factor, point) {
    this.show(viewport.zoomAt(this.view, factor, point));
  }

  /** Zoom about a pixel of the map where it shows, else about the middle. */
  zoomAbout(factor, pixel) {
    const { width, height } = this.box;
    const [x, y] = pixel ? viewport.toPoint(this.view, pixel) : [-1, -1];
    const shows = x >= 0 && y >= 0 && x <= width && y <= height;
    this.zoomAt(factor, shows ? [x, y] : [width / 2, height / 2]);
  }

  /** One map pixel on one screen pixel. */
  actualSize(pixel) {
    this.zoomAbout(1 / this.ratio / this.view.scale, pixel);
  }

  /** Move the view as far as a pixel of the map needs to be in sight. */
  follow(pixel) {
    const view = viewport.follow(this.view, this.map, this.box, pixel);
    if (Math.hypot(view.x - this.view.x, view.y - this.view.y) > 0.5) this.show(view);
  }

  /** The map's pixel in the middle of the view. */
  get middle() {
    const { box, map } = this;
    const [x, y] = viewport.toPixel(this.view, [box.width / 2, box.height / 2]);
    return [Math.min(map.width - 1, Math.max(0, x)), Math.min(map.height - 1, Math.max(0, y))];
  }

  focus(rect) {
    this.show(viewport.focus(this.map, this.box, rect));
  }

  /** Does all of a rectangle show, at least `size` CSS pixels long? */
  isLegible(rect, size) {
    const seen = viewport.visible(this.view, this.map, this.box);
    return Boolean(seen) && viewport.holds(seen, rect) && Math.max(rect[2], rect[3]) * this.view.scale >= size;
  }

  /** Draw in the next frame: all of the view, or the part that shows a rectangle of the map. */
  draw(rect = null) {
    this.pending = this.pending === undefined || !rect ? rect : union(this.pending, rect);
    if (!this.frame) {
      this.frame = requestAnimationFrame(() => {
        this.frame = 0;
        const part = this.pending;
        this.pending = undefined;
        if (!this.map || !this.box) return;
        if (this.ratio === ratioNow()) this.paint(part);
        else this.resize();
      });
    }
  }

  paint(rect) {
    const { context, canvas, view, ratio } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.save();
    if (rect) this.clipTo(rect);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.setTransform(ratio * view.scale, 0, 0, ratio * view.scale, ratio * view.x, ratio * view.y);
    const part = this.visiblePart(rect);
    if (part) this.paintPictures(part);
    for (const mark of this.marks) mark(context, view);
    context.restore();
  }

  // Whole device pixels, or the clip itself would be blurred at its edge.
  clipTo([x, y, w, h]) {
    const { ratio } = this;
    const { scale, x: dx, y: dy } = this.view;
    const left = Math.floor((x * scale + dx) * ratio) - 2;
    const top = Math.floor((y * scale + dy) * ratio) - 2;
    this.context.beginPath();
    this.context.rect(left, top, Math.ceil(w * scale * ratio) + 5, Math.ceil(h * scale * ratio) + 5);
    this.context.clip();
  }

  visiblePart(rect) {
    const seen = viewport.visible(this.view, this.map, this.box);
    if (!seen || !rect) return seen;
    const pad = 4 + Math.ceil(8 / this.view.scale);
    const [x, y, w, h] = rect;
    const left = Math.max(seen[0], x - pad);
    const top = Math.max(seen[1], y - pad);
    const right = Math.min(seen[0] + seen[2], x + w + pad);
    const bottom = Math.min(seen[1] + seen[3], y + h + pad);
    return right > left && bottom > top ? [left, top, right - left, bottom - top] : null;
  }

  paintPictures(part) {
    const { context, look } = this;
    context.imageSmoothingEnabled = this.view.scale * this.ratio < 2;
    context.drawImage(this.photo, ...part, ...part);
    if (look.hold === 'photo') return;
    context.imageSmoothingEnabled = false;
    context.globalAlpha = look.outline ? 1 : look.opacity;
    if (look.hold === 'prediction') this.paintPart('prediction', part);
    else if (look.split !== null) this.paintSplit(part);
    else this.paintPart('mask', part);
    if (look.heat && this.confidence) {
      context.globalAlpha = 0.75;
      this.paintPart('heat', part);
    }
    context.globalAlpha = 1;
  }

  paintPart(name, part) {
    const [, , w, h] = part;
    if (name === 'mask' && this.stale && w * h < PATCH) {
      this.patch.update(this.map.data, part, { size: this.map, ...this.style() });
      this.context.drawImage(this.patch.canvas, 0, 0, w, h, ...part);
      return;
    }
    this.context.drawImage(this.layer(name), ...part, ...part);
  }

  paintSplit([x, y, w, h]) {
    const edge = (this.look.split * this.box.width - this.view.x) / this.view.scale;
    const middle = Math.min(x + w, Math.max(x, Math.round(edge)));
    if (middle > x) this.paintPart('prediction', [x, y, middle - x, h]);
    if (middle < x + w) this.paintPart('mask', [middle, y, x + w - middle, h]);
  }

  /** The map's pixel under a point of the window. */
  toImage(clientX, clientY) {
    const { left, top } = this.canvas.getBoundingClientRect();
    return viewport.toPixel(this.view, [clientX - left, clientY - top]);
  }

  /** The point of the window over a pixel's center. */
  toScreen(x, y) {
    const { left, top } = this.canvas.getBoundingClientRect();
    const [px, py] = viewport.toPoint(this.view, [x, y]);
    return [left + px, top + py];
  }
}

// One pixel more on each side: an outline depends on its neighbors.
function grow([x, y, w, h], { width, height }) {
  const left = Math.max(0, x - 1);
  const top = Math.max(0, y - 1);
  return [left, top, Math.min(width, x + w + 1) - left, Math.min(height, y + h + 1) - top];
}

function union(a, b) {
  if (!a || !b) return null;
  const left = Math.min(a[0], b[0]);
  const top = Math.min(a[1], b[1]);
  const right = Math.max(a[0] + a[2], b[0] + b[2]);
  const bottom = Math.max(a[1] + a[3], b[1] + b[3]);
  return [left, top, right - left, bottom - top];
}
