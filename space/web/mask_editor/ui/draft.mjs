// Unsaved work kept in the browser (IndexedDB): the ids often, the photo and the parse once.

const DATABASE = 'segface-mask-editor';
const DELAY = 300; // Milliseconds after the last change.
const FULL = 'The storage of this browser is full, so your last changes are not kept: '
  + 'save them before you leave.';

/** Days after its last change that a draft is kept. */
export const KEPT_DAYS = 30;

function promised(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function openDatabase(scope) {
  const request = indexedDB.open(scope ? `${DATABASE} ${scope}` : DATABASE, 1);
  request.onupgradeneeded = () => {
    request.result.createObjectStore('parses', { keyPath: 'id' });
    request.result.createObjectStore('drafts', { keyPath: 'id' });
  };
  return promised(request);
}

// A draft's id is [its parse, when its sitting began]; older drafts have the parse's id alone.
const parseOf = (id) => [id].flat()[0];
const begun = (id) => [id].flat()[1] ?? 0;

/** Delete drafts as they were read: what another tab wrote since stays. A parse goes with its last draft. */
async function drop(drafts, parses, gone) {
  for (const { id, time } of gone) {
    const draft = await promised(drafts.get(id));
    if (draft?.time === time) drafts.delete(id);
  }
  const needed = new Set((await promised(drafts.getAllKeys())).map(parseOf));
  for (const { id } of gone) if (!needed.has(parseOf(id))) parses.delete(parseOf(id));
}

/** Every sitting, from opening a photo to leaving it, has its own draft: none overwrites another. */
export class Drafts {
  /**
   * @param {Messages} messages
   * @param {string} scope what the editor is for: its drafts are offered nowhere else
   */
  constructor(messages, scope = '') {
    this.messages = messages;
    this.scope = scope;
    this.timer = 0;
    this.waiting = null;
    this.sitting = null;
    this.database = null;
    this.writing = Promise.resolve();
  }

  /** Run a transaction. Browsers without IndexedDB (private windows) keep no drafts. */
  async store(mode, work) {
    this.database ||= openDatabase(this.scope);
    const database = await this.database;
    const transaction = database.transaction(['parses', 'drafts'], mode);
    const done = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
    const [result] = await Promise.all([
      work(transaction.objectStore('drafts'), transaction.objectStore('parses')), done,
    ]);
    return result;
  }

  /** Do this after all that was asked for before. */
  queue(work) {
    this.writing = this.writing.then(work).catch((error) => this.failed(error));
    return this.writing;
  }

  failed(error) {
    if (error?.name !== 'QuotaExceededError') {
      this.messages.say('This browser does not keep unsaved work: save before you leave.');
      return;
    }
    this.messages.alert(FULL);
  }

  /** A photo was opened: `parse` {id, value, photo}, and the draft that was brought back, if one was. */
  begin(parse, restored = null) {
    this.sitting = { id: [parse.id, Date.now()], parse, restored, offered: null, changes: 0, kept: 0, sent: null };
  }

  /** The photo was closed: its draft is written and can be offered. */
  leave() {
    const written = this.flush();
    this.sitting = null;
    return written;
  }

  /** The newest draft of one parse (of all when `id` is null) but what is open; undefined when there is none. */
  async find(id = null) {
    await this.writing;
    const { sitting } = this;
    const open = [sitting, sitting?.restored].filter(Boolean).map((draft) => draft.id);
    const found = await this.store('readonly', async (drafts, parses) => {
      const ids = (await promised(drafts.getAllKeys()))
        .filter((key) => id === null || parseOf(key) === id)
        .filter((key) => !open.some((other) => indexedDB.cmp(key, other) === 0))
        .sort((a, b) => begun(b) - begun(a));
      if (!ids.length) return undefined;
      const draft = await promised(drafts.get(ids[0]));
      return { draft, parse: await promised(parses.get(parseOf(ids[0]))), count: ids.length };
    });
    if (sitting?.parse.id === id) sitting.offered = found?.draft;
    return found;
  }

  /** Keep this soon: `read` gives {ids, changed, history, seconds, tools, walk} of the photo that is open. */
  keep(read) {
    this.sitting.changes++;
    this.renew(read);
  }

  /** The same without a change to the work itself. */
  renew(read) {
    this.waiting = { sitting: this.sitting, read };
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), DELAY);
  }

  /** Write what is waiting, now. */
  flush() {
    clearTimeout(this.timer);
    const { waiting } = this;
    this.waiting = null;
    return waiting ? this.queue(() => this.write(waiting.sitting, waiting.read())) : this.writing;
  }

  async write(sitting, work) {
    const { id, parse, restored, changes } = sitting;
    const time = Date.now();
    await this.store('readwrite', async (drafts, parses) => {
      drafts.put({ ...work, id, time, sent: sitting.sent === changes });
      // Another tab may have deleted the parse.
      if (await promised(parses.getKey(parse.id)) === undefined) parses.put(parse);
      if (restored) await drop(drafts, parses, [restored]);
    });
    Object.assign(sitting, { time, restored: null, kept: changes });
  }

  /** Is all that was changed in a sitting on disk? */
  holds({ changes, kept }) {
    return changes === kept;
  }

  /** Delete a draft; what is waiting to be written stays. */
  forget(draft) {
    return this.queue(() => this.store('readwrite', (...stores) => drop(...stores, [draft])));
  }

  /** A sitting's work was saved: delete its draft and the one that was offered beside it. */
  end(sitting) {
    if (this.waiting?.sitting === sitting) this.waiting = null;
    return this.queue(() => {
      if (this.messages.alerted === FULL) this.messages.alert('');
      return this.store('readwrite', (...stores) => {
        const { restored, offered } = sitting;
        return drop(...stores, [sitting, restored, offered].filter(Boolean));
      });
    });
  }

  /** Delete drafts that were not used for a long time. */
  expire() {
    const limit = Date.now() - KEPT_DAYS * 24 * 3_600_000;
    return this.queue(() => this.store('readwrite', async (drafts, parses) => {
      const ids = (await promised(drafts.getAllKeys())).filter((id) => begun(id) < limit);
      const old = await Promise.all(ids.map((id) => promised(drafts.get(id))));
      await drop(drafts, parses, old.filter(({ time }) => time < limit));
    }));
  }
}
