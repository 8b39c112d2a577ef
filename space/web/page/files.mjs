// Files of a parse: PNG with exact values, ZIP, and COCO. No DOM.
import { crc32, deflate } from '../mask_editor/core/wire.mjs';

const PNG = [137, 80, 78, 71, 13, 10, 26, 10];
const COLOR_TYPES = { 1: 0, 3: 2, 4: 6 };
const text = (value) => new TextEncoder().encode(value);

/** A PNG of 8-bit pixels with 1 (gray), 3 (RGB) or 4 (RGBA) values each. */
export async function png(width, height, values, bands) {
  const head = new DataView(new ArrayBuffer(13));
  head.setUint32(0, width);
  head.setUint32(4, height);
  head.setUint8(8, 8);
  head.setUint8(9, COLOR_TYPES[bands]);
  const stride = width * bands, rows = new Uint8Array((stride + 1) * height);
  for (let y = 0; y < height; y++) {
    rows.set(values.subarray(y * stride, (y + 1) * stride), y * (stride + 1) + 1);
  }
  const chunks = [chunk('IHDR', new Uint8Array(head.buffer)), chunk('IDAT', await deflate(rows)), chunk('IEND', new Uint8Array())];
  return joined([Uint8Array.from(PNG), ...chunks]);
}

function chunk(name, content) {
  const body = joined([text(name), content]);
  return joined([big(content.length), body, big(crc32(body))]);
}

const big = (value) => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);

function joined(parts) {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

const LOCAL = 0x04034b50, CENTRAL = 0x02014b50, END = 0x06054b50;
const UTF8 = 0x0800, VERSION = 20, EPOCH = 0x21;

/** A ZIP of [name, bytes] entries, which are compressed already. */
export function zip(entries) {
  const locals = [], central = [];
  let offset = 0;
  for (const [name, bytes] of entries) {
    const title = text(name), crc = crc32(bytes), size = bytes.length;
    const common = [[2, VERSION], [2, UTF8], [2, 0], [2, 0], [2, EPOCH], [4, crc], [4, size], [4, size], [2, title.length], [2, 0]];
    const local = joined([little([[4, LOCAL], ...common]), title, bytes]);
    central.push(little([[4, CENTRAL], [2, VERSION], ...common, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]]), title);
    locals.push(local);
    offset += local.length;
  }
  const list = joined(central), count = entries.length;
  const end = little([[4, END], [2, 0], [2, 0], [2, count], [2, count], [4, list.length], [4, offset], [2, 0]]);
  return joined([...locals, list, end]);
}

const little = (fields) => Uint8Array.from(
  fields.flatMap(([length, value]) => Array.from({ length }, (_, i) => (value >>> (8 * i)) & 255)));

/** The photo with a value of opacity for each pixel, as RGBA. */
function cutOut({ data }, labels, shows) {
  const out = new Uint8Array(data);
  for (let i = 0; i < labels.length; i++) out[4 * i + 3] = shows(labels[i]) ? 255 : 0;
  return out;
}

function colored(labels, classes) {
  const out = new Uint8Array(labels.length * 3);
  for (let i = 0; i < labels.length; i++) out.set(classes[labels[i]].color, 3 * i);
  return out;
}

async function cutOuts({ pixels, labels, classes }) {
  const { width, height } = pixels, entries = [];
  const present = classes.filter(({ id }) => id > 0 && labels.includes(id));
  for (const { id, name } of present) {
    const cut = cutOut(pixels, labels, (label) => label === id);
    entries.push([`${name}.png`, await png(width, height, cut, 4)]);
  }
  return zip(entries);
}

/** Run lengths of a class, column by column, zeros first; with its area and its box. */
function segment(labels, width, height, id) {
  const counts = [], box = [width, height, 0, 0];
  let isIn = false, length = 0, area = 0;
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++, length++) {
      const is = labels[y * width + x] === id;
      if (is !== isIn) {
        counts.push(length);
        [isIn, length] = [is, 0];
      }
      if (!is) continue;
      area++;
      [box[0], box[1]] = [Math.min(box[0], x), Math.min(box[1], y)];
      [box[2], box[3]] = [Math.max(box[2], x + 1), Math.max(box[3], y + 1)];
    }
  }
  counts.push(length);
  const [left, top, right, bottom] = box;
  return { area, bbox: [left, top, right - left, bottom - top], segmentation: { size: [height, width], counts } };
}

const rounded = (value, digits) => Number(value.toFixed(digits));

/** The mask as the COCO document that the app writes too. */
function coco({ pixels: { width, height }, labels, classes, faces, model }) {
  const present = classes.filter(({ id }) => id > 0 && labels.includes(id));
  return text(JSON.stringify({
    info: { description: `face parts by ${model}`, version: '1' },
    images: [{ id: 1, file_name: 'photo.png', width, height }],
    categories: classes.slice(1).map(({ id, name, family }) => ({ id, name, supercategory: family })),
    annotations: present.map(({ id }, index) => ({
      id: index + 1, image_id: 1, iscrowd: 0, category_id: id, ...segment(labels, width, height, id),
    })),
    faces: faces.map(({ box, confidence }) => ({
      box: box.map((edge) => rounded(edge, 1)), score: rounded(confidence, 4),
    })),
  }));
}

/** Kinds of files: title, ending, type, and what makes one of { pixels, labels, classes, faces, model }. */
export const KINDS = {
  mask: ['Mask, class ids (PNG)', 'mask.png', 'image/png',
    ({ pixels, labels }) => png(pixels.width, pixels.height, labels, 1)],
  colored: ['Colored mask (PNG)', 'coloured.png', 'image/png',
    ({ pixels, labels, classes }) => png(pixels.width, pixels.height, colored(labels, classes), 3)],
  no_background: ['Without background (PNG)', 'no_background.png', 'image/png',
    ({ pixels, labels }) => png(pixels.width, pixels.height, cutOut(pixels, labels, (id) => id > 0), 4)],
  cutouts: ['Cut-outs by class (ZIP)', 'cutouts.zip', 'application/zip', cutOuts],
  coco: ['COCO segments (JSON)', 'coco.json', 'application/json', coco],
};
