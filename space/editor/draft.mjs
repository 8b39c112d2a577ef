// Unsaved work kept in the browser (IndexedDB): the ids often, the photo and the parse once.

const DATABASE = 'segface-mask-editor';
const KEPT = 5; // Drafts; the oldest goes first.
const DELAY = 300; // Milliseconds after the last change.

function promised(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function openDatabase() {
  const request = indexedDB.open(DATABASE, 1);
  request.onupgradeneeded = () => {
    request.result.createObjectStore('parses', { keyPath: 'id' });
    request.result.createObjectStore('drafts', { keyPath: 'id' });
  };
  return promised(request);
}

export class Drafts {
  constructor() {
    this.timer = 0;
    this.latest = null;
    this.parsesKept = new Set();
    this.database = null;
    this.writing = Promise.resolve();
  }

  /** Work on a database; one browser without it (private windows) keeps no drafts. */
  async store(mode, work) {
    this.database ||= openDatabase();
    const database = await this.database;
    const transaction = database.transaction(['parses', 'drafts'], mode);
    const done = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = transaction.onerror = () => reject(transaction.error);
    });
    const result = await work(transaction.objectStore('drafts'), transaction.objectStore('parses'));
    await done;
    return result;
  }

  /** The draft of one parse, or the newest of all when `id` is null; undefined when there is none. */
  async find(id = null) {
    return this.store('readonly', async (drafts, parses) => {
      const all = id === null ? await promised(drafts.getAll()) : [await promised(drafts.get(id))];
      const draft = all.filter(Boolean).sort((a, b) => b.time - a.time)[0];
      return draft && { draft, parse: await promised(parses.get(draft.id)) };
    });
  }

  /** Keep this soon. `draft` {id, ids, seconds, tools, ...}; `parse` {id, value, photo}. */
  keep(read) {
    this.latest = read;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), DELAY);
  }

  /** Write what is waiting, now. */
  flush() {
    clearTimeout(this.timer);
    const read = this.latest;
    this.latest = null;
    if (read) this.writing = this.writing.then(() => this.write(read())).catch(this.onfail);
    return this.writing;
  }

  async write({ draft, parse }) {
    await this.store('readwrite', async (drafts, parses) => {
      drafts.put({ ...draft, time: Date.now() });
      if (!this.parsesKept.has(draft.id)) parses.put(parse);
      const all = await promised(drafts.getAll());
      const old = all.sort((a, b) => b.time - a.time).slice(KEPT);
      for (const { id } of old) {
        drafts.delete(id);
        parses.delete(id);
        this.parsesKept.delete(id);
      }
    });
    this.parsesKept.add(draft.id);
  }

  /** The work was saved or thrown away. */
  forget(id) {
    clearTimeout(this.timer);
    this.latest = null;
    this.parsesKept.delete(id);
    this.writing = this.writing.then(() => this.store('readwrite', (drafts, parses) => {
      drafts.delete(id);
      parses.delete(id);
    })).catch(this.onfail);
    return this.writing;
  }
}
