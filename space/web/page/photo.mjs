// Opens a photo file as upright pixels, white where it is transparent, of a bounded size.

import { png } from './files.mjs';

/** The longest side in pixels; the mask editor takes no larger ones. */
export const LONGEST = 4096;
const HEIC = /^ftyp(heic|heix|heim|heis|hevc|hevx|mif1|msf1)/;

/** The pixels of a file, a picture of them, and a sentence where it was scaled down. */
export async function openPhoto(file) {
  const bitmap = await decoded(file);
  const scale = Math.min(1, LONGEST / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [bitmap.width, bitmap.height].map((n) => Math.max(1, Math.round(n * scale)));
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  pen.imageSmoothingQuality = 'high';
  pen.fillStyle = '#fff';
  pen.fillRect(0, 0, width, height);
  pen.drawImage(bitmap, 0, 0, width, height);
  const note = scale < 1
    ? `The photo was scaled down from ${bitmap.width} x ${bitmap.height} to ${width} x ${height}.` : '';
  bitmap.close();
  const pixels = pen.getImageData(0, 0, width, height);
  return { pixels, note, blob: scale < 1 ? await pictureOf(pixels) : file };
}

const pictureOf = async ({ width, height, data }) => (
  new Blob([await png(width, height, new Uint8Array(data.buffer), 4)], { type: 'image/png' }));

async function decoded(file) {
  try {
    return await createImageBitmap(file);
  } catch {
    const start = new TextDecoder('latin1').decode(await file.slice(4, 12).arrayBuffer());
    throw new Error(HEIC.test(start)
      ? 'This browser can\'t open HEIC photos: save the photo as JPEG or PNG.'
      : 'This file is not a picture that this browser can open: choose a JPEG, PNG or WebP file.');
  }
}
