// The clean-up panel: each clean-up is painted as an open step first, then applied or taken back.
import * as cleanup from '../core/cleanup.mjs';
import { bounds } from '../core/regions.mjs';
import { highlight } from './layers.mjs';

const MAGENTA = 0xffff00ff;

// kind -> step name and outcome; `settings` are the panel's fields.
const KINDS = {
  islands: {
    name: ({ limit }) => `remove islands under ${limit} px`,
    run: (map, { id, limit }) => cleanup.removeIslands(map, { id, limit }),
  },
  holes: {
    name: ({ limit }) => `fill holes under ${limit} px`,
    run: (map, { ids, limit }) => cleanup.fillHoles(map, { ids, limit }),
  },
  smooth: {
    name: ({ radius }) => `smooth contour, radius ${radius}`,
    run: (map, { ids, radius }) => cleanup.smoothContours(map, { ids, radius }),
  },
  swap: {
    name: () => 'swap left and right',
    run: (map, { pair }) => cleanup.swapSides(map, { pair }),
  },
};

export class Cleaning {
  /**
   * @param {Element} root the `.fme` element
   * @param {{current: CurrentPhoto, state: object, stage: Stage, committed: function(object)}} editor
   *   committed takes the step of a clean-up that was applied
   */
  constructor(root, { current, state, stage, committed }) {
    Object.assign(this, { current, state, stage, committed });
    this.button = (act) => root.querySelector(`[data-act="${act}"]`);
    this.panel = root.querySelector('.fme-clean');
    this.note = root.querySelector('.fme-clean-note');
    this.fields = Object.fromEntries(['kind', 'scope', 'pair', 'limit', 'radius'].map(
      (name) => [name, root.querySelector(`[data-clean=${name}]`)],
    ));
    this.mark = null;
    this.panel.addEventListener('change', () => {
      this.cancel();
      this.update();
    });
    stage.marks.push((context) => {
      if (this.mark) context.drawImage(this.mark.canvas, this.mark.rect[0], this.mark.rect[1]);
    });
  }

  load(pairs) {
    this.mark = null;
    const options = pairs.map(([a, b]) => {
      const option = document.createElement('option');
      option.value = `${a},${b}`;
      option.textContent = `${this.current.nameOf(a)} and ${this.current.nameOf(b)}`;
      return option;
    });
    this.fields.pair.replaceChildren(...options);
    this.note.textContent = '';
    this.update();
  }

  get open() {
    return Boolean(this.mark);
  }

  settings() {
    const { current, fields, state } = this;
    const atLeast = (field) => Math.max(1, Math.floor(Number(field.value)) || 1);
    const all = fields.scope.value === 'all';
    const present = current.classes.map((_, id) => id).filter((id) => current.map.areas[id] > 0);
    return {
      id: all ? null : state.cls,
      ids: all ? present : [state.cls],
      limit: atLeast(fields.limit),
      radius: Math.min(32, atLeast(fields.radius)),
      pair: fields.pair.value.split(',').map(Number),
    };
  }

  preview() {
    const { map } = this.current;
    this.cancel();
    if (map.step) return; // A stroke is being drawn.
    const kind = KINDS[this.fields.kind.value];
    const settings = this.settings();
    const before = map.data.slice();
    map.begin(kind.name(settings), 'cleanup');
    cleanup.apply(map, kind.run(map, settings));
    const indices = cleanup.differing(before, map.data);
    this.note.textContent = indices.length
      ? `${indices.length} px would change. Apply or cancel.` : 'Nothing to change.';
    if (!indices.length) map.cancel();
    else {
      const rect = bounds(indices, map.width);
      this.mark = highlight(indices, rect, { width: map.width, color: MAGENTA, outline: true });
    }
    this.stage.refresh(map.takeDirty());
    this.update();
  }

  apply() {
    if (!this.open) return;
    this.mark = null;
    this.note.textContent = '';
    this.committed(this.current.map.commit());
    this.stage.draw();
    this.update();
  }

  cancel() {
    if (!this.open) return;
    this.mark = null;
    this.note.textContent = '';
    this.current.map.cancel();
    this.stage.refresh(this.current.map.takeDirty());
    this.stage.draw();
    this.update();
  }

  update() {
    const kind = this.fields.kind.value;
    for (const row of this.panel.querySelectorAll('[data-for]')) {
      row.hidden = !row.dataset.for.split(' ').includes(kind);
    }
    this.button('clean-apply').disabled = !this.open;
    this.button('clean-cancel').disabled = !this.open;
  }
}
