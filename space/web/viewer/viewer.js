// The parse view: draws a photo, its classes and its faces. gr.HTML runs this once; element,
// props, trigger and watch are Gradio's; P holds the functions of paint.js, parts those of parts.js.
const { make, inflate, loadImage, painted } = parts;
const $ = (selector) => element.querySelector(selector);
const root = $('.fv'), canvas = $('.fv-canvas'), pen = canvas.getContext('2d');
const MODES = [
  ['outlines', 'Outlines'], ['patterns', 'Patterns'], ['safe', 'Colour-blind palette'],
  ['split', 'Before / after'], ['pair', 'Side by side'], ['boxes', 'Face boxes'], ['doubt', 'Doubt map'], ['difference', 'Differences'],
];
// Longest side of the drawing: more pixels than a screen shows only cost time.
const LARGEST = 1600;
const state = { zoom: 1, photo: null, labels: null, doubt: null, sure: null, other: null, hidden: new Set(), modes: new Set(), opacity: 0.55, split: 0.5, face: -1 };
let picture = null, layer = null, beside = null, sheet = null, loading = 0, looking = '', photos = [];

function repaint() {
  if (!layer) return;
  const out = new Uint32Array(sheet.data.buffer), { w } = state.photo, scale = Math.max(1, Math.round(w / 400));
  const table = P.lookup(state.photo.classes, state.hidden, state.modes.has('safe') ? 'safe' : 'color');
  const edges = P.whitened(table);
  const flat = (labels) => {
    P.paintLabels(out, labels, w, table, { patterns: state.modes.has('patterns'), scale });
    P.paintBorders(out, labels, w, edges, Math.max(1, Math.round(w / 800)));
  };
  if (state.modes.has('difference') && state.other) P.paintDifference(out, state.labels, state.other);
  else if (state.modes.has('outlines')) P.paintOutlines(out, state.labels, w, table, scale);
  else flat(state.labels);
  layer.getContext('2d').putImageData(sheet, 0, 0);
  if (state.other) { flat(state.other); beside.getContext('2d').putImageData(sheet, 0, 0); }
  draw();
}

let frame = 0;
const draw = () => { if (!frame) frame = requestAnimationFrame(() => { frame = 0; compose(); }); };

const paired = () => state.modes.has('pair') && state.other;

function compose() {
  // Side by side, the other model's view stands on the left.
  const views = paired() ? [beside, layer] : [layer];
  views.forEach((view, index) => {
    pen.setTransform(state.zoom, 0, 0, state.zoom, index * state.photo.w * state.zoom, 0);
    composeView(view);
  });
}

function composeView(view) {
  const { w, h } = state.photo;
  pen.globalAlpha = 1;
  pen.drawImage(picture, 0, 0, w, h);
  pen.save();
  pen.imageSmoothingEnabled = state.zoom < 1;
  if (state.modes.has('split') && state.other) {
    pen.globalAlpha = state.opacity;
    pen.drawImage(beside, 0, 0, state.split * w, h, 0, 0, state.split * w, h);
  }
  if (state.modes.has('split')) { pen.beginPath(); pen.rect(state.split * w, 0, w, h); pen.clip(); }
  const doubting = state.modes.has('doubt') && state.doubt;
  pen.globalAlpha = (state.modes.has('outlines') ? Math.max(0.25, state.opacity) : state.opacity) * (doubting ? 0.3 : 1);
  pen.drawImage(view, 0, 0);
  if (doubting) { pen.globalAlpha = 0.85; pen.drawImage(state.doubt, 0, 0, w, h); }
  pen.restore();
  const line = Math.max(1.5, w / 500);
  if (state.modes.has('split')) { pen.fillStyle = '#fff'; pen.fillRect(state.split * w - line / 2, 0, line, h); }
  composeBoxes(line);
}

function composeBoxes(line) {
  state.photo.faces.forEach(({ box: [x0, y0, x1, y1] }, index) => {
    const chosen = index === state.face;
    if (!chosen && !state.modes.has('boxes')) return;
    [pen.lineWidth, pen.strokeStyle] = chosen ? [2.5 * line, '#ffd166'] : [line, '#fff'];
    pen.strokeRect(x0, y0, x1 - x0, y1 - y0);
  });
}

function sizeCanvas() {
  const { w, h } = state.photo, wide = paired() ? 2 * w : w;
  state.zoom = Math.min(1, LARGEST / Math.max(wide, h));
  [canvas.width, canvas.height] = [Math.round(wide * state.zoom), Math.round(h * state.zoom)];
  $('.fv-stage').style.setProperty('--ratio', wide / h);
}

function setMode(name, on) {
  state.modes[on ? 'add' : 'delete'](name);
  root.querySelector(`[data-mode="${name}"]`).setAttribute('aria-pressed', on);
  if (name === 'split') $('.fv-split').hidden = !on;
  if (name === 'doubt') $('.fv-key').hidden = !on;
  if (name === 'pair') sizeCanvas();
  if (on && (name === 'split' || name === 'pair')) setMode(name === 'pair' ? 'split' : 'pair', false);
  if (name === 'safe' || name === 'patterns') buildClasses();
  repaint();
}

function buildModes() {
  const box = $('.fv-modes');
  box.replaceChildren(...MODES.map(([name, title]) => {
    const label = name === 'split' && state.other ? 'Slider between both' : title;
    const button = make('button', label, { type: 'button', 'data-mode': name, 'aria-pressed': state.modes.has(name) });
    button.hidden = (name === 'doubt' && !state.doubt) || (['pair', 'difference'].includes(name) && !state.other) || (name === 'boxes' && !state.photo.faces.length);
    button.onclick = () => setMode(name, !state.modes.has(name));
    return button;
  }));
}

// Colouring takes as long for all classes as for one: once, whatever was asked for.
function hideAll(classes, hides) {
  for (const c of classes) {
    const hide = hides(c);
    state.hidden[hide ? 'add' : 'delete'](c.id);
    root.querySelector(`[data-class="${c.id}"]`)?.setAttribute('aria-pressed', !hide);
  }
  repaint();
}

const toggle = (id) => hideAll([{ id }], () => !state.hidden.has(id));

function classButton(c) {
  const button = make('button', '', { type: 'button', 'data-class': c.id, 'aria-pressed': !state.hidden.has(c.id), title: `${(100 * c.share).toFixed(2)} % of the photo` });
  const name = make('span', c.title, { class: 'fv-name' }), swatch = make('i');
  swatch.style.backgroundColor = `rgb(${(state.modes.has('safe') ? c.safe : c.color).join(',')})`;
  if (state.modes.has('patterns')) swatch.dataset.hatch = c.id % 4;
  if (c.rare) name.append(make('small', 'rare'));
  const sure = make('span', c.confidence === null ? '' : `${c.confidence} % sure`, { class: 'fv-num' });
  button.append(swatch, name, sure, make('span', `${c.area.toLocaleString('en')} px`, { class: 'fv-num' }));
  button.onclick = () => toggle(c.id);
  return button;
}

function buildClasses() {
  const listed = state.photo.classes.filter((c) => c.id > 0), present = listed.filter((c) => c.area > 0);
  const absent = listed.filter((c) => c.area === 0).map((c) => c.title);
  const items = present.map((c) => { const item = make('li'); item.append(classButton(c)); return item; });
  if (absent.length) items.push(make('li', `Not in this photo: ${absent.join(', ')}`, { class: 'absent' }));
  $('.fv-classes').replaceChildren(...items);
}

function buildFaces() {
  const strip = $('.fv-faces');
  if (state.photo.faces.length < 2) return strip.replaceChildren();
  strip.replaceChildren(...state.photo.faces.map(({ box: [x0, y0, x1, y1] }, index) => {
    const button = make('button', '', { type: 'button', 'aria-pressed': 'false', 'aria-label': `Face ${index + 1}: show where it is` }), thumb = make('canvas', '', { width: 144, height: 144 });
    const side = 1.5 * Math.max(x1 - x0, y1 - y0);
    thumb.getContext('2d').drawImage(picture, (x0 + x1 - side) / 2, (y0 + y1 - side) / 2, side, side, 0, 0, 144, 144);
    button.append(thumb);
    button.onclick = () => {
      state.face = state.face === index ? -1 : index;
      [...strip.children].forEach((b, i) => b.setAttribute('aria-pressed', i === state.face));
      draw();
    };
    return button;
  }));
}

function buildPhotos() {
  const strip = $('.fv-photos');
  if (photos.length < 2) return strip.replaceChildren();
  strip.replaceChildren(...photos.map((photo, index) => {
    const button = make('button', '', { type: 'button', 'aria-label': `Photo ${index + 1} of ${photos.length}` });
    button.append(make('img', '', { src: photo.src.url, alt: '' }));
    button.onclick = () => pick(photo);
    return button;
  }));
}

// Where its picture can't be had, the photo before stays: shown, marked, and what is corrected.
async function pick(photo) {
  trigger('picked', { id: photo.id });
  if (await show(photo)) return;
  const before = photos.find(({ id }) => id === state.photo?.id);
  if (!before) return;
  look(before);
  trigger('picked', { id: before.id, back: true });
}

function look({ id }) {
  looking = id;
  [...$('.fv-photos').children].forEach((b, i) => b.setAttribute('aria-pressed', photos[i].id === id));
}

async function open(photo) {
  const turn = ++loading, { w, h } = photo;
  look(photo); // its picture may still be on its way
  const [image, labels, sure, other] = await Promise.all([
    loadImage(photo.src.url), inflate(photo.labels), photo.confidence ? inflate(photo.confidence) : null, photo.other ? inflate(photo.other) : null,
  ]);
  if (turn !== loading) return;
  picture = image;
  [layer, beside] = [0, 1].map(() => Object.assign(document.createElement('canvas'), { width: w, height: h }));
  sheet = new ImageData(w, h);
  Object.assign(state, { photo, labels, other, doubt: sure ? painted(photo.confidence, (out) => P.paintDoubt(out, sure)) : null, sure, hidden: new Set(), face: -1 });
  for (const name of ['doubt', 'difference', 'pair']) state.modes.delete(name);
  $('.fv-key').hidden = true;
  sizeCanvas();
  const seen = photo.classes.filter((c) => c.id && c.area).map((c) => c.title).join(', ');
  canvas.setAttribute('aria-label', `Photo with ${photo.faces.length} face(s); classes shown: ${seen || 'none'}`);
  $('.fv-note').textContent = photo.note;
  $('.fv-model span').textContent = `Model: ${photo.model.replace(/^hub:/, '')}.`;
  $('.fv-made').textContent = '';
  buildModes(); buildClasses(); buildFaces();
  root.dataset.state = 'ready';
  root.dataset.ready = photo.id;
  if (other) setMode(innerWidth > 820 ? 'pair' : 'split', true); else repaint();
}

async function load() {
  const value = props.value;
  if (!value || !value.photos || !value.photos.length) { root.dataset.state = 'empty'; return; }
  photos = value.photos;
  buildPhotos();
  await show(photos[value.current || 0]);
}

// False, and the reason is told, where a photo can't be shown that is still wanted.
async function show(photo) {
  const opening = open(photo), turn = loading;
  try { await opening; } catch (error) {
    if (turn !== loading) return true;
    root.dataset.state = 'ready';
    const name = photos.length > 1 ? `Photo ${photos.indexOf(photo) + 1}` : 'This photo';
    $('.fv-note').textContent = `${name} can't be shown: ${error.message}. Choose it or upload it again.`;
    return false;
  }
  return true;
}

// The places of a photo's pixel in the thinned map of confidence, as a percentage.
function sureAt(x, y) {
  const { w, h, confidence } = state.photo;
  const at = Math.floor((y * confidence.h) / h) * confidence.w + Math.floor((x * confidence.w) / w);
  return Math.round(state.sure[at] / 2.55);
}

const classAt = (event) => {
  const box = canvas.getBoundingClientRect();
  const { w } = state.photo, wide = paired() ? 2 * w : w;
  const across = Math.floor(((event.clientX - box.left) / box.width) * wide), x = across % w, y = Math.floor(((event.clientY - box.top) / box.height) * state.photo.h);
  const id = (paired() && across < w ? state.other : state.labels)[y * w + x];
  const found = id === undefined ? null : state.photo.classes.find((c) => c.id === id);
  return found && { ...found, sure: state.modes.has('doubt') && state.doubt ? `, ${sureAt(x, y)} % sure` : '' };
};

canvas.addEventListener('pointermove', (event) => {
  const found = state.labels && classAt(event), chip = $('.fv-chip');
  chip.classList.toggle('on', Boolean(found));
  root.querySelectorAll('.hot').forEach((node) => node.classList.remove('hot'));
  if (!found) return;
  const stage = $('.fv-stage').getBoundingClientRect();
  chip.textContent = found.title + found.sure;
  const x = Math.min(event.clientX - stage.left + 14, stage.width - chip.offsetWidth - 6);
  chip.style.transform = `translate(${x}px, ${Math.max(4, event.clientY - stage.top - 34)}px)`;
  const button = root.querySelector(`[data-class="${found.id}"]`);
  if (button) button.classList.add('hot');
});
canvas.addEventListener('pointerleave', () => $('.fv-chip').classList.remove('on'));
canvas.addEventListener('click', (event) => { const found = state.labels && classAt(event); if (found && found.id) toggle(found.id); });
$('[name="opacity"]').addEventListener('input', (event) => {
  state.opacity = event.target.value / 100;
  $('.fv-opacity output').textContent = `${event.target.value} %`;
  draw();
});
$('.fv-split-range').addEventListener('input', (event) => { state.split = event.target.value / 100; draw(); });
$('.fv-head').addEventListener('click', (event) => {
  const show = event.target.dataset.show;
  if (!show) return;
  hideAll(state.photo.classes.filter((c) => c.id), (c) => show === 'none' || (show === 'rare' && !c.rare));
});
$('.fv-correct').addEventListener('click', () => trigger('correct', { id: looking }));

$('.fv-save ul').replaceChildren(...(props.kinds || []).map(([kind, title]) => {
  const item = make('li'), button = make('button', title, { type: 'button', id: `download-${kind}` });
  button.onclick = () => {
    $('.fv-save').open = false;
    $('.fv-made').textContent = 'Making the file';
    trigger('wanted', { kind, id: looking });
  };
  item.append(button);
  return item;
}));
document.addEventListener('click', (event) => { if (!event.target.closest('.fv-save')) $('.fv-save').open = false; });
root.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape' || !$('.fv-save').open) return;
  $('.fv-save').open = false;
  $('.fv-save summary').focus();
});

$('[data-way="model"]').addEventListener('click', () => {
  const models = document.querySelector('#models'), head = models.querySelector('button');
  if (!models.querySelector('input')?.offsetParent) head.click();
  // It takes a moment to open.
  setTimeout(() => { models.scrollIntoView({ block: 'center' }); head.focus({ preventScroll: true }); }, 200);
});

// What was asked for further down is answered above: bring the answer into sight.
const answered = () => {
  $('.fv-made').textContent = '';
  document.querySelector('#parse-message p')?.scrollIntoView({ block: 'nearest' });
};
root.__view = { state, setMode, toggle, trigger, answered };
watch('value', load);
load();
