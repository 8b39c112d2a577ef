// The parse view: shows a photo, its classes and its faces, and what can be done with them.
import { classItems, downloadItems, faceButtons, modeButtons, photoButtons } from './lists.mjs';
import { inflate, loadImage, painted } from './nodes.mjs';
import { paintConfidence } from './paint.mjs';
import { Picture } from './picture.mjs';
import { announcement, downloadName, notShown, pictureLabel } from './wording.mjs';

const WIDE = 820; // CSS pixels from which two masks fit side by side.

const startState = () => ({
  zoom: 1,
  photo: null,
  labels: null,
  other: null,
  confidence: null,
  confidenceLayer: null,
  hidden: new Set(),
  modes: new Set(),
  opacity: 0.55,
  split: 0.5,
  face: -1,
});

class Viewer {
  constructor({ element, props, trigger }) {
    this.root = element.querySelector('.fv');
    this.props = props;
    this.trigger = trigger;
    this.state = startState();
    this.canvas = this.find('.fv-canvas');
    this.picture = new Picture(this.canvas, this.state);
    this.photos = [];
    this.names = new Map(); // File names of uploaded photos by id, which the server never gets.
    this.loading = 0; // Counts what was opened: only the newest is shown.
    this.chosen = ''; // Id of the photo that is marked in the strip.
    this.toggle = (id) => this.hideAll([{ id }], () => !this.state.hidden.has(id));
    this.bind();
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  bind() {
    this.canvas.addEventListener('pointermove', (event) => this.point(event));
    this.canvas.addEventListener('pointerleave', () => this.find('.fv-chip').classList.remove('on'));
    this.canvas.addEventListener('click', (event) => {
      const found = this.classAt(event);
      if (found?.id) this.toggle(found.id);
    });
    this.find('[name="opacity"]').addEventListener('input', ({ target }) => {
      this.state.opacity = target.value / 100;
      this.find('.fv-opacity output').textContent = `${target.value} %`;
      this.picture.draw();
    });
    this.find('.fv-split-range').addEventListener('input', ({ target }) => {
      this.state.split = target.value / 100;
      this.picture.draw();
    });
    this.find('.fv-head').addEventListener('click', ({ target }) => this.showOnly(target.dataset.show));
    this.find('.fv-correct').addEventListener('click', () => this.trigger('correct', { id: this.chosen }));
    this.bindDownloads();
    this.bindModelButton();
  }

  bindDownloads() {
    const menu = this.find('.fv-save');
    this.find('.fv-save ul').replaceChildren(...downloadItems(this.props.kinds || [], (kind) => {
      menu.open = false;
      this.want(kind);
    }));
    this.find('.fv-cut').addEventListener('click', () => this.want('no_background'));
    document.addEventListener('click', ({ target }) => {
      if (!target.closest('.fv-save')) menu.open = false;
    });
    this.root.addEventListener('keydown', ({ key }) => {
      if (key !== 'Escape' || !menu.open) return;
      menu.open = false;
      this.find('.fv-save summary').focus();
    });
  }

  /** Ask the server for a file of the photo that is shown. */
  want(kind) {
    this.find('.fv-made').textContent = 'Making the file';
    this.trigger('wanted', { kind, id: this.chosen });
  }

  bindModelButton() {
    this.find('[data-way="model"]').addEventListener('click', () => {
      const models = document.querySelector('#models');
      const head = models.querySelector('button');
      if (!models.querySelector('input')?.offsetParent) head.click();
      // The accordion takes a moment to open.
      setTimeout(() => {
        models.scrollIntoView({ block: 'center' });
        head.focus({ preventScroll: true });
      }, 200);
    });
  }

  /** Show the photos that the server gave. */
  async load() {
    const { value } = this.props;
    if (!value?.photos?.length) {
      this.root.dataset.state = 'empty';
      return;
    }
    this.keepNames(value.photos);
    this.photos = value.photos;
    const strip = photoButtons(this.photos, (photo) => this.pick(photo));
    this.find('.fv-photos').replaceChildren(...strip);
    const shown = value.stay && this.photos.find(({ id }) => id === this.chosen);
    await this.show(shown || this.photos[value.current || 0]);
  }

  /** Note the names of new photos; a photo that was parsed again keeps its own. */
  keepNames(photos) {
    const given = document.querySelector('.pd')?.__drop?.names ?? [];
    photos.forEach((photo, index) => {
      const before = photos.length === this.photos.length ? this.names.get(this.photos[index].id) : '';
      const name = photo.given >= 0 ? given[photo.given] : before;
      if (name && !this.names.has(photo.id)) this.names.set(photo.id, name);
    });
  }

  /** Save a file that the server made: `called` says of which photo it is, and what it is. */
  async saveFile(file, called) {
    this.answered();
    if (!file?.url) return;
    const { id, name, named } = JSON.parse(called);
    const link = document.createElement('a');
    link.href = URL.createObjectURL(await (await fetch(file.url)).blob());
    link.download = named ? name : downloadName(this.names.get(id) ?? '', name);
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  /** The visitor chose another photo; where it can't be shown, the one before stays. */
  async pick(photo) {
    this.trigger('picked', { id: photo.id });
    if (await this.show(photo)) return;
    const before = this.photos.find(({ id }) => id === this.state.photo?.id);
    if (!before) return;
    this.mark(before);
    this.trigger('picked', { id: before.id, back: true });
  }

  mark({ id }) {
    this.chosen = id;
    [...this.find('.fv-photos').children].forEach((button, index) => {
      button.setAttribute('aria-pressed', this.photos[index].id === id);
    });
  }

  /** False, with the reason in the note, where a photo that is still wanted can't be shown. */
  async show(photo) {
    const turn = ++this.loading;
    this.mark(photo); // Its picture may still be on its way.
    try {
      await this.open(photo, turn);
    } catch (error) {
      if (turn !== this.loading) return true;
      this.root.dataset.state = 'ready';
      const place = { number: this.photos.indexOf(photo) + 1, total: this.photos.length };
      this.say(notShown(error.message, place));
      return false;
    }
    return true;
  }

  async open(photo, turn) {
    const [image, labels, confidence, other] = await Promise.all([
      loadImage(photo.src.url),
      inflate(photo.labels),
      photo.confidence ? inflate(photo.confidence) : null,
      photo.other ? inflate(photo.other) : null,
    ]);
    if (turn !== this.loading) return;
    const confidenceLayer = confidence
      ? painted(photo.confidence, (out) => paintConfidence(out, confidence)) : null;
    Object.assign(this.state, { photo, labels, other, confidence, confidenceLayer, hidden: new Set(), face: -1 });
    for (const mode of ['confidence', 'difference', 'pair']) this.state.modes.delete(mode);
    this.picture.load(image);
    this.describe();
    if (other) this.setMode(innerWidth > WIDE ? 'pair' : 'split', true);
    else this.picture.repaint();
  }

  /** Text and lists about the photo that has just opened. */
  describe() {
    const { photo } = this.state;
    this.find('.fv-key').hidden = true;
    this.canvas.setAttribute('aria-label', pictureLabel(photo));
    this.say(photo.note, announcement(photo));
    this.find('.fv-model span').textContent = `Model: ${photo.model.replace(/^hub:/, '')}.`;
    this.find('.fv-made').textContent = '';
    const modes = modeButtons(this.state, (mode, on) => this.setMode(mode, on));
    this.find('.fv-modes').replaceChildren(...modes);
    this.listClasses();
    const faces = faceButtons(photo.faces, this.picture, (index) => this.chooseFace(index));
    this.find('.fv-faces').replaceChildren(...faces);
    this.root.dataset.state = 'ready';
    this.root.dataset.ready = photo.id;
  }

  /** Write a note; `heard` is what screen readers announce instead. */
  say(note, heard = note) {
    this.find('.fv-note').textContent = note;
    this.find('.fv-heard').textContent = heard;
  }

  listClasses() {
    this.find('.fv-classes').replaceChildren(...classItems(this.state, this.toggle));
  }

  chooseFace(index) {
    const { state } = this;
    state.face = state.face === index ? -1 : index;
    [...this.find('.fv-faces').children].forEach((button, at) => {
      button.setAttribute('aria-pressed', at === state.face);
    });
    this.picture.draw();
  }

  setMode(mode, on) {
    const { modes } = this.state;
    if (on) modes.add(mode);
    else modes.delete(mode);
    this.find(`[data-mode="${mode}"]`).setAttribute('aria-pressed', on);
    if (mode === 'split') this.find('.fv-split').hidden = !on;
    if (mode === 'confidence') this.find('.fv-key').hidden = !on;
    if (mode === 'pair') this.picture.resize();
    if (on && mode === 'split') this.setMode('pair', false);
    if (on && mode === 'pair') this.setMode('split', false);
    if (mode === 'safe' || mode === 'patterns') this.listClasses();
    this.picture.repaint();
  }

  // Coloring takes as long for all classes as for one: once, whatever was asked for.
  hideAll(classes, hides) {
    for (const entry of classes) {
      const hide = hides(entry);
      if (hide) this.state.hidden.add(entry.id);
      else this.state.hidden.delete(entry.id);
      this.find(`[data-class="${entry.id}"]`)?.setAttribute('aria-pressed', !hide);
    }
    this.picture.repaint();
  }

  /** Show all classes, none, or the rare ones. */
  showOnly(which) {
    if (!which) return;
    const classes = this.state.photo.classes.filter(({ id }) => id);
    this.hideAll(classes, ({ rare }) => which === 'none' || (which === 'rare' && !rare));
  }

  /** The class under the pointer, and its confidence where the map of that is shown. */
  classAt(event) {
    const { labels, other, photo, modes, confidenceLayer } = this.state;
    if (!labels) return null;
    const { x, y, isOther } = this.picture.pixelAt(event);
    const id = (isOther ? other : labels)[y * photo.w + x];
    const found = photo.classes.find((entry) => entry.id === id);
    if (!found) return null;
    const sure = modes.has('confidence') && confidenceLayer ? `, ${this.sureAt(x, y)} % sure` : '';
    return { ...found, sure };
  }

  // The map of confidence is smaller than the photo.
  sureAt(x, y) {
    const { w, h, confidence } = this.state.photo;
    const row = Math.floor((y * confidence.h) / h);
    const column = Math.floor((x * confidence.w) / w);
    return Math.round(this.state.confidence[row * confidence.w + column] / 2.55);
  }

  /** Name the class under the pointer, in a label beside it and in the list. */
  point(event) {
    const found = this.classAt(event);
    const chip = this.find('.fv-chip');
    chip.classList.toggle('on', Boolean(found));
    this.root.querySelectorAll('.hot').forEach((node) => node.classList.remove('hot'));
    if (!found) return;
    const stage = this.find('.fv-stage').getBoundingClientRect();
    chip.textContent = found.title + found.sure;
    const x = Math.min(event.clientX - stage.left + 14, stage.width - chip.offsetWidth - 6);
    const y = Math.max(4, event.clientY - stage.top - 34);
    chip.style.transform = `translate(${x}px, ${y}px)`;
    this.find(`[data-class="${found.id}"]`)?.classList.add('hot');
  }

  /** Mark the result as the previous one while other photos are parsed; empty text ends that. */
  wait(text) {
    const sign = this.find('.fv-wait');
    sign.hidden = !text;
    sign.firstElementChild.textContent = text;
    if (text) this.root.dataset.old = '';
    else delete this.root.dataset.old;
  }

  /** The server answered a request that was made below the picture: scroll to its message. */
  answered() {
    this.find('.fv-made').textContent = '';
    document.querySelector('#parse-message p')?.scrollIntoView({ block: 'nearest' });
  }
}

/** Entry point: gr.HTML runs this once with its own element, props, trigger and watch. */
export function mount({ element, props, trigger, watch }) {
  const viewer = new Viewer({ element, props, trigger });
  viewer.root.__view = viewer;
  document.addEventListener('segface:working', ({ detail }) => viewer.wait(detail));
  watch('value', () => viewer.load());
  viewer.load();
}
