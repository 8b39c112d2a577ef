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

/** Why a photo is not shown. `number` counts from 1, of `total` photos. */
export function notShown(message, { number, total }) {
  const name = total > 1 ? `Photo ${number}` : 'This photo';
  return `${name} can't be shown: ${message}. Choose it or upload it again.`;
}
