// Wire, viewport and session: exact values without a browser.
import assert from 'node:assert/strict';
import test from 'node:test';
import zlib from 'node:zlib';
import { LabelMap } from '../../../../space/web/mask_editor/core/labelmap.mjs';
import { savePayload, Session } from '../../../../space/web/mask_editor/core/session.mjs';
import * as viewport from '../../../../space/web/mask_editor/core/viewport.mjs';
import { crc32, fromBase64, packMap, unpackMap } from '../../../../space/web/mask_editor/core/wire.mjs';

const ids = Uint8Array.from({ length: 333 * 77 }, (_, i) => ((i * 7919) >> 5) % 19);

test('the wire holds zlib of the raw ids and their checksum', async () => {
  const wire = await packMap(333, 77, ids);
  assert.deepEqual(new Uint8Array(zlib.inflateSync(fromBase64(wire.z))), ids);
  assert.equal(crc32(new TextEncoder().encode('123456789')), 0xcbf43926);
  assert.deepEqual(await unpackMap(wire), ids);
});

test('a wire with the wrong size or checksum is refused', async () => {
  const wire = await packMap(333, 77, ids);
  await assert.rejects(unpackMap({ ...wire, w: 332 }), /expected 332 x 77/);
  await assert.rejects(unpackMap({ ...wire, crc: 1 }), /damaged/);
});

test('zooming leaves the point under the cursor in place', () => {
  const view = viewport.fit({ width: 512, height: 512 }, { width: 390, height: 500 });
  const pixel = viewport.toPixel(view, [100, 200]);
  const closer = viewport.zoomAt(view, 3, [100, 200]);
  assert.deepEqual(viewport.toPixel(closer, [100, 200]), pixel);
  assert.equal(viewport.zoomAt(view, 1e9, [0, 0]).scale, viewport.LARGEST);
});

test('a pixel and its point on screen are inverse at every scale', () => {
  for (const scale of [0.3, 1, 7.5]) {
    const view = { scale, x: 13.2, y: -40 };
    for (const pixel of [[0, 0], [511, 3], [70, 400]]) {
      assert.deepEqual(viewport.toPixel(view, viewport.toPoint(view, pixel)), pixel);
    }
  }
});

test('focus shows the whole region with a margin, and fit shows the whole map', () => {
  const box = { width: 800, height: 600 };
  const view = viewport.focus({ width: 1024, height: 1024 }, box, [500, 500, 20, 10]);
  const [x, y, w, h] = viewport.visible(view, { width: 1024, height: 1024 }, box);
  assert.ok(x < 500 && y < 500 && x + w > 520 && y + h > 510);
  const all = viewport.fit({ width: 1024, height: 1024 }, box);
  assert.deepEqual(viewport.visible(all, { width: 1024, height: 1024 }, box), [0, 0, 1024, 1024]);
});

test('idle time and time away are not editing', () => {
  const session = new Session({ seconds: 2, tools: { brush: 1 } });
  for (const now of [0, 1000, 3000, 60_000, 61_000]) session.active(now);
  session.pause();
  session.active(62_000);
  assert.equal(session.seconds, 6);
});

test('the save payload carries the map, the counts and the tools', async () => {
  const map = new LabelMap(4, 2, new Uint8Array(8), { classes: 3 });
  const session = new Session();
  map.edit('dot', 'brush', () => map.put(1, 1, 2));
  session.used('brush');
  const names = ['background', 'skin', 'hair'];
  const doubt = { seen: 1, total: 2 };
  const payload = await savePayload({ map, session, names, id: 'a', token: 't', doubt });
  assert.deepEqual(await unpackMap(payload), map.data);
  assert.deepEqual([payload.w, payload.h, payload.changed_pixels], [4, 2, 1]);
  assert.deepEqual([payload.changed, payload.tools], [{ hair: 1 }, { brush: 1 }]);
});

test('painting while a save is packed changes nothing of that save', async () => {
  const map = new LabelMap(333, 77, ids.slice(), { classes: 19 });
  const session = new Session();
  const names = Array.from({ length: 19 }, (_, id) => `class ${id}`);
  map.edit('dot', 'brush', () => map.put(1, 1, 2));
  session.used('brush');
  const then = map.data.slice();
  const saving = savePayload({ map, session, names, id: 'a', token: 't', doubt: null });
  map.edit('line', 'lasso', () => map.span(5, 0, 300, 7));
  session.used('lasso');
  const payload = await saving;
  assert.deepEqual(await unpackMap(payload), then);
  assert.deepEqual([payload.changed, payload.changed_pixels], [{ 'class 2': 1 }, 1]);
  assert.deepEqual(payload.tools, { brush: 1 });
});
