// Answers questions about the pure operations, one JSON object a line, for the Python twins' test.
import { createInterface } from 'node:readline';
import { stdin, stdout } from 'node:process';
import { LabelMap } from '../../../../space/web/mask_editor/core/labelmap.mjs';
import { reshape } from '../../../../space/web/mask_editor/core/reshape.mjs';

for await (const line of createInterface({ input: stdin })) {
  const { width, height, ids, points, reach } = JSON.parse(line);
  const map = new LabelMap(width, height, Uint8Array.from(ids));
  map.edit('reshape', 'reshape', () => reshape(map, points, { reach }));
  stdout.write(`${JSON.stringify([...map.data])}\n`);
}
