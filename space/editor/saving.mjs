// Saving: send through the event, wait for the backend's own word, keep the work until then.
import { savePayload } from './session.mjs';

/** Milliseconds without an answer after which a save counts as failed. */
const PATIENCE = 30_000;

function newToken() {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(16).padStart(2, '0')).join('');
}

export class Saving {
  /** @param {(name: string, payload: object) => void} send the component's event */
  constructor(app, send) {
    this.app = app;
    this.send = send;
    this.pending = null;
    window.addEventListener('offline', () => this.lost());
    window.addEventListener('online', () => {
      app.alert('');
      app.say('The connection is back.');
    });
    window.addEventListener('beforeunload', (event) => {
      if (app.unsaved) event.preventDefault();
    });
  }

  async save() {
    const { app } = this;
    if (!app.map || this.pending) return;
    app.leavePreview();
    app.guide.leave();
    const { sitting } = app.drafts;
    const pending = { token: newToken(), sitting, changes: sitting.changes, revision: app.revision };
    this.pending = pending;
    app.setState('saving');
    app.alert('');
    const payload = await savePayload({
      map: app.map,
      session: app.session,
      names: app.classes.map(({ name }) => name),
      id: app.value.id,
      token: pending.token,
      doubt: app.guide.counts,
    });
    pending.timer = setTimeout(() => this.silent(pending), PATIENCE);
    this.send('saved', payload);
  }

  /** The backend answered: {token, ok, message}. Words for another save are not ours. */
  answered(ack) {
    const { app, pending } = this;
    if (!ack || !pending || ack.token !== pending.token) return;
    clearTimeout(pending.timer);
    this.pending = null;
    if (ack.ok !== true) {
      app.setState('refused');
      app.alert(`Not saved: ${ack.message} Your work is kept here.`);
      return;
    }
    app.setState('saved');
    app.say(ack.message || 'Saved.');
    const { sitting } = pending;
    if (sitting === app.drafts.sitting) app.savedAt(pending.revision);
    // Another photo was opened meanwhile; what was painted after Save is in the draft alone.
    else if (sitting.changes === pending.changes) app.drafts.end(sitting);
  }

  silent(pending) {
    if (this.pending !== pending) return;
    this.pending = null;
    this.app.setState('refused');
    this.app.alert('Not saved: the server did not answer. Your work is kept in this browser; press Save again.');
  }

  lost() {
    if (this.pending) this.silent(this.pending);
    else this.app.alert('The connection is lost. You can go on: your work is kept in this browser.');
  }
}
