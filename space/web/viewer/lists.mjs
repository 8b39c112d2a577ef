// The lists beside the picture: display modes, classes, faces, photos, downloads.
import { make } from './nodes.mjs';

const MODES = {
  outlines: 'Outlines',
  patterns: 'Patterns',
  safe: 'Color-blind palette',
  split: 'Before / after',
  pair: 'Side by side',
  boxes: 'Face boxes',
  confidence: 'Confidence map',
  difference: 'Differences',
};
const FACE_SIDE = 144; // Pixels; shown at half of it.

/** Is a display mode of use for the photo that is shown? */
function applies(mode, { photo, other, confidenceLayer }) {
  if (mode === 'confidence') return Boolean(confidenceLayer);
  if (mode === 'pair' || mode === 'difference') return Boolean(other);
  return mode !== 'boxes' || photo.faces.length > 0;
}

/** A button for each display mode; `choose(mode, on)` switches one. */
export function modeButtons(state, choose) {
  return Object.entries(MODES).map(([mode, title]) => {
    const label = mode === 'split' && state.other ? 'Slider between both' : title;
    const pressed = state.modes.has(mode);
    const button = make('button', label, { type: 'button', 'data-mode': mode, 'aria-pressed': pressed });
    button.hidden = !applies(mode, state);
    button.addEventListener('click', () => choose(mode, !state.modes.has(mode)));
    return button;
  });
}

/** An item for each class in the photo, and one that names the others. */
export function classItems(state, toggle) {
  const listed = state.photo.classes.filter(({ id }) => id > 0);
  const items = listed.filter(({ area }) => area > 0).map((entry) => {
    const item = make('li');
    item.append(classButton(entry, state, toggle));
    return item;
  });
  const absent = listed.filter(({ area }) => area === 0).map(({ title }) => title);
  if (absent.length) items.push(make('li', `Not in this photo: ${absent.join(', ')}`, { class: 'absent' }));
  return items;
}

function classButton(entry, { modes, hidden }, toggle) {
  const button = make('button', '', {
    type: 'button',
    'data-class': entry.id,
    'aria-pressed': !hidden.has(entry.id),
    title: `${(100 * entry.share).toFixed(2)} % of the photo`,
  });
  const swatch = make('i');
  swatch.style.backgroundColor = `rgb(${(modes.has('safe') ? entry.safe : entry.color).join(',')})`;
  if (modes.has('patterns')) swatch.dataset.hatch = entry.id % 4;
  const name = make('span', entry.title, { class: 'fv-name' });
  if (entry.rare) name.append(make('small', 'rare'));
  const sure = entry.confidence === null ? '' : `${entry.confidence} % sure`;
  const area = `${entry.area.toLocaleString('en')} px`;
  button.append(swatch, name, make('span', sure, { class: 'fv-num' }), make('span', area, { class: 'fv-num' }));
  button.addEventListener('click', () => toggle(entry.id));
  return button;
}

/** A thumbnail of each face where there are several; `choose(index)` marks one. */
export function faceButtons(faces, picture, choose) {
  if (faces.length < 2) return [];
  return faces.map(({ box }, index) => {
    const label = `Face ${index + 1}: show where it is`;
    const button = make('button', '', { type: 'button', 'aria-pressed': 'false', 'aria-label': label });
    button.append(picture.thumbnail(box, FACE_SIDE));
    button.addEventListener('click', () => choose(index));
    return button;
  });
}

/** A thumbnail of each photo where there are several. */
export function photoButtons(photos, choose) {
  if (photos.length < 2) return [];
  return photos.map((photo, index) => {
    const label = `Photo ${index + 1} of ${photos.length}`;
    const button = make('button', '', { type: 'button', 'aria-label': label });
    button.append(make('img', '', { src: photo.src.url, alt: '' }));
    button.addEventListener('click', () => choose(photo));
    return button;
  });
}

/** An item for each file that can be downloaded. */
export function downloadItems(kinds, choose) {
  return kinds.map(([kind, title]) => {
    const item = make('li');
    const button = make('button', title, { type: 'button', id: `download-${kind}` });
    button.addEventListener('click', () => choose(kind));
    item.append(button);
    return item;
  });
}
