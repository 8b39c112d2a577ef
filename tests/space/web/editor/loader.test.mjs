// Opening what the backend gives, over a network that drops requests.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Loader } from '../../../../space/web/mask_editor/ui/loader.mjs';
import { packMap } from '../../../../space/web/mask_editor/core/wire.mjs';

async function valueOf(id) {
  return { id, w: 4, h: 2, image: { url: `/${id}.png` }, labels: await packMap(4, 2, new Uint8Array(8)) };
}

function element() {
  return { hidden: true, firstElementChild: {}, lastElementChild: new EventTarget() };
}

/** An app that only remembers what it was asked for. */
class Recorder {
  constructor() {
    this.value = this.map = null;
    this.opened = [];
    this.alerted = this.state = '';
    this.left = 0;
    this.stage = {};
    this.draft = undefined;
    this.drafts = {
      flush: async () => {}, leave: async () => { this.left++; }, find: async () => this.draft,
    };
  }

  open({ value }) {
    this.value = value;
    this.map = this.stage.map = {};
    this.opened.push(value.id);
    this.setState('ready');
  }

  setState(name) {
    this.state = name;
  }

  close() {
    this.map = this.value = this.stage.map = null;
  }

  leaveStroke() {}

  escape() {}

  onchange() {}

  say() {}

  alert(text) {
    this.alerted = text;
  }
}

/** A loader whose requests end as `answers` says, by address and in turn; `sent` are its events. */
function onNetwork(t, answers) {
  const asked = [];
  const app = new Recorder();
  const sent = [];
  t.mock.method(globalThis, 'setTimeout', (work) => setImmediate(work));
  t.mock.method(globalThis, 'fetch', async (url) => {
    asked.push(url);
    const answer = answers[url].length > 1 ? answers[url].shift() : answers[url][0];
    if (answer === 'dropped') throw new TypeError('Failed to fetch');
    return typeof answer === 'number' ? new Response('', { status: answer }) : answer;
  });
  globalThis.createImageBitmap = async () => ({ width: 4, height: 2 });
  t.after(() => { delete globalThis.createImageBitmap; });
  const parts = {};
  const root = { querySelector: (name) => { parts[name] ||= element(); return parts[name]; } };
  const loader = new Loader(app, root, (name, payload) => sent.push([name, payload]));
  return { app, loader, sent, asked, wait: parts['.fme-wait'] };
}

test('a photo whose request is dropped twice opens all the same', async (t) => {
  const { app, loader, sent } = onNetwork(t, { '/a.png': ['dropped', 503, 200] });
  await loader.load(await valueOf('a'));
  assert.deepEqual(app.opened, ['a']);
  assert.deepEqual(sent, []);
});

test('a photo that cannot be fetched is reported to the backend, and opens when it is given again', async (t) => {
  const { app, loader, sent } = onNetwork(t, { '/a.png': ['dropped', 'dropped', 'dropped', 200] });
  await loader.load(await valueOf('a'));
  assert.match(app.alerted, /could not be opened: Failed to fetch/);
  assert.deepEqual(app.opened, []);
  assert.deepEqual(sent, [['unopened', { id: 'a' }]]);
  await loader.load(await valueOf('a'));
  assert.deepEqual(app.opened, ['a']);
});

test('while a photo loads the previous one is closed, with a message', async (t) => {
  let arrive;
  const late = new Promise((done) => { arrive = () => done(new Response('')); });
  const { app, loader, wait } = onNetwork(t, { '/a.png': [200], '/b.png': [late] });
  await loader.load(await valueOf('a'));
  const loading = loader.load(await valueOf('b'));
  assert.deepEqual([app.map, app.value, app.stage.map, app.state, app.left], [null, null, null, 'loading', 2]);
  assert.match(wait.firstElementChild.textContent, /Opening the photo/);
  assert.equal(wait.lastElementChild.hidden, true);
  arrive();
  await loading;
  assert.deepEqual([app.value.id, app.state], ['b', 'ready']);
});

test('a photo that could not be opened can be tried again in its place', async (t) => {
  const { app, loader, sent, wait } = onNetwork(t, { '/a.png': [200], '/b.png': [404, 200] });
  await loader.load(await valueOf('a'));
  await loader.load(await valueOf('b'));
  assert.deepEqual([app.map, app.state, wait.lastElementChild.hidden], [null, 'unopened', false]);
  wait.lastElementChild.dispatchEvent(new Event('click'));
  while (app.state !== 'ready') await new Promise(setImmediate);
  assert.deepEqual(app.opened, ['a', 'b']);
  assert.deepEqual(sent, [['unopened', { id: 'b' }], ['reopened', { id: 'b' }]]);
});

test('work of another photo that comes back in place of one that failed is reported to the backend', async (t) => {
  const { app, loader, sent } = onNetwork(t, { '/b.png': [404] });
  app.draft = { draft: { time: 0, changed: 1 }, parse: { value: await valueOf('a'), photo: new Blob() }, count: 1 };
  await loader.load(await valueOf('b'));
  app.draft = undefined;
  await loader.restore();
  assert.deepEqual(sent, [['unopened', { id: 'b' }], ['restored', { id: 'a' }]]);
});

test('a refused request is not repeated', async (t) => {
  const { app, loader, asked } = onNetwork(t, { '/a.png': [403] });
  await loader.load(await valueOf('a'));
  assert.match(app.alerted, /could not be fetched \(403\)/);
  assert.equal(asked.length, 1);
});

test('a photo that fails after another was requested is ignored', async (t) => {
  let fail;
  const late = new Promise((_, reject) => { fail = () => reject(new TypeError('Failed to fetch')); });
  const { app, loader, sent } = onNetwork(t, { '/a.png': [late, 403], '/b.png': [200] });
  const first = loader.load(await valueOf('a'));
  await loader.load(await valueOf('b'));
  fail();
  await first;
  assert.deepEqual([app.opened, app.alerted, sent, loader.loading], [['b'], '', [], 'b']);
});
