// Saves whose answer comes late, never, or over a connection that breaks.
import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import test from 'node:test';
import { LabelMap } from '../../../../space/web/mask_editor/core/labelmap.mjs';
import { Saving } from '../../../../space/web/mask_editor/ui/saving.mjs';
import { Session } from '../../../../space/web/mask_editor/core/session.mjs';

/** Drafts in memory; `full` is a browser that keeps none. */
class Drafts {
  constructor() {
    this.full = false;
    this.ended = [];
    this.begin('a');
  }

  begin(name) {
    this.sitting = { name, changes: 0, kept: 0, sent: null };
  }

  renew() {}

  async flush() {
    if (!this.full) this.sitting.kept = this.sitting.changes;
  }

  holds({ changes, kept }) {
    return changes === kept;
  }

  end({ name }) {
    this.ended.push(name);
  }
}

/** As much of the editor as a save asks for. */
class Editor {
  constructor() {
    Object.assign(this, { alerted: '', said: '', state: 'ready', revision: 0, savedRevision: 0 });
    this.drafts = new Drafts();
    this.map = new LabelMap(4, 2, new Uint8Array(8), { classes: 3, prediction: new Uint8Array(8).fill(1) });
    this.asked = false;
    Object.assign(this, { session: new Session(), classes: [], value: { id: 'a' } });
  }

  get unsaved() { return this.revision !== this.savedRevision; }

  paint() {
    this.revision++;
    this.drafts.sitting.changes++;
  }

  ask(open) { this.asked = open; }

  setState(name) { this.state = name; }

  alert(text) { this.alerted = text; }

  say(text) { this.said = text; }

  savedAt(revision) {
    this.savedRevision = revision;
    if (!this.unsaved) this.drafts.end(this.drafts.sitting);
  }
}

function opened(t) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  globalThis.window = new EventTarget();
  t.after(() => { delete globalThis.window; });
  const app = new Editor();
  const tokens = [];
  const saving = new Saving({
    current: app,
    drafts: app.drafts,
    guide: { leave: () => {}, counts: {} },
    messages: app,
    send: (_, { token }) => tokens.push(token),
    leavePreview() {},
    setState: (name) => app.setState(name),
    savedAt: (revision) => app.savedAt(revision),
    read() {},
  });
  app.paint();
  const wait = async () => {
    t.mock.timers.tick(30_001);
    await turn();
  };
  const answer = (at, ok = true, message = '') => saving.answered({ token: tokens[at], ok, message });
  return { app, saving, tokens, wait, answer };
}

const happens = (name) => window.dispatchEvent(new Event(name, { cancelable: true }));
const asksBeforeLeaving = () => !happens('beforeunload');

test('a late answer is accepted: the work is saved, and the warning is removed', async (t) => {
  const { app, saving, wait, answer } = opened(t);
  await saving.save();
  await wait();
  assert.equal(app.state, 'refused');
  assert.match(app.alerted, /may not be saved.*reload the page.*never saved twice/);
  answer(0);
  assert.deepEqual([app.state, app.alerted, app.unsaved, app.drafts.ended], ['saved', '', false, ['a']]);
});

test('the answer to a first save also answers a second save of the same work', async (t) => {
  const { app, saving, tokens, wait, answer } = opened(t);
  await saving.save();
  await wait();
  await saving.save();
  assert.equal(new Set(tokens).size, 2);
  answer(0);
  assert.deepEqual([app.state, app.unsaved], ['saved', false]);
  await wait();
  assert.deepEqual([app.state, app.alerted], ['saved', '']);
  answer(1, false, 'Too fast.');
  assert.deepEqual([app.state, app.alerted], ['saved', '']);
});

test('a late answer about older work leaves the newer save awaited', async (t) => {
  const { app, saving, wait, answer } = opened(t);
  await saving.save();
  await wait();
  app.paint();
  await saving.save();
  answer(0);
  assert.deepEqual([app.state, app.unsaved, app.savedRevision], ['saving', true, 1]);
  await wait();
  assert.match(app.alerted, /may not be saved/);
  answer(1);
  assert.deepEqual([app.state, app.unsaved, app.alerted], ['saved', false, '']);
});

test('an answer about older work that comes last does not make the newer unsaved', async (t) => {
  const { app, saving, wait, answer } = opened(t);
  await saving.save();
  await wait();
  app.paint();
  await saving.save();
  answer(1);
  answer(0);
  assert.deepEqual([app.state, app.unsaved], ['saved', false]);
});

test('the page warns before it closes unless the work was sent and is kept as a draft', async (t) => {
  const { app, saving, answer } = opened(t);
  await app.drafts.flush();
  assert.ok(asksBeforeLeaving());
  await saving.save();
  assert.ok(!asksBeforeLeaving());
  app.paint();
  assert.ok(asksBeforeLeaving());
  answer(0, false, 'No.');
  await app.drafts.flush();
  assert.ok(asksBeforeLeaving());
});

test('where the browser keeps no work, the person is not asked to reload the page', async (t) => {
  const { app, saving, wait } = opened(t);
  app.drafts.full = true;
  await saving.save();
  assert.ok(asksBeforeLeaving());
  await wait();
  assert.match(app.alerted, /leave the page open and press Save again/);
  assert.doesNotMatch(app.alerted, /reload/);
});

test('a mask without a change is sent only after it was confirmed to be right', async (t) => {
  const { app, saving, tokens } = opened(t);
  app.map = new LabelMap(4, 2, new Uint8Array(8), { classes: 3 });
  await saving.save();
  assert.deepEqual([app.asked, tokens.length], [true, 0]);
  saving.cancelled();
  assert.deepEqual([app.asked, app.said, tokens.length], [false, 'Not saved.', 0]);
  await saving.save();
  await saving.confirmed();
  assert.deepEqual([app.asked, app.state, tokens.length], [false, 'saving', 1]);
});

test('a draft tells whether its work was sent to be saved', async (t) => {
  const { app, saving, answer } = opened(t);
  await saving.save();
  assert.equal(app.drafts.sitting.sent, app.drafts.sitting.changes);
  answer(0, false, 'No.');
  assert.equal(app.drafts.sitting.sent, null);
});

test('a restored connection clears its own message and no other', async (t) => {
  const { app, saving, answer } = opened(t);
  happens('offline');
  assert.match(app.alerted, /connection is lost/);
  happens('online');
  assert.equal(app.alerted, '');
  await saving.save();
  answer(0, false, 'The disk is full.');
  assert.deepEqual([app.state, app.alerted, app.said], ['refused', '', 'Not saved: The disk is full.']);
  app.alert('The unsaved work could not be read.');
  for (const name of ['offline', 'offline', 'online']) happens(name);
  assert.equal(app.alerted, 'The unsaved work could not be read.');
  await saving.save();
  happens('offline');
  await turn();
  happens('online');
  assert.match(app.alerted, /may not be saved/);
});

test('a pending save of the previous photo neither blocks a save nor reports a failure', async (t) => {
  const { app, saving, tokens, answer } = opened(t);
  await saving.save();
  app.drafts.begin('b');
  app.setState('ready');
  await saving.save();
  assert.equal(tokens.length, 2);
  answer(0, false, 'No.');
  assert.equal(app.state, 'saving');
  assert.match(app.alerted, /The previous photo was not saved: No\./);
  answer(1);
  assert.equal(app.state, 'saved');
});
