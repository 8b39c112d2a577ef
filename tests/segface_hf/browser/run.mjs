// Runs cases of a JSON file: parses of photos, and crops of frames; writes what they gave beside it.
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const [exported, folder] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(`${exported}/${name}`));
const ort = await load('ort.wasm.bundle.min.mjs');
const { loadParser } = await load('parser.mjs');
const { Frame } = await load('frames.mjs');
const read = (path) => new Uint8Array(readFileSync(path));
ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmBinary = read(`${exported}/ort-wasm-simd-threaded.wasm`);

const photoOf = ({ name, width, height }) => ({ width, height, data: read(`${folder}/${name}.rgba`) });
const cases = JSON.parse(readFileSync(`${folder}/cases.json`));
cases.crops.forEach(({ photo, center, side, angle, size }, index) => {
  const { data } = new Frame(center, side, angle).crop(photoOf(photo), size);
  writeFileSync(`${folder}/crop${index}`, data);
});
const parser = await loadParser(ort, async (name) => read(`${exported}/${name}`));
const results = [];
for (const { photo, wholeImage } of cases.parses) {
  const { labels, ...rest } = await parser.parse(photoOf(photo), { wholeImage });
  writeFileSync(`${folder}/${photo.name}.ids`, labels);
  results.push(rest);
}
let refused = '';
await parser.parse({ width: 3, height: 3, data: new Uint8Array(27) }).catch(({ message }) => { refused = message; });
writeFileSync(`${folder}/results.json`, JSON.stringify({ results, refused, names: parser.schema.names }));
