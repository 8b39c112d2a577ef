// The page that parses and corrects photos without a server: joins worker, viewer and editor.
import { crc32, packMap, unpackMap } from '../mask_editor/core/wire.mjs';
import { mount as mountEditor } from '../mask_editor/ui/editor.mjs';
import { mount as mountViewer } from '../viewer/viewer.mjs';
import { counted, downloadName } from '../viewer/wording.mjs';
import { KINDS } from './files.mjs';
import { openPhoto } from './photo.mjs';

const SIMD = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11];
const OLD = 'This browser is too old: it lacks WebAssembly SIMD. Use a newer one.';
const KEPT = 'Your mask is used on this page. Download it to keep it.';
const OTHER = 'This mask is of another photo: choose that photo again first.';
const LATER_MS = 60_000;
const find = (selector) => document.querySelector(selector);

/** A part of the page as its `mount` expects it from Gradio. */
function part(mount, element, props, events) {
  const watchers = {};
  mount({
    element,
    props,
    trigger: (name, payload) => events[name]?.(payload),
    watch: (name, changed) => { watchers[name] = changed; },
  });
  return (name, value) => { props[name] = value; watchers[name]?.(); };
}

class Page {
  constructor({ model, classes }) {
    Object.assign(this, { model, classes });
    this.worker = null;
    this.number = 0;
    this.open = null; // { id, name, blob, url, pixels, prediction, labels, faces, note }
    const kinds = Object.entries(KINDS).map(([kind, [title]]) => [kind, title]);
    this.setView = part(mountViewer, find('#view'), { kinds }, {
      correct: () => this.correct(),
      wanted: ({ kind }) => this.download(kind, this.open.labels),
    });
    this.setEditor = part(mountEditor, find('#editor'), { kinds, scope: 'this device' }, {
      saved: (payload) => this.saved(payload),
      wanted: ({ kind, id, ...map }) => this.downloadOf(id, kind, map),
    });
    this.bind();
  }

  bind() {
    const zone = find('.pd'), input = find('.pd input');
    input.addEventListener('change', () => { this.take(input.files[0]); input.value = ''; });
    for (const name of ['dragover', 'drop']) {
      document.addEventListener(name, (event) => {
        event.preventDefault();
        if (name === 'drop') this.take(event.dataTransfer.files[0]);
      });
    }
    document.addEventListener('paste', ({ clipboardData }) => this.take(clipboardData.files[0]));
    find('#whole').addEventListener('click', () => this.parse({ wholeImage: true }));
    find('#back').addEventListener('click', () => this.showEditor(false));
    zone.dataset.state = 'idle';
  }

  say(text, isBusy = false) {
    find('.pd-status').textContent = text;
    find('.pd').dataset.state = isBusy ? 'busy' : 'idle';
  }

  /** Opens a file and parses it. */
  async take(file) {
    if (!file) return;
    const number = ++this.number;
    this.say('Opening the photo', true);
    this.showEditor(false);
    try {
      const { pixels, note, blob } = await openPhoto(file);
      const { width, height, data } = pixels;
      if (number !== this.number) return;
      if (this.open) URL.revokeObjectURL(this.open.url);
      this.open = { id: `${crc32(data)}-${width}x${height}`, name: file.name, blob, url: URL.createObjectURL(blob), pixels, note };
      await this.parse({});
    } catch (error) {
      if (number === this.number) this.say(error.message);
    }
  }

  async parse({ wholeImage = false }) {
    const number = ++this.number;
    find('#whole').hidden = true;
    this.say('Parsing; the first time takes longer', true);
    try {
      const parse = await this.ask({ number, photo: this.open.pixels, wholeImage });
      if (number !== this.number) return;
      const { labels, faces } = parse;
      Object.assign(this.open, { labels, faces, prediction: labels.slice() });
      if (wholeImage) this.open.id += '-whole';
      find('#whole').hidden = faces.length > 0;
      find('.pd').dataset.used = '';
      this.say('');
      await this.show();
    } catch (error) {
      if (number === this.number) this.say(`The photo could not be parsed: ${error.message}`);
    }
  }

  /** Asks the worker, which starts with the first photo. */
  ask({ number, photo: { width, height, data }, wholeImage }) {
    this.worker ||= new Worker(new URL('./worker.mjs', import.meta.url), { type: 'module' });
    return new Promise((resolve, reject) => {
      const settled = ({ data: answer }) => {
        if (answer.number !== number) return;
        this.worker.removeEventListener('message', settled);
        if (answer.error) reject(new Error(answer.error));
        else resolve(answer.parse);
      };
      this.worker.addEventListener('message', settled);
      this.worker.onerror = ({ message }) => reject(new Error(message || 'its files could not be loaded'));
      this.worker.postMessage({ number, photo: { width, height, data }, wholeImage });
    });
  }

  async show() {
    const { id, name, url, pixels: { width: w, height: h }, labels, faces } = this.open;
    find('.pd').__drop = { names: [name] };
    this.setView('value', { current: 0, photos: [{
      id, w, h, faces, src: { url }, given: 0, model: this.model, other: null, confidence: null,
      labels: await packMap(w, h, labels), classes: this.rows(), note: this.sentence(),
    }] });
  }

  /** Classes with their areas: rare ones first, then the largest. */
  rows() {
    const { labels } = this.open, areas = new Uint32Array(256);
    for (const id of labels) areas[id]++;
    return this.classes
      .map((entry) => ({ ...entry, area: areas[entry.id], share: areas[entry.id] / labels.length, confidence: null }))
      .sort((a, b) => b.rare - a.rare || b.area - a.area);
  }

  sentence() {
    const { faces, note } = this.open;
    const unread = faces.filter(({ problem }) => problem).length;
    const found = faces.length ? `${counted(faces.length, 'face')}.` : 'No face was found in this photo.';
    return [found, unread ? `${counted(unread, 'face')} too blurred or small to parse well.` : '', note].filter(Boolean).join(' ');
  }

  /** Opens the mask in the editor. */
  async correct() {
    const { id, name, blob, pixels: { width: w, height: h }, labels, prediction } = this.open;
    this.showEditor(true);
    const classes = this.classes.map(({ title, color, safe }) => ({ name: title, color, safe }));
    this.setEditor('value', {
      id, title: name, w, h, image: { blob }, classes, confidence: null, runner_up: null,
      labels: await packMap(w, h, labels), prediction: await packMap(w, h, prediction),
      tail: this.classes.filter(({ rare }) => rare).map((entry) => entry.id),
      pairs: this.classes.filter(({ mirror }) => mirror > 0).map((entry) => [entry.id, entry.mirror]),
    });
  }

  /** The editor's mask becomes the page's. */
  async saved({ token, id, ...map }) {
    const ok = id === this.open.id;
    if (ok) this.open.labels = await unpackMap(map);
    this.setEditor('ack', { token, ok, message: ok ? KEPT : OTHER });
    if (ok) await this.show();
  }

  /** A file of the editor's mask, which may be of another photo whose work was brought back. */
  async downloadOf(id, kind, map) {
    if (id === this.open.id) await this.download(kind, await unpackMap(map));
    else find('#editor .fme-message').textContent = OTHER;
  }

  showEditor(isShown) {
    find('#editor').hidden = !isShown;
    find('#view').hidden = isShown;
  }

  async download(kind, labels) {
    const [, ending, type, make] = KINDS[kind];
    const { classes, model } = this;
    const { pixels, name, faces } = this.open;
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([await make({ pixels, labels, faces, classes, model })], { type }));
    link.download = downloadName(name, ending);
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), LATER_MS);
    find('.fv-made').textContent = '';
  }
}

/** Lets the service worker keep the page's files; without one the page needs the network. */
async function keepFiles() {
  if (!navigator.serviceWorker) return;
  try {
    await navigator.serviceWorker.register('service_worker.js');
    await navigator.serviceWorker.ready;
  } catch {
    // A private window, or storage that is full.
  }
}

async function start() {
  if (!WebAssembly.validate(Uint8Array.from(SIMD))) {
    find('.pd-status').textContent = OLD;
    return;
  }
  const page = new Page(await (await fetch('schema.json')).json());
  page.say('Loading, so that this page works offline', true);
  await keepFiles();
  page.say('');
  document.body.dataset.ready = '';
}

start();
