// Mounts the editor on gr.HTML's element: draws the toolbars, binds them, shows the state.
import { App } from './app.mjs';
import { handBack, takeFocus } from './focus.mjs';
import { bindHolds } from './hold.mjs';
import { Keys } from './keys.mjs';
import { Loader } from './loader.mjs';
import { Loupe } from './loupe.mjs';
import { iconButton, make } from './palette.mjs';
import { Pointer } from './pointer.mjs';
import { Roving } from './roving.mjs';
import { TOOLS } from './tools.mjs';

/** act -> [icon, title, work, short label]; also for the template's buttons with `data-act`. */
const ACTS = {
  undo: ['undo', 'Undo (Ctrl+Z)', (app) => app.undo(), 'Undo'],
  redo: ['redo', 'Redo (Ctrl+Shift+Z)', (app) => app.redo(), 'Redo'],
  fit: ['fit', 'Fit (Home)', (app) => app.stage.fit(), 'Fit'],
  zoom100: [null, '1:1 Actual size (End)', (app) => app.actualSize(), 'Actual'],
  outline: ['outline', 'Outline only (O)', (app) => app.look({ outline: !app.state.outline }), 'Outline'],
  split: ['split', 'Compare: prediction and your mask (V)', (app) => app.toggleSplit(), 'Compare'],
  heat: ['heat', 'Confidence map (D)', (app) => app.toggleHeat(), 'Map'],
  colors: ['colors', 'Color-blind palette (A)', (app) => app.looks.togglePalette(), 'Palette'],
  help: ['help', 'Help: shortcuts (?)', (app) => app.help(), 'Help'],
  save: [null, '', (app) => app.save()],
  'save-unchanged': [null, '', (app) => app.saving.confirmed()],
  'save-cancel': [null, '', (app) => app.saving.cancelled()],
  next: [null, '', (app) => app.guide.jump(1)],
  previous: [null, '', (app) => app.guide.jump(-1)],
  accept: [null, '', (app) => app.guide.accept()],
  confirm: [null, '', (app) => app.guide.confirm()],
  wider: [null, '', (app) => app.guide.stretch(1)],
  narrower: [null, '', (app) => app.guide.stretch(-1)],
  'clean-preview': [null, '', (app) => app.cleaning.preview()],
  'clean-apply': [null, '', (app) => app.cleaning.apply()],
  'clean-cancel': [null, '', (app) => app.cleaning.cancel()],
  'lock-others': [null, '', (app) => app.locks.lockOthers()],
  'lock-none': [null, '', (app) => app.locks.unlockAll()],
  'draft-restore': [null, '', (app) => app.restoreDraft()],
  'draft-discard': [null, '', (app) => app.discardDraft()],
};
const BAR = ['undo', 'redo', 'fit', 'zoom100', 'outline', 'split', 'heat', 'colors', 'help'];

function toolbar(root) {
  const tools = Object.entries(TOOLS).map(([name, { label, short, key }]) => labeled(iconButton(name, {
    'data-tool': name, title: `${label} (${key.toUpperCase()})`, 'aria-label': spoken(label, short),
  }), short));
  root.querySelector('.fme-tools').replaceChildren(...tools);
  const actions = BAR.map((act) => {
    const [icon, title, , short] = ACTS[act];
    const button = iconButton(icon || 'fit', { 'data-act': act, title, 'aria-label': title });
    if (!icon) button.replaceChildren('1:1', ' ');
    return labeled(button, short);
  });
  root.querySelector('.fme-actions').replaceChildren(...actions);
  return ['.fme-tools', '.fme-actions'].map((bar) => new Roving(root.querySelector(bar)));
}

// A name must contain what is visible, so that speech control finds the button.
function spoken(label, short) {
  return label.toLowerCase().includes(short.toLowerCase()) ? label : `${short}: ${label}`;
}

// The label shows where there is no pointer to hover with.
function labeled(button, text) {
  button.append(make('span', { class: 'fme-label', 'aria-hidden': 'true' }, text));
  return button;
}

/** The files that can be made of the mask; none where the page offers none. */
function bindDownloads(app, root, kinds = []) {
  const menu = root.querySelector('.fme-files');
  menu.hidden = !kinds.length;
  menu.querySelector('ul').replaceChildren(...kinds.map(([kind, title]) => (
    make('li', {}, make('button', { type: 'button', 'data-file': kind }, title))
  )));
  menu.addEventListener('click', ({ target }) => {
    const kind = target.closest('[data-file]')?.dataset.file;
    if (!kind || !app.map) return;
    menu.open = false;
    app.download(kind);
  });
  document.addEventListener('click', ({ target }) => {
    if (!menu.contains(target)) menu.open = false;
  });
}

function bindControls(app, root) {
  root.addEventListener('click', (event) => {
    const button = event.target.closest('button');
    if (!button || !root.contains(button)) return;
    const act = ACTS[button.dataset.act];
    if (button.dataset.tool && app.map) app.useTool(button.dataset.tool);
    else if (act && (app.map || button.dataset.act.startsWith('draft') || button.dataset.act === 'help')) act[2](app);
    else return;
    event.stopPropagation();
  });
  for (const name of ['size', 'tolerance', 'opacity']) {
    const input = root.querySelector(`[data-set=${name}]`);
    input.addEventListener('input', () => app.look({ [name]: Number(input.value) }));
  }
  const split = root.querySelector('input.fme-split');
  split.addEventListener('input', () => app.look({ split: Number(split.value) / 100 }));
}

/** Show the state in the toolbars, the history and the status line. */
function show(app, root) {
  const { state, map } = app;
  for (const button of root.querySelectorAll('[data-tool]')) {
    button.setAttribute('aria-pressed', button.dataset.tool === state.tool);
  }
  const pressed = { outline: state.outline, colors: state.safely, heat: state.heat, split: state.split !== null };
  for (const [act, on] of Object.entries(pressed)) app.button(act).setAttribute('aria-pressed', on);
  for (const button of root.querySelectorAll('[data-hold]')) {
    button.setAttribute('aria-pressed', button.dataset.hold === state.hold);
  }
  for (const name of ['size', 'tolerance', 'opacity']) {
    root.querySelector(`[data-set=${name}]`).value = state[name];
  }
  root.querySelector('[data-show=size]').textContent = `${2 * state.size + 1} px`;
  root.querySelector('[data-show=tolerance]').textContent = state.tolerance;
  root.querySelector('.fme-tolerance').hidden = !TOOLS[state.tool].tolerance;
  for (const part of root.querySelectorAll('input.fme-split, .fme-split-names')) {
    part.hidden = state.split === null;
  }
  if (!map) return;
  app.palette.update();
  app.button('undo').disabled = !map.done.length && !state.path.length;
  app.button('redo').disabled = !map.undone.length;
  root.querySelector('.fme-past summary').textContent = `History (${map.done.length})`;
  showFacts(app, root);
}

function showFacts(app, root) {
  const { map, stage } = app;
  const zoom = Math.round(stage.view.scale * stage.ratio * 100);
  const facts = [`${map.changed.toLocaleString('en')} px changed`, `${map.width} × ${map.height}`, `${zoom} %`];
  if (app.unsaved) facts.unshift('unsaved');
  root.querySelector('.fme-facts').textContent = facts.join(' · ');
}

function showHistory(app, root) {
  const steps = app.map.done.slice().reverse().map(({ name }) => {
    const item = document.createElement('li');
    item.textContent = name;
    return item;
  });
  root.querySelector('.fme-history').replaceChildren(...steps);
}

/** The polygon or lasso being drawn, and the keyboard's cross. */
function drawGuides(context, app) {
  const { path, hover, cross } = app.state;
  const unit = 1 / app.stage.view.scale;
  const line = (points) => {
    context.beginPath();
    points.forEach(([x, y], k) => context[k ? 'lineTo' : 'moveTo'](x + 0.5, y + 0.5));
    for (const [color, width] of [['#000', 3.5], ['#fff', 1.5]]) {
      context.strokeStyle = color;
      context.lineWidth = width * unit;
      context.stroke();
    }
  };
  if (path.length) line(hover && app.state.tool === 'polygon' ? [...path, hover] : path);
  if (cross) {
    const [x, y] = cross;
    line([[x - 10 * unit, y], [x + 10 * unit, y]]);
    line([[x, y - 10 * unit], [x, y + 10 * unit]]);
  }
}

/** Entry point: gr.HTML runs this once, with its own element, trigger, props and watch. */
export function mount({ element, trigger, props, watch }) {
  const root = element.querySelector('.fme');
  const bars = toolbar(root);
  const app = new App(root, trigger, props.scope);
  const pointer = new Pointer(app, root);
  new Loupe(app, root);
  new Keys(app, root, pointer);
  bindControls(app, root);
  handBack(app, root);
  bindHolds(app, root);
  bindDownloads(app, root, props.kinds);
  app.stage.marks.push((context) => drawGuides(context, app));
  app.onchange = () => {
    show(app, root);
    for (const bar of bars) bar.settle();
    if (app.map) showHistory(app, root);
    pointer.updateRing();
  };
  app.stage.onshown = () => takeFocus(app.stage.canvas);
  app.stage.onview = () => showFacts(app, root);
  const loader = new Loader(app, root, trigger);
  watch('value', () => loader.load(props.value));
  watch('ack', () => app.saving.answered(props.ack));
  document.addEventListener('visibilitychange', () => {
    app.session.pause();
    if (document.hidden) app.drafts.flush();
  });
  window.addEventListener('pagehide', () => app.drafts.flush());
  app.setState('empty');
  show(app, root);
  for (const bar of bars) bar.load();
  app.drafts.expire();
  root.__fme = {
    get map() { return app.map; },
    get state() { return app.state; },
    get view() { return app.stage.view; },
    app,
    toScreen: (x, y) => app.stage.toScreen(x, y),
    toImage: (x, y) => app.stage.toImage(x, y),
    tool: (name) => app.useTool(name),
    cls: (id) => app.choose(id),
  };
  loader.load(props.value);
}
