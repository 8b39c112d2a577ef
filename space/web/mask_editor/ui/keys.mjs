// Every keyboard path, as one table; the shortcut sheet is printed from it.
import { closePath, TOOLS } from './tools.mjs';
import { asTyped, classKey, typesSign, withControl } from '../core/typed.mjs';

// Pixels of the screen the keyboard's cross moves by.
const CROSS_STEP = 12;

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Held keys change what is shown until they are let go. */
const HOLDS = { c: 'photo', p: 'prediction' };

/** key -> [group, what it says on the sheet, action]. */
const ACTIONS = {
  n: ['Review', 'next region to check', (app) => app.guide.jump(1)],
  N: ['Review', 'previous region', (app) => app.guide.jump(-1)],
  f: ['Review', 'yes: use the second guess', (app) => app.guide.accept()],
  ',': ['Review', 'smaller region', (app) => app.guide.stretch(-1)],
  '.': ['Review', 'larger region', (app) => app.guide.stretch(1)],
  '[': ['Draw', 'smaller brush', (app) => app.resize(-1)],
  ']': ['Draw', 'larger brush', (app) => app.resize(1)],
  Backspace: ['Draw', 'remove the last corner', (app) => app.dropCorner()],
  x: ['Draw', 'previous class', (app) => app.choose(app.state.before)],
  u: ['Edit', 'swap left and right of the chosen class', (app) => app.swapSides()],
  z: ['Edit', 'undo', (app) => app.undo()],
  y: ['Edit', 'redo', (app) => app.redo()],
  o: ['View', 'outline only', (app) => app.look({ outline: !app.state.outline })],
  d: ['View', 'confidence map', (app) => app.toggleHeat()],
  a: ['View', 'color-blind palette', (app) => app.looks.togglePalette()],
  v: ['View', 'split: prediction and your mask', (app) => app.toggleSplit()],
  '+': ['View', 'zoom in', (app) => app.zoom(1.5)],
  '=': ['View', '', (app) => app.zoom(1.5)],
  '-': ['View', 'zoom out', (app) => app.zoom(1 / 1.5)],
  Home: ['View', 'fit', (app) => app.stage.fit()],
  End: ['View', '100 %', (app) => app.actualSize()],
  '/': ['Classes', 'find a class', (app) => app.palette.search.focus()],
  '?': ['Help', 'this sheet', (app) => app.help()],
};

const WITH_CONTROL = {
  z: (app, event) => (event.shiftKey ? app.redo() : app.undo()),
  y: (app) => app.redo(),
  s: (app) => app.save(),
  enter: (app) => app.next(),
};

const WORDS = [
  ['Review', '⏎', 'no: the label is right'],
  ['Classes', '0 … 9', 'classes 0 to 9; with Shift 10 to 19'],
  ['Classes', 'arrows', 'in the list: other classes; eye, solo, lock'],
  ['Tools', 'arrows', 'in a toolbar: the next button'],
  ['Draw', 'arrows ⏎', 'move a cross, use the tool there'],
  ['Draw', 'Shift click', 'straight line from the last stroke'],
  ['Draw', 'Alt click', 'pick the class under the cursor'],
  ['Draw', 'right button', 'restore the prediction'],
  ['Edit', 'Esc', 'cancel what you began'],
  ['Edit', 'Ctrl Z, Ctrl ⇧ Z', 'undo, redo'],
  ['Edit', 'Ctrl S', 'save'],
  ['Edit', 'Ctrl ⏎', 'the next photo, if several are open'],
  ['View', 'hold C', 'only the photo'],
  ['View', 'hold P', 'the prediction'],
  ['View', 'wheel', 'zoom to the cursor; with Shift brush size'],
  ['View', 'space or middle button', 'move the picture'],
];

export class Keys {
  constructor(app, root, pointer) {
    this.app = app;
    this.pointer = pointer;
    this.sheet = root.querySelector('.fme-sheet');
    this.question = root.querySelector('.fme-ask');
    this.tools = Object.fromEntries(Object.entries(TOOLS).map(([name, { key }]) => [key, name]));
    root.addEventListener('keydown', (event) => this.down(event));
    root.addEventListener('keyup', (event) => this.up(event));
    root.addEventListener('focusout', () => this.letGo());
    document.addEventListener('keydown', (event) => this.anywhere(event));
    print(this.sheet.querySelector('dl'));
  }

  down(event) {
    const { app } = this;
    if (!app.map || isTyping(event.target) || this.question.open) return;
    if (this.sheet.open && event.key !== '?') return;
    app.session.active(performance.now());
    if (this.handle(event)) {
      event.preventDefault();
      event.stopPropagation();
    }
  }

  handle(event) {
    const key = withControl(event);
    if (key !== null) return this.control(key, event);
    return (!event.altKey || typesSign(event)) && this.plain(event);
  }

  /** Save from anywhere on the page: the statements are outside the editor. */
  anywhere(event) {
    const { map, stage } = this.app;
    const isCovered = this.sheet.open || this.question.open || !stage.canvas.getClientRects().length;
    if (withControl(event) !== 's' || !map || isCovered) return;
    event.preventDefault();
    this.app.save();
  }

  control(key, event) {
    const action = WITH_CONTROL[key];
    action?.(this.app, event);
    return Boolean(action);
  }

  plain(event) {
    const { app } = this;
    const key = asTyped(event);
    const id = classKey(event, isOnSheet);
    const onCanvas = event.target === app.stage.canvas;
    // A focused button or slider keeps its own keys.
    if (!onCanvas && (key === 'Enter' || key === ' ' || ARROWS[key])) return false;
    if (event.target.type === 'range' && (key === 'Home' || key === 'End')) return false;
    if (key === ' ') this.pointer.space = true;
    else if (HOLDS[key]) app.look({ hold: HOLDS[key] });
    else if (ARROWS[key]) this.moveCross(ARROWS[key], event.shiftKey);
    else if (key === 'Enter') this.enter();
    else if (key === 'Escape') app.escape();
    else if (id !== null) app.assign(id);
    else if (this.tools[key]) app.useTool(this.tools[key]);
    else if (ACTIONS[key]) ACTIONS[key][2](app);
    else return false;
    return true;
  }

  up(event) {
    if (event.key === ' ') this.pointer.space = false;
    if (HOLDS[asTyped(event).toLowerCase()]) this.app.look({ hold: null });
  }

  letGo() {
    this.pointer.space = false;
    if (this.app.state.hold) this.app.look({ hold: null });
  }

  moveCross([dx, dy], fine) {
    const { state, stage, map } = this.app;
    const step = fine ? 1 : Math.max(1, Math.round(CROSS_STEP / stage.view.scale));
    const [x, y] = state.cross || stage.middle;
    state.cross = [
      Math.min(map.width - 1, Math.max(0, x + dx * step)),
      Math.min(map.height - 1, Math.max(0, y + dy * step)),
    ];
    stage.follow(state.cross);
    stage.draw();
    const id = map.data[state.cross[1] * map.width + state.cross[0]];
    this.app.say(`${this.app.nameOf(id)} at ${state.cross[0]}, ${state.cross[1]}`);
  }

  enter() {
    const { app, pointer } = this;
    if (app.isDrawing()) return;
    const { cross, path, tool } = app.state;
    const last = path[path.length - 1];
    const again = last && cross && last[0] === cross[0] && last[1] === cross[1];
    if (app.cleaning.open) app.cleaning.apply();
    else if (app.guide.active) app.guide.confirm();
    else if (path.length && (!cross || again)) closePath(app);
    else if (cross) {
      pointer.use(tool, cross);
      pointer.finishStamp();
    }
  }
}

// "=" is listed only for the US key of "+"; elsewhere it is Shift and a digit.
function isOnSheet(key) {
  return Boolean(ACTIONS[key]?.[1]);
}

function isTyping(target) {
  return target.matches('textarea, select, input:not([type=range])');
}

/** Lines of the sheet: [group, keys, meaning]. */
function lines() {
  const tools = Object.values(TOOLS).map(({ key, label }) => ['Tools', key.toUpperCase(), label]);
  const actions = Object.entries(ACTIONS)
    .filter(([, [, meaning]]) => meaning)
    .map(([key, [group, meaning]]) => [group, key === 'N' ? '⇧N' : key.length === 1 ? key.toUpperCase() : key, meaning]);
  return [...tools, ...actions, ...WORDS];
}

function print(list) {
  const groups = new Map();
  for (const [group, key, meaning] of lines()) {
    groups.set(group, [...(groups.get(group) || []), [key, meaning]]);
  }
  for (const [group, entries] of groups) {
    const block = document.createElement('div');
    const title = document.createElement('h4');
    title.textContent = group;
    block.append(title, ...entries.flatMap(([key, meaning]) => {
      const term = document.createElement('dt');
      const kbd = document.createElement('kbd');
      const sense = document.createElement('dd');
      kbd.textContent = key;
      sense.textContent = meaning;
      term.append(kbd);
      return [term, sense];
    }));
    list.append(block);
  }
}
