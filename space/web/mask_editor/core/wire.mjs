// The wire format: zlib (RFC 1950) of raw row-major ids, base64, CRC-32. Python: annotate.label_maps. No DOM.

async function pipe(bytes, transform) {
  const stream = new Blob([bytes]).stream().pipeThrough(transform);
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

export const deflate = (bytes) => pipe(bytes, new CompressionStream('deflate'));
export const inflate = (bytes) => pipe(bytes, new DecompressionStream('deflate'));

const CHUNK = 0x8000; // String.fromCharCode takes its arguments on the stack.

export function toBase64(bytes) {
  let text = '';
  for (let i = 0; i < bytes.length; i += CHUNK) {
    text += String.fromCharCode.apply(null, bytes.subarray(i, i + CHUNK));
  }
  return btoa(text);
}

export function fromBase64(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

function crcTable() {
  return Int32Array.from({ length: 256 }, (_, n) => {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
    return c;
  });
}

export function crc32(bytes) {
  const table = crcTable();
  let crc = -1;
  for (let i = 0; i < bytes.length; i++) crc = table[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** Ids of a map as {w, h, z, crc}. */
export async function packMap(width, height, ids) {
  return { w: width, h: height, z: toBase64(await deflate(ids)), crc: crc32(ids) };
}

/** The ids of {w, h, z, crc}; throws when size or checksum disagree. */
export async function unpackMap({ w, h, z, crc }) {
  const ids = await inflate(fromBase64(z));
  if (ids.length !== w * h) throw new RangeError(`map holds ${ids.length} ids, expected ${w} x ${h}`);
  const actual = crc32(ids);
  if (crc !== undefined && actual !== crc) {
    throw new RangeError(`map was damaged on the way: checksum ${actual}, expected ${crc}`);
  }
  return ids;
}
