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
  constructor(app, root) {
    this.app = app;
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
    app.stage.marks.push((context) => {
      if (this.mark) context.drawImage(this.mark.canvas, this.mark.rect[0], this.mark.rect[1]);
    });
  }

  load(pairs) {
    this.mark = null;
    const options = pairs.map(([a, b]) => {
      const option = document.createElement('option');
      option.value = `${a},${b}`;
      option.textContent = `${this.app.nameOf(a)} and ${this.app.nameOf(b)}`;
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
    const { app, fields } = this;
    const atLeast = (field) => Math.max(1, Math.floor(Number(field.value)) || 1);
    const all = fields.scope.value === 'all';
    const present = app.classes.map((_, id) => id).filter((id) => app.map.areas[id] > 0);
    return {
      id: all ? null : app.state.cls,
      ids: all ? present : [app.state.cls],
      limit: atLeast(fields.limit),
      radius: Math.min(32, atLeast(fields.radius)),
      pair: fields.pair.value.split(',').map(Number),
    };
  }

  preview() {
    const { app } = this;
    this.cancel();
    if (app.map.step) return; // A stroke is being drawn.
    const kind = KINDS[this.fields.kind.value];
    const settings = this.settings();
    const before = app.map.data.slice();
    app.map.begin(kind.name(settings), 'cleanup');
    cleanup.apply(app.map, kind.run(app.map, settings));
    const indices = cleanup.differing(before, app.map.data);
    this.note.textContent = indices.length
      ? `${indices.length} px would change. Apply or cancel.` : 'Nothing to change.';
    if (!indices.length) app.map.cancel();
    else {
      const rect = bounds(indices, app.map.width);
      this.mark = highlight(indices, rect, { width: app.map.width, color: MAGENTA, outline: true });
    }
    app.stage.refresh(app.map.takeDirty());
    this.update();
  }

  apply() {
    if (!this.open) return;
    this.mark = null;
    this.note.textContent = '';
    this.app.committed(this.app.map.commit());
    this.app.stage.draw();
    this.update();
  }

  cancel() {
    if (!this.open) return;
    this.mark = null;
    this.note.textContent = '';
    this.app.map.cancel();
    this.app.stage.refresh(this.app.map.takeDirty());
    this.app.stage.draw();
    this.update();
  }

  update() {
    const kind = this.fields.kind.value;
    for (const row of this.panel.querySelectorAll('[data-for]')) {
      row.hidden = !row.dataset.for.split(' ').includes(kind);
    }
    this.app.button('clean-apply').disabled = !this.open;
    this.app.button('clean-cancel').disabled = !this.open;
  }
}
