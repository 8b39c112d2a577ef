// The class list: search, colors, keys, areas, eye, solo, lock, "only over" and "protect".
// Names come from outside and are only ever set as text.
import { colorOf } from './layers.mjs';
import { Roving } from './roving.mjs';

const number = new Intl.NumberFormat('en');

/** The key that chooses a class, as shown: digits, then Shift and digits. */
export function keyName(id) {
  if (id > 19) return '';
  return id < 10 ? String(id) : `⇧${id - 10}`;
}

/** An element with attributes and children. */
export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  use.setAttribute('href', `#fme-${name}`);
  svg.setAttribute('aria-hidden', 'true');
  svg.append(use);
  return svg;
}

/** A toggle or action button with an icon. */
export function iconButton(name, attributes) {
  return make('button', { type: 'button', ...attributes }, icon(name));
}

export class Palette {
  /**
   * @param {Element} root the `.fme` element
   * @param {{current: CurrentPhoto, state: object, looks: Looks, locks: Locks}} parts what the list shows
   *   and changes, with say(text) and assign(id): a class button was pressed
   */
  constructor(root, { current, state, looks, locks, say, assign }) {
    Object.assign(this, { current, state, looks, locks, assign });
    this.list = root.querySelector('.fme-classes');
    this.search = root.querySelector('.fme-find input');
    this.only = root.querySelector('[data-set=only]');
    this.filter = root.querySelector('[data-set=filter]');
    this.search.addEventListener('input', () => this.update());
    this.filter.addEventListener('change', () => this.update());
    this.only.addEventListener('change', () => {
      const only = Number(this.only.value);
      current.map.only = only;
      say(only < 0 ? 'Painting over every class.' : `Painting only over ${current.nameOf(only)}.`);
    });
    this.list.addEventListener('click', (event) => this.click(event));
    this.roving = new Roving(this.list);
  }

  load(classes) {
    this.rows = classes.map((entry, id) => this.row(entry, id));
    this.list.replaceChildren(...this.rows.map((row) => row.node));
    const choices = classes.map(({ name }, id) => make('option', { value: id }, name));
    this.only.replaceChildren(make('option', { value: -1 }, 'any class'), ...choices);
    this.search.value = '';
    this.filter.value = 'all';
    this.update();
    this.roving.load();
  }

  row(entry, id) {
    const { name } = entry;
    const swatch = make('i', { class: 'fme-swatch' });
    const area = make('span', { class: 'fme-area' });
    const label = make('span', { class: 'fme-name' }, name);
    const key = make('kbd', {}, keyName(id));
    const choose = make('button', { type: 'button', 'data-class': id }, swatch, label, area, key);
    const toggle = (kind, symbol, verb) => iconButton(symbol, {
      [`data-${kind}`]: id, title: `${verb} ${name}`, 'aria-label': `${verb} ${name}`,
    });
    const eye = toggle('see', 'eye', 'Hide');
    const solo = toggle('solo', 'solo', 'Show only');
    const lock = toggle('lock', 'lock', 'Lock');
    return { node: make('li', {}, choose, eye, solo, lock), entry, name, swatch, choose, area, eye, solo, lock };
  }

  click(event) {
    const button = event.target.closest('button');
    if (!button) return;
    const { dataset } = button;
    if (dataset.class) this.assign(Number(dataset.class));
    else if (dataset.see) this.looks.toggleHidden(Number(dataset.see));
    else if (dataset.solo) this.looks.toggleSolo(Number(dataset.solo));
    else if (dataset.lock) this.locks.toggle(Number(dataset.lock));
  }

  /** Show the state again: cheap, only text and attributes. */
  update() {
    const { state } = this;
    const { map } = this.current;
    if (!map || !this.rows) return;
    const wanted = this.search.value.trim().toLowerCase();
    this.rows.forEach((row, id) => {
      const area = map.areas[id];
      const listed = { all: true, present: area > 0, absent: area === 0 }[this.filter.value];
      row.node.hidden = !listed || !row.name.toLowerCase().includes(wanted);
      row.node.classList.toggle('absent', area === 0);
      row.node.classList.toggle('chosen', id === state.cls);
      row.swatch.style.background = `rgb(${colorOf(row.entry, state).map(Number).join(',')})`;
      row.area.textContent = area ? number.format(area) : 'absent';
      const changed = map.changedTo[id];
      row.choose.title = `${row.name}: ${number.format(area)} px, ${number.format(changed)} changed`;
      row.choose.setAttribute('aria-pressed', id === state.cls);
      row.eye.setAttribute('aria-pressed', state.hidden.has(id));
      row.solo.setAttribute('aria-pressed', state.solo === id);
      row.lock.setAttribute('aria-pressed', Boolean(map.locked[id]));
    });
    this.only.value = String(map.only);
    this.roving.settle();
  }

  /** Bring the chosen class into sight without moving the page. */
  reveal(id) {
    const { node } = this.rows[id];
    const box = this.list;
    if (node.offsetTop < box.scrollTop || node.offsetTop + node.offsetHeight > box.scrollTop + box.clientHeight) {
      box.scrollTop = node.offsetTop - box.clientHeight / 2;
    }
    if (box.scrollWidth > box.clientWidth) box.scrollLeft = node.offsetLeft + (node.offsetWidth - box.clientWidth) / 2;
  }
}
