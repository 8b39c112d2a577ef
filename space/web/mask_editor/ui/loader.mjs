// Opens the photo that the server gives, and offers unsaved work.
import { KEPT_DAYS } from './draft.mjs';
import { unpackMap } from '../core/wire.mjs';

/** Milliseconds before the first and the second retry. */
const PAUSES = [300, 1500];

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

const after = (milliseconds) => new Promise((done) => { setTimeout(done, milliseconds); });

async function fetchOnce({ image }) {
  if (image.blob) return image.blob; // A page without a server has it already.
  const answer = await fetch(image.url);
  if (answer.ok) return answer.blob();
  const error = new Error(`the photo could not be fetched (${answer.status})`);
  // A refusal would only be repeated.
  throw Object.assign(error, { final: answer.status < 500 });
}

/** Retries, because a weak network drops a request now and then. */
async function fetchPhoto(value) {
  for (const pause of PAUSES) {
    try {
      return await fetchOnce(value);
    } catch (error) {
      if (error.final) throw error;
      await after(pause);
    }
  }
  return fetchOnce(value);
}

function done({ changed, walk }) {
  const answers = walk?.decided.length;
  const regions = answers ? `, ${answers} region${answers > 1 ? 's' : ''} reviewed` : '';
  return `${changed.toLocaleString('en')} px changed${regions}`;
}

/** Opens values from the server and drafts. */
export class Loader {
  /** @param {(name: string, payload: object) => void} send the component's event */
  constructor(app, root, send) {
    this.app = app;
    this.send = send;
    this.banner = root.querySelector('.fme-draft');
    this.given = null; // The server's last value.
    this.wait = root.querySelector('.fme-wait');
    this.wait.lastElementChild.addEventListener('click', () => this.load(this.given));
    this.found = null;
    this.offers = null;
    this.loading = null;
    this.shut = false; // Whether the server knows that its last value isn't open.
    app.offerDraft = () => this.offerNext(app.value?.id ?? null);
    app.restoreDraft = () => this.restore();
    app.discardDraft = () => this.discard();
  }

  async load(value) {
    if (!value?.labels) return this.offer(null);
    if (value.id === this.loading) return undefined;
    this.loading = value.id;
    this.given = value;
    await this.close();
    try {
      const [masks, photo] = await Promise.all([
        unpackAll(value), fetchPhoto(value).then((blob) => readPhoto(blob, value)),
      ]);
      if (this.loading !== value.id) return undefined; // Another photo was asked for meanwhile.
      this.app.open({ value, photo, masks });
    } catch (error) {
      return this.loading === value.id ? this.failed(value, error) : undefined;
    }
    if (this.shut) this.tell(value, 'reopened');
    return this.offer(value.id);
  }

  /** Close the open photo, so that no work is saved with statements about another photo. */
  close() {
    const { app } = this;
    if (app.map) {
      app.leaveStroke();
      app.escape();
    }
    app.close();
    app.alert('');
    app.say('');
    app.onchange();
    this.banner.hidden = true;
    this.cover('loading', 'Opening the photo …');
    return app.drafts.leave();
  }

  cover(state, text) {
    this.app.setState(state);
    this.wait.firstElementChild.textContent = text;
    this.wait.lastElementChild.hidden = state === 'loading';
  }

  /** Tell the server, which would otherwise not send the photo again. */
  failed(value, error) {
    this.loading = null;
    this.cover('unopened', 'This photo is not open.');
    this.app.alert(`This photo could not be opened: ${error.message}.`);
    this.tell(value, 'unopened');
    return this.offer(null);
  }

  tell({ id }, event) {
    this.shut = event === 'unopened';
    this.send(event, { id });
  }

  /** Offer unsaved work: of this parse, or (nothing open) the newest of all. */
  async offer(id) {
    this.banner.hidden = true;
    this.offers = id;
    const found = await this.app.drafts.find(id).catch(() => undefined);
    if (this.offers !== id) return; // Another photo was opened meanwhile.
    this.found = found;
    if (!found?.parse) return;
    const { draft, parse, count } = found;
    const when = new Date(draft.time).toLocaleString();
    const title = this.titled(parse.value);
    const what = draft.sent ? 'Work that may be saved already' : 'Unsaved work';
    this.banner.firstElementChild.textContent = `${what}${title} from ${when} is kept in this browser for ${KEPT_DAYS} days: `
      + `${done(draft)}${count > 1 ? ` (1 of ${count})` : ''}. `;
    this.banner.hidden = false;
  }

  /** Offer what is left of the open parse; otherwise of any other. */
  async offerNext(id) {
    await this.offer(id);
    if (this.offers === id && !this.found) await this.offer(null);
  }

  titled({ id, title }) {
    const open = this.app.value?.id;
    if (title) return ` on ${title}`;
    return open && open !== id ? ' on another photo' : '';
  }

  async restore() {
    const { draft, parse } = this.found;
    this.banner.hidden = true;
    const { value } = parse;
    const open = this.app.value ?? this.given;
    const other = open && open.id !== value.id;
    this.loading = value.id;
    await this.app.drafts.flush();
    try {
      const [masks, photo] = await Promise.all([unpackAll(value), readPhoto(parse.photo, value)]);
      this.app.open({ value, photo, masks, start: draft.ids, earlier: draft });
      this.app.say('Unsaved work restored.');
      if (other) this.send('restored', { id: value.id });
      else if (this.shut) this.tell(value, 'reopened');
      this.shut = false;
    } catch (error) {
      this.app.alert(`The unsaved work could not be read: ${error.message}.`);
      return undefined;
    }
    return this.offerNext(value.id); // What was painted before is unsaved too.
  }

  async discard() {
    this.banner.hidden = true;
    await this.app.drafts.forget(this.found.draft);
    return this.offerNext(this.offers);
  }
}
