// Mouse, pen and touch on the canvas: draw, pan, pinch, wheel, and the ring under the cursor.
import { closePath, TOOLS } from './tools.mjs';

const MIDDLE = 1;
const RIGHT = 2;
const PEN_ERASER = 32;
// A mouse or pen, or a finger, closer than this to the first corner closes a polygon, CSS pixels.
const CLOSE_ENOUGH = 10;
const FINGER_WIDTH = 24;
// Milliseconds within which two taps or clicks at one place are a double one.
const DOUBLE_TAP = 350;
// A finger that moves further than this, CSS pixels, does not tap: it moves the picture.
const SWIPE = 10;

export class Pointer {
  constructor(app, root) {
    this.app = app;
    this.canvas = app.stage.canvas;
    this.ring = root.querySelector('.fme-ring');
    // What is pressed and counts: one pen or mouse, or any number of touches; never both.
    this.down = new Map();
    this.touching = false;
    this.stroke = null;
    this.tap = null;
    this.panning = false;
    this.penSeen = false;
    this.space = false;
    this.lastEnd = null;
    this.lastTap = null;
    app.abandonStroke = () => this.abandon();
    app.leaveStroke = () => this.leave();
    app.isDrawing = () => this.stroke !== null;
    app.isFingerDrawing = () => this.stroke !== null && this.touching;
    const on = (type, handler, options) => this.canvas.addEventListener(type, handler, options);
    on('pointerdown', (event) => this.press(event));
    on('pointermove', (event) => this.move(event));
    for (const type of ['pointerup', 'pointercancel']) on(type, (event) => this.release(event));
    on('pointerleave', () => this.hideRing());
    on('contextmenu', (event) => event.preventDefault());
    on('auxclick', (event) => event.preventDefault());
    on('wheel', (event) => this.wheel(event), { passive: false });
  }

  press(event) {
    const { app } = this;
    if (!app.map) return;
    event.preventDefault();
    app.session.active(performance.now());
    this.canvas.focus({ preventScroll: true });
    const touch = event.pointerType === 'touch';
    if (touch && this.down.size && !this.touching) return; // A hand beside a pen at work.
    if (!touch) this.takeOver();
    this.touching = touch;
    this.canvas.setPointerCapture(event.pointerId);
    this.penSeen ||= event.pointerType === 'pen';
    this.down.set(event.pointerId, [event.clientX, event.clientY]);
    if (this.down.size > 1) {
      this.abandon();
      this.panning = true;
      return;
    }
    // A hand that rests on the screen beside a pen moves the view; it does not paint.
    const palm = this.penSeen && touch;
    this.panning = event.button === MIDDLE || this.space || palm;
    if (!this.panning) this.start(event);
  }

  /** A pen or mouse came down: touches don't count until they lift; a lost pen's stroke is kept. */
  takeOver() {
    if (this.touching) this.abandon();
    else this.finish();
    this.down.clear();
  }

  start(event) {
    const { app } = this;
    const point = app.stage.toImage(event.clientX, event.clientY);
    app.leavePreview();
    app.state.cross = null;
    if (event.altKey) {
      TOOLS.pick.press(app, point);
      return;
    }
    const eraser = event.button === RIGHT || (event.buttons & PEN_ERASER) !== 0;
    const name = eraser ? 'restore' : app.state.tool;
    if (event.pointerType === 'touch' && !this.isDrawn(name)) {
      // A finger that touches may be the first of two: a tap counts when it is lifted.
      this.tap = { name, point, at: [event.clientX, event.clientY] };
      return;
    }
    this.use(name, point, { straight: event.shiftKey, twice: this.isSecond(event, CLOSE_ENOUGH) });
  }

  isDrawn(name) {
    return TOOLS[name].kind === 'drag' || TOOLS[name].free;
  }

  /** Begin a tool at a pixel; also what Enter does at the keyboard's cross. */
  use(name, point, { straight = false, twice = false } = {}) {
    const { app } = this;
    const tool = TOOLS[name];
    if (tool.kind === 'click') tool.press(app, point);
    else if (tool.kind === 'drag') this.beginDrag(name, point, straight);
    else this.addCorner(tool, point, twice);
  }

  beginDrag(name, point, straight) {
    const { app } = this;
    const tool = TOOLS[name];
    const what = name === 'restore' ? tool.label.toLowerCase() : `${name} ${app.nameOf(app.state.cls)}`;
    app.map.begin(what, name);
    this.stroke = { tool, last: point };
    // A stroke on the previous photo is not a place to draw a line from.
    const from = straight && this.lastEnd?.map === app.map ? this.lastEnd.point : point;
    tool.move(app, from, point);
    app.stage.refresh(app.map.takeDirty());
  }

  addCorner(tool, point, twice) {
    const { app } = this;
    const { path } = app.state;
    if (tool.free) {
      app.state.path = [point];
      this.stroke = { tool, last: point };
    } else if (twice || (path.length > 2 && this.near(point, path[0]))) {
      if (path.length > 2) closePath(app);
    } else {
      path.push(point);
      app.onchange();
    }
    app.stage.draw();
  }

  near([x, y], [fx, fy]) {
    const enough = this.touching ? FINGER_WIDTH : CLOSE_ENOUGH;
    return Math.hypot(x - fx, y - fy) * this.app.stage.view.scale < enough;
  }

  move(event) {
    const { app } = this;
    if (!app.map) return;
    app.session.active(performance.now());
    const before = this.down.get(event.pointerId);
    if (!before && event.pointerType === 'touch') return;
    if (before) this.down.set(event.pointerId, [event.clientX, event.clientY]);
    if (this.tap && before) this.maySwipe(event);
    if (this.panning && before) this.panOrPinch(event.pointerId, before);
    else if (this.stroke && before) this.drag(event);
    else if (app.state.path.length) this.hover(event);
    this.showRing(event);
  }

  maySwipe({ clientX, clientY }) {
    const [x, y] = this.tap.at;
    if (Math.hypot(clientX - x, clientY - y) <= SWIPE) return;
    this.tap = null;
    this.panning = true;
  }

  drag(event) {
    const { app, stroke } = this;
    const samples = event.getCoalescedEvents?.() ?? [];
    for (const sample of samples.length ? samples : [event]) {
      const point = app.stage.toImage(sample.clientX, sample.clientY);
      if (point[0] === stroke.last[0] && point[1] === stroke.last[1]) continue;
      if (stroke.tool.kind === 'path') app.state.path.push(point);
      else stroke.tool.move(app, stroke.last, point);
      stroke.last = point;
    }
    if (stroke.tool.kind === 'path') app.stage.draw();
    else app.stage.refresh(app.map.takeDirty());
  }

  hover(event) {
    this.app.state.hover = this.app.stage.toImage(event.clientX, event.clientY);
    this.app.stage.draw();
  }

  panOrPinch(id, before) {
    const { stage } = this.app;
    const now = this.down.get(id);
    const { left, top } = this.canvas.getBoundingClientRect();
    if (this.down.size === 1) {
      stage.show({ ...stage.view, x: stage.view.x + now[0] - before[0], y: stage.view.y + now[1] - before[1] });
      return;
    }
    const other = [...this.down].find(([key]) => key !== id)[1];
    const spread = ([x, y]) => Math.hypot(x - other[0], y - other[1]) || 1;
    const shift = [(now[0] - before[0]) / 2, (now[1] - before[1]) / 2];
    stage.show({ ...stage.view, x: stage.view.x + shift[0], y: stage.view.y + shift[1] });
    const middle = [(now[0] + other[0]) / 2 - left, (now[1] + other[1]) / 2 - top];
    stage.zoomAt(spread(now) / spread(before), middle);
  }

  release(event) {
    if (this.down.delete(event.pointerId) && !this.down.size) {
      this.panning = false;
      if (event.type === 'pointercancel') this.abandon();
      else if (this.tap) this.tapped(event);
      else this.finish();
      this.tap = null;
    }
  }

  tapped(event) {
    const { name, point } = this.tap;
    this.use(name, point, { twice: this.isSecond(event, FINGER_WIDTH) });
  }

  /** Is this the second of two quick taps or clicks? A pointerdown event carries no count. */
  isSecond({ clientX, clientY, timeStamp }, reach) {
    const last = this.lastTap;
    const twice = last !== null && timeStamp - last.time < DOUBLE_TAP
      && Math.hypot(clientX - last.x, clientY - last.y) < reach;
    this.lastTap = twice ? null : { x: clientX, y: clientY, time: timeStamp };
    return twice;
  }

  /** End the stroke and remember it as one step. */
  finish() {
    const { app, stroke } = this;
    if (!stroke) return;
    this.stroke = null;
    this.lastEnd = { map: app.map, point: stroke.last };
    if (stroke.tool.kind === 'path') closePath(app);
    else app.committed(app.map.commit());
  }

  /** The keyboard's cross can't drag: one use of the tool is the whole stroke. */
  finishStamp() {
    if (this.stroke?.tool.kind === 'path') {
      this.abandon();
      this.app.say('The lasso needs a pointer; the polygon (K) works with keys.');
    } else this.finish();
  }

  /** A second finger or a pen came down, Esc, or the system took the pointer: drop the stroke. */
  abandon() {
    this.tap = null;
    if (!this.stroke) return;
    this.stroke = null;
    this.app.state.path = [];
    this.app.map.cancel();
    this.app.stage.refresh(this.app.map.takeDirty());
    this.app.stage.draw();
  }

  /** Another photo opens: a stroke is finished on the old one, an open outline is dropped. */
  leave() {
    if (this.stroke?.tool.kind === 'drag') this.finish();
    else this.abandon();
    this.down.clear();
    this.panning = false;
  }

  wheel(event) {
    const { app } = this;
    if (!app.map) return;
    event.preventDefault();
    app.session.active(performance.now());
    if (event.shiftKey) {
      app.resize(Math.sign(-(event.deltaY || event.deltaX)));
      this.showRing(event);
      return;
    }
    const { left, top } = this.canvas.getBoundingClientRect();
    const point = [event.clientX - left, event.clientY - top];
    app.stage.zoomAt(Math.exp(-event.deltaY / 400), point);
    this.showRing(event);
  }

  showRing({ clientX, clientY, pointerType }) {
    const { app, ring } = this;
    const { stage } = app;
    ring.hidden = !TOOLS[app.state.tool].ring || pointerType === 'touch' || this.panning;
    if (ring.hidden) return;
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = stage.toScreen(...stage.toImage(clientX, clientY));
    const across = Math.max(3, (2 * app.state.size + 1) * stage.view.scale);
    ring.style.width = ring.style.height = `${across}px`;
    ring.style.transform = `translate(${x - box.left - across / 2}px, ${y - box.top - across / 2}px)`;
    this.lastHover = { clientX, clientY, pointerType };
  }

  /** The brush was resized without moving. */
  updateRing() {
    if (this.lastHover && !this.ring.hidden) this.showRing(this.lastHover);
  }

  hideRing() {
    this.ring.hidden = true;
  }
}
