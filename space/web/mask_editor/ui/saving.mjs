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
  /**
   * @param {{current: CurrentPhoto, drafts: Drafts, guide: Guide, messages: Messages}} parts with the
   *   actions of the editor: send(name, payload) triggers the component's event, leavePreview(),
   *   setState(name), savedAt(revision), and read() gives a function that reads what a draft holds
   */
  constructor(parts) {
    Object.assign(this, parts);
    const { current, messages } = this;
    this.sent = new Map(); // Without an answer so far, by token.
    this.silence = null;
    this.covered = '';
    window.addEventListener('offline', () => this.lost());
    window.addEventListener('online', () => {
      if (messages.alerted === OFFLINE) messages.alert(this.covered);
      messages.say('The connection is back.');
    });
    window.addEventListener('beforeunload', (event) => {
      if (current.unsaved && !this.mayLeave) event.preventDefault();
    });
  }

  isOpen({ sitting }) {
    return sitting === this.drafts.sitting;
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
    const { drafts } = this;
    return [...this.sent.values()].some((save) => this.isOpen(save)) && drafts.holds(drafts.sitting);
  }

  /** Save; a mask without a change only after a confirmation, because its row is used for training. */
  async save({ confirmed = false } = {}) {
    const { current, messages } = this;
    if (!current.map || this.pending) return;
    this.leavePreview();
    this.guide.leave();
    if (!current.map.changed && !confirmed) {
      messages.ask(true);
      return;
    }
    const { sitting } = this.drafts;
    const save = { token: newToken(), sitting, changes: sitting.changes, revision: current.revision };
    this.sent.set(save.token, save);
    this.setState('saving');
    messages.alert('');
    this.mark(save, save.changes);
    const payload = await savePayload({
      map: current.map,
      session: current.session,
      names: current.classes.map(({ name }) => name),
      id: current.value.id,
      token: save.token,
      doubt: this.guide.counts,
    });
    save.timer = setTimeout(() => this.silent(save), PATIENCE);
    this.send('saved', payload);
  }

  /** The person confirmed that a mask without a change is right. */
  confirmed() {
    this.messages.ask(false);
    return this.save({ confirmed: true });
  }

  cancelled() {
    this.messages.ask(false);
    this.messages.say('Not saved.');
  }

  /** Note in the draft whether this work was sent: `changes` when it was, null when it was refused. */
  mark({ sitting }, changes) {
    sitting.sent = changes;
    if (!this.current.unsaved) return;
    this.drafts.renew(this.read());
    this.drafts.flush();
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
    const { current, messages } = this;
    const { sitting, revision } = save;
    const others = [...this.sent.values()];
    // The outcome of another save of this work, or of an earlier state, no longer matters.
    for (const other of others) other.there ||= other.sitting === sitting && other.revision <= revision;
    if (messages.alerted === this.silence && others.every(({ silent, there }) => !silent || there)) messages.alert('');
    messages.say(message || 'Saved.');
    if (this.isOpen(save)) {
      this.savedAt(Math.max(revision, current.savedRevision));
      if (!current.unsaved) this.setState('saved');
      else if (!this.pending) this.setState('ready');
    } else if (sitting.changes === save.changes) {
      // Another photo was opened meanwhile; only the draft holds what was painted after Save.
      this.drafts.end(sitting);
    }
  }

  refused(save, message) {
    const { messages } = this;
    if (!this.isOpen(save)) {
      messages.alert(`The previous photo was not saved: ${message} Your work on it is kept here.`);
      return;
    }
    this.setState('refused');
    if (messages.alerted === this.silence) messages.alert('');
    // The page shows the reason too: an alert of the editor would repeat it.
    messages.say(`Not saved: ${message}`);
    this.mark(save, null);
  }

  async silent(save) {
    if (save.silent || save.there) return;
    clearTimeout(save.timer);
    save.silent = true;
    if (this.isOpen(save)) this.setState('refused');
    await this.drafts.flush();
    if (!this.sent.has(save.token)) return; // Answered after all.
    this.silence = silence(this.isOpen(save) ? 'this' : 'the previous photo', this.drafts.holds(save.sitting));
    this.messages.alert(this.silence);
  }

  lost() {
    const { messages, pending } = this;
    if (pending) this.silent(pending);
    else if (messages.alerted !== OFFLINE) {
      this.covered = messages.alerted;
      messages.alert(OFFLINE);
    }
  }
}
