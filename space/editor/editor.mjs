// Mounts the editor on gr.HTML's element: reads the value, draws the toolbars, offers drafts back.
import { App } from './app.mjs';
import { KEPT_DAYS } from './draft.mjs';
import { Keys } from './keys.mjs';
import { iconButton } from './palette.mjs';
import { Pointer } from './pointer.mjs';
import { TOOLS } from './tools.mjs';
import { unpackMap } from './wire.mjs';

/** act -> [icon, title, work]; buttons of the template with `data-act` are found here too. */
const ACTS = {
  undo: ['undo', 'Undo (Ctrl+Z)', (app) => app.undo()],
  redo: ['redo', 'Redo (Ctrl+Shift+Z)', (app) => app.redo()],
  fit: ['fit', 'Fit (Home)', (app) => app.stage.fit()],
  zoom100: [null, '1:1, 100 % (End)', (app) => app.stage.actualSize()],
  outline: ['outline', 'Outline only (O)', (app) => app.look({ outline: !app.state.outline })],
  split: ['split', 'Split: prediction and your mask (V)', (app) => app.toggleSplit()],
  heat: ['heat', 'Heat map of doubt (D)', (app) => app.toggleHeat()],
  help: ['help', 'Shortcuts (?)', (app) => app.help()],
  save: [null, '', (app) => app.save()],
  next: [null, '', (app) => app.guide.jump(1)],
  previous: [null, '', (app) => app.guide.jump(-1)],
  accept: [null, '', (app) => app.guide.accept()],
  confirm: [null, '', (app) => app.guide.confirm()],
  wider: [null, '', (app) => app.guide.stretch(1)],
  narrower: [null, '', (app) => app.guide.stretch(-1)],
  'clean-preview': [null, '', (app) => app.cleaning.preview()],
  'clean-apply': [null, '', (app) => app.cleaning.apply()],
  'clean-cancel': [null, '', (app) => app.cleaning.cancel()],
  'protect-others': [null, '', (app) => app.locks.protect(true)],
  'protect-none': [null, '', (app) => app.locks.protect(false)],
  'draft-restore': [null, '', (app) => app.restoreDraft()],
  'draft-discard': [null, '', (app) => app.discardDraft()],
};
const BAR = ['undo', 'redo', 'fit', 'zoom100', 'outline', 'split', 'heat', 'help'];

function toolbar(root) {
  const tools = Object.entries(TOOLS).map(([name, { label, key }]) => iconButton(name, {
    'data-tool': name, title: `${label} (${key.toUpperCase()})`, 'aria-label': label,
  }));
  root.querySelector('.fme-tools').replaceChildren(...tools);
  const actions = BAR.map((act) => {
    const [icon, title] = ACTS[act];
    const button = iconButton(icon || 'fit', { 'data-act': act, title, 'aria-label': title });
    if (!icon) button.replaceChildren('1:1');
    return button;
  });
  root.querySelector('.fme-actions').replaceChildren(...actions);
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
    // Letters keep working after a click; a keyboard user stays on the button.
    if (event.detail && app.map && !root.querySelector('.fme-sheet').open) {
      app.stage.canvas.focus({ preventScroll: true });
    }
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
  const pressed = { outline: state.outline, heat: state.heat, split: state.split !== null };
  for (const [act, on] of Object.entries(pressed)) app.button(act).setAttribute('aria-pressed', on);
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
  app.button('undo').disabled = !map.done.length;
  app.button('redo').disabled = !map.undone.length;
  root.querySelector('.fme-past summary').textContent = `History (${map.done.length})`;
  showFacts(app, root);
}

function showFacts(app, root) {
  const { map, stage } = app;
  const zoom = Math.round(stage.view.scale * (window.devicePixelRatio || 1) * 100);
  const facts = [`${map.changed.toLocaleString('en')} px changed`, `${map.width} × ${map.height}`, `${zoom} %`];
  if (app.unsaved) facts.unshift('unsaved');
  root.querySelector('.fme-facts').textContent = facts.join(' · ');
}

function showHistory(app, root) {
  const steps = app.map.done.slice(-60).reverse().map(({ name }) => {
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

async function unpackAll(value) {
  const names = { labels: 'labels', prediction: 'prediction', confidence: 'confidence', runnerUp: 'runner_up' };
  const found = await Promise.all(Object.entries(names).map(async ([name, field]) => [
    name, value[field] ? await unpackMap(value[field]) : null,
  ]));
  const masks = Object.fromEntries(found);
  masks.prediction ||= masks.labels.slice();
  return masks;
}

async function readPhoto(blob, { w, h }) {
  const photo = await createImageBitmap(blob, { colorSpaceConversion: 'none' });
  if (photo.width !== w || photo.height !== h) {
    throw new RangeError(`the photo is ${photo.width} x ${photo.height}, its mask ${w} x ${h}`);
  }
  photo.blob = blob;
  return photo;
}

async function fetchPhoto(value) {
  const answer = await fetch(value.image.url);
  if (!answer.ok) throw new Error(`the photo could not be fetched (${answer.status})`);
  return answer.blob();
}

/** Loading, drafts and the value that the backend gives. */
class Loader {
  constructor(app, root) {
    this.app = app;
    this.banner = root.querySelector('.fme-draft');
    this.found = null;
    this.offers = null;
    this.loading = null;
    app.offerDraft = () => this.offer(app.value.id);
    app.restoreDraft = () => this.restore();
    app.discardDraft = () => this.discard();
  }

  async load(value) {
    if (!value?.labels) return this.offer(null);
    if (value.id === this.loading) return undefined;
    this.loading = value.id;
    await this.app.drafts.flush();
    try {
      const [masks, photo] = await Promise.all([
        unpackAll(value), fetchPhoto(value).then((blob) => readPhoto(blob, value)),
      ]);
      if (this.loading === value.id) this.app.open({ value, photo, masks });
    } catch (error) {
      this.loading = null;
      this.app.alert(`This photo could not be opened: ${error.message}.`);
      return undefined;
    }
    return this.offer(value.id);
  }

  /** Say that unsaved work is here: of this parse, or (nothing open) the newest of all. */
  async offer(id) {
    this.banner.hidden = true;
    this.offers = id;
    this.found = await this.app.drafts.find(id).catch(() => undefined);
    if (!this.found?.parse) return;
    const { draft, parse, count } = this.found;
    const when = new Date(draft.time).toLocaleString();
    const title = parse.value.title ? ` on ${parse.value.title}` : '';
    this.banner.firstElementChild.textContent = `Unsaved work${title} from ${when} is kept in this browser for ${KEPT_DAYS} days: `
      + `${draft.changed.toLocaleString('en')} px changed${count > 1 ? ` (1 of ${count})` : ''}. `;
    this.banner.hidden = false;
  }

  async restore() {
    const { draft, parse } = this.found;
    this.banner.hidden = true;
    const { value } = parse;
    this.loading = value.id;
    await this.app.drafts.flush();
    try {
      const [masks, photo] = await Promise.all([unpackAll(value), readPhoto(parse.photo, value)]);
      this.app.open({ value, photo, masks, start: draft.ids, earlier: draft });
      this.app.say('Your unsaved work is back.');
    } catch (error) {
      this.app.alert(`The unsaved work could not be read: ${error.message}.`);
      return undefined;
    }
    return this.offer(value.id); // What was painted before it came back waits too.
  }

  async discard() {
    this.banner.hidden = true;
    await this.app.drafts.forget(this.found.draft);
    return this.offer(this.offers);
  }
}

/** Entry point: gr.HTML runs this once, with its own element, trigger, props and watch. */
export function mount({ element, trigger, props, watch }) {
  const root = element.querySelector('.fme');
  toolbar(root);
  const app = new App(root, trigger, props.scope);
  const pointer = new Pointer(app, root);
  new Keys(app, root, pointer);
  bindControls(app, root);
  app.stage.marks.push((context) => drawGuides(context, app));
  app.onchange = () => {
    show(app, root);
    if (app.map) showHistory(app, root);
    pointer.updateRing();
  };
  app.stage.onview = () => showFacts(app, root);
  const loader = new Loader(app, root);
  watch('value', () => loader.load(props.value));
  watch('ack', () => app.saving.answered(props.ack));
  document.addEventListener('visibilitychange', () => {
    app.session.pause();
    if (document.hidden) app.drafts.flush();
  });
  window.addEventListener('pagehide', () => app.drafts.flush());
  app.setState('empty');
  show(app, root);
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
