// A hand on an editor without a page: the pointer's own code over a real map, one pixel a CSS pixel.
import { LabelMap } from '../../../../space/web/mask_editor/core/labelmap.mjs';
import { Pointer } from '../../../../space/web/mask_editor/ui/pointer.mjs';

const WIDTH = 300;
const HEIGHT = 200;

function canvas() {
  const handlers = {};
  return {
    handlers,
    addEventListener: (type, handler) => { handlers[type] = handler; },
    focus() {},
    setPointerCapture() {},
    getBoundingClientRect: () => ({ left: 0, top: 0 }),
  };
}

function stage() {
  return {
    canvas: canvas(),
    view: { scale: 1, x: 0, y: 0 },
    show(view) { this.view = view; },
    toImage: (x, y) => [x, y],
    toScreen: (x, y) => [x, y],
    refresh() {},
    draw() {},
  };
}

/** What Pointer and the tools ask of the app, with `data` as the map. */
function appOn(data) {
  return {
    map: new LabelMap(WIDTH, HEIGHT, data),
    stage: stage(),
    state: { tool: 'brush', cls: 1, size: 3, path: [], hover: null, cross: null },
    session: { active() {} },
    nameOf: (id) => `class ${id}`,
    edit(name, tool, work) { return this.map.edit(name, tool, work); },
    committed: (step) => step,
    leavePreview() {},
    onchange() {},
    say() {},
  };
}

export class Hand {
  constructor(tool, { pointerType = 'mouse' } = {}) {
    this.app = appOn(new Uint8Array(WIDTH * HEIGHT));
    this.app.state.tool = tool;
    this.pointer = new Pointer(this.app, { querySelector: () => ({ style: {}, hidden: true }) });
    this.pointerType = pointerType;
    this.time = 0;
  }

  send(type, [clientX, clientY], after = 10) {
    this.time += after;
    this.app.stage.canvas.handlers[type]({
      type, clientX, clientY, pointerType: this.pointerType, pointerId: 1, timeStamp: this.time,
      button: 0, buttons: 1, detail: 0, preventDefault() {},
    });
  }

  down(point, after) { this.send('pointerdown', point, after); }

  move(...points) { for (const point of points) this.send('pointermove', point); }

  up(point) { this.send('pointerup', point); }

  /** Press and let go, `after` milliseconds since the last event. */
  tap(point, after = 1000) {
    this.down(point, after);
    this.up(point);
  }

  get painted() { return this.app.map.areas[1]; }
}
