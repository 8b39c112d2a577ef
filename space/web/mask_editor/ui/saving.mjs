// Saving: send through the event, wait for the server's answer, keep the work until then.
import { savePayload } from '../core/session.mjs';

/** Milliseconds without an answer before a warning; a late answer still counts. */
const PATIENCE = 30_000;

const OFFLINE = 'The connection is lost. You can continue: your work is kept in this browser.';

function newToken() {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(16).padStart(2, '0')).join('');
}

/** The warning while it is unknown whether `what` was saved. */
function silence(what, kept) {
  const way = kept
    ? 'Your work is kept in this browser: wait, or reload the page, restore the work and press Save.'
    : 'This browser does not keep your work: leave the page open and press Save again.';
  return `The server did not answer, so ${what} may not be saved. ${way} The same work is never saved twice.`;
}

export class Saving {
  /** @param {(name: string, payload: object) => void} send the component's event */
  constructor(app, send) {
    this.app = app;
    this.send = send;
    this.sent = new Map(); // Without an answer so far, by token.
    this.silence = null;
    this.covered = '';
    window.addEventListener('offline', () => this.lost());
    window.addEventListener('online', () => {
      if (app.alerted === OFFLINE) app.alert(this.covered);
      app.say('The connection is back.');
    });
    window.addEventListener('beforeunload', (event) => {
      if (app.unsaved && !this.mayLeave) event.preventDefault();
    });
  }

  isOpen({ sitting }) {
    return sitting === this.app.drafts.sitting;
  }

  /** Of the photo that is open: the save whose answer is still awaited. */
  get pending() {
    return [...this.sent.values()].find((save) => !save.silent && !save.there && this.isOpen(save));
  }

  /**
   * Gradio reloads the page after its stream broke, and then the answer never comes: what was sent
   * and is kept in this browser needs no question.
   */
  get mayLeave() {
    const { drafts } = this.app;
    return [...this.sent.values()].some((save) => this.isOpen(save)) && drafts.holds(drafts.sitting);
  }

  /** Save; a mask without a change only after a confirmation, because its row is used for training. */
  async save({ confirmed = false } = {}) {
    const { app } = this;
    if (!app.map || this.pending) return;
    app.leavePreview();
    app.guide.leave();
    if (!app.map.changed && !confirmed) {
      app.ask(true);
      return;
    }
    const { sitting } = app.drafts;
    const save = { token: newToken(), sitting, changes: sitting.changes, revision: app.revision };
    this.sent.set(save.token, save);
    app.setState('saving');
    app.alert('');
    this.mark(save, save.changes);
    const payload = await savePayload({
      map: app.map,
      session: app.session,
      names: app.classes.map(({ name }) => name),
      id: app.value.id,
      token: save.token,
      doubt: app.guide.counts,
    });
    save.timer = setTimeout(() => this.silent(save), PATIENCE);
    this.send('saved', payload);
  }

  /** The person confirmed that a mask without a change is right. */
  confirmed() {
    this.app.ask(false);
    return this.save({ confirmed: true });
  }

  cancelled() {
    this.app.ask(false);
    this.app.say('Not saved.');
  }

  /** Note in the draft whether this work was sent: `changes` when it was, null when it was refused. */
  mark({ sitting }, changes) {
    const { app } = this;
    sitting.sent = changes;
    if (!app.unsaved) return;
    app.drafts.renew(app.work());
    app.drafts.flush();
  }

  /** The server answered: {token, ok, message}. An answer to another editor is ignored. */
  answered(ack) {
    const save = this.sent.get(ack?.token);
    if (!save) return;
    clearTimeout(save.timer);
    this.sent.delete(save.token);
    if (ack.ok === true) this.accepted(save, ack.message);
    else if (!save.there) this.refused(save, ack.message);
  }

  accepted(save, message) {
    const { app } = this;
    const { sitting, revision } = save;
    const others = [...this.sent.values()];
    // The outcome of another save of this work, or of an earlier state, no longer matters.
    for (const other of others) other.there ||= other.sitting === sitting && other.revision <= revision;
    if (app.alerted === this.silence && others.every(({ silent, there }) => !silent || there)) app.alert('');
    app.say(message || 'Saved.');
    if (this.isOpen(save)) {
      app.savedAt(Math.max(revision, app.savedRevision));
      if (!app.unsaved) app.setState('saved');
      else if (!this.pending) app.setState('ready');
    } else if (sitting.changes === save.changes) {
      // Another photo was opened meanwhile; only the draft holds what was painted after Save.
      app.drafts.end(sitting);
    }
  }

  refused(save, message) {
    const { app } = this;
    if (!this.isOpen(save)) {
      app.alert(`The previous photo was not saved: ${message} Your work on it is kept here.`);
      return;
    }
    app.setState('refused');
    if (app.alerted === this.silence) app.alert('');
    // The page shows the reason too: an alert of the editor would repeat it.
    app.say(`Not saved: ${message}`);
    this.mark(save, null);
  }

  async silent(save) {
    const { app } = this;
    if (save.silent || save.there) return;
    clearTimeout(save.timer);
    save.silent = true;
    if (this.isOpen(save)) app.setState('refused');
    await app.drafts.flush();
    if (!this.sent.has(save.token)) return; // Answered after all.
    this.silence = silence(this.isOpen(save) ? 'this' : 'the previous photo', app.drafts.holds(save.sitting));
    app.alert(this.silence);
  }

  lost() {
    const { app, pending } = this;
    if (pending) this.silent(pending);
    else if (app.alerted !== OFFLINE) {
      this.covered = app.alerted;
      app.alert(OFFLINE);
    }
  }
}
