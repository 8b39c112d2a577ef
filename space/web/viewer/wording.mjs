// What the parse view says about a photo, as plain text. No DOM.

/** "1 face", "2 faces". */
export function counted(count, thing) {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}

/** What a screen reader says of the picture. */
export function pictureLabel({ faces, classes }) {
  const present = classes.filter(({ id, area }) => id && area).map(({ title }) => title);
  return `Photo with ${counted(faces.length, 'face')}; classes shown: ${present.join(', ') || 'none'}`;
}

/** What a screen reader announces when a parse is shown. */
export function announcement({ faces, note = '' }) {
  return faces.length ? `Parsed: ${counted(faces.length, 'face')}` : note || 'Parsed: no face found';
}

/**
 * The name to save a download under: the photo's own, without its suffix, and what the file is.
 * @param {string} photo file name of the photo; empty where it is not known
 * @param {string} ending such as "mask.png"
 */
export function downloadName(photo, ending) {
  const stem = photo.replace(/\.[^.]*$/, '').replace(/[^\p{L}\p{N}_.-]+/gu, '_').slice(0, 80);
  return /[\p{L}\p{N}]/u.test(stem) ? `${stem}_${ending}` : ending;
}

/** Why a photo is not shown. `number` counts from 1, of `total` photos. */
export function notShown(message, { number, total }) {
  const name = total > 1 ? `Photo ${number}` : 'This photo';
  return `${name} can't be shown: ${message}. Choose it or upload it again.`;
}
