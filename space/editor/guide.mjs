// Guided correction: walk the doubtful regions, accept the second guess, assign, confirm.
import { doubtfulRegions, LEVELS, reach } from './doubt.mjs';
import { highlight } from './layers.mjs';

const WHITE = 0xffffffff;

export class Guide {
  constructor(app, root) {
    this.app = app;
    this.progress = root.querySelector('.fme-progress');
    this.bar = root.querySelector('.fme-guide progress');
    this.question = root.querySelector('.fme-question');
    this.panel = root.querySelector('.fme-guide');
    this.reset();
    app.stage.marks.push((context) => this.draw(context));
  }

  reset() {
    Object.assign(this, { parse: null, regions: null, at: -1, active: null, mark: null });
    this.seen = new Set();
    this.decided = new Map();
  }

  /** @param {{width, height, labels, confidence, runnerUp}|null} parse null when there is no doubt map */
  load(parse, tail) {
    this.reset();
    Object.assign(this, { parse, tail });
    this.panel.hidden = !parse;
    this.update();
  }

  /** Found when first needed: the map is ready to edit before. */
  list() {
    if (!this.regions && this.parse) {
      this.regions = doubtfulRegions(this.parse, { tail: this.tail });
    }
    return this.regions || [];
  }

  get counts() {
    return { seen: this.seen.size, total: this.list().length };
  }

  /** Go to the next (1) or previous (-1) region, around the end. */
  jump(direction) {
    const regions = this.list();
    if (!regions.length) {
      this.app.say('No region is doubtful enough to look at.');
      return;
    }
    const start = this.at < 0 && direction < 0 ? 0 : this.at;
    this.at = (start + direction + regions.length) % regions.length;
    this.seen.add(this.at);
    this.activate(regions[this.at]);
    // The likely class is ready in the hand; painting by hand needs no key.
    this.app.choose(this.active.cls);
    this.app.stage.focus(this.active.rect);
  }

  activate(region) {
    this.active = region;
    const { map } = this.app;
    this.mark = region && region.indices.length
      ? highlight(region.indices, region.rect, { width: map.width, color: WHITE, outline: true })
      : null;
    this.update();
    this.app.stage.draw();
  }

  /** Leave the region without deciding. */
  leave() {
    if (this.active) this.activate(null);
  }

  /** Give the region its runner-up class. */
  accept() {
    if (this.active) this.decide(this.active.runnerUp, 'accept');
    else this.app.say('Press N to go to a doubtful region first.');
  }

  /** Give the region another class. */
  assign(id) {
    this.decide(id, 'assign');
  }

  decide(id, tool) {
    const { app, active } = this;
    const { map } = app;
    // What the person has painted there since stays as it is.
    const untouched = active.indices.filter((i) => map.data[i] === active.label);
    app.edit(`${tool} ${app.nameOf(id)}`, tool, () => map.paint(untouched, id));
    this.decided.set(this.at, id);
    this.activate(null);
  }

  /** The region is right as it is. */
  confirm() {
    if (!this.active) return;
    this.app.session.used('confirm');
    this.decided.set(this.at, this.active.label);
    this.activate(null);
    this.app.say('Confirmed. N goes on.');
  }

  /** Make the region reach further (1) or less far (-1) along the model's confidence. */
  stretch(direction) {
    if (!this.active) return;
    const level = Math.min(LEVELS.length - 1, Math.max(0, this.active.level + direction));
    this.activate(reach(this.parse, this.active, level));
  }

  draw(context) {
    if (!this.mark) return;
    const [x, y, w, h] = this.mark.rect;
    context.imageSmoothingEnabled = false;
    context.drawImage(this.mark.canvas, x, y);
    context.lineWidth = 1.5 / this.app.stage.view.scale;
    context.setLineDash([6 / this.app.stage.view.scale, 4 / this.app.stage.view.scale]);
    context.strokeStyle = '#fff';
    context.strokeRect(x - 2, y - 2, w + 4, h + 4);
    context.setLineDash([]);
  }

  update() {
    const { app } = this;
    if (!this.parse) return;
    const { seen, total } = this.counts;
    this.progress.textContent = total ? `${seen} of ${total} doubtful regions seen` : 'none';
    this.bar.max = total || 1;
    this.bar.value = seen;
    this.question.textContent = this.sentence(total);
    for (const name of ['accept', 'confirm', 'narrower', 'wider']) {
      app.button(name).disabled = !this.active;
    }
  }

  sentence(total) {
    const { app, active } = this;
    if (active) {
      return `Here it says ${app.nameOf(active.label)}. Is it ${app.nameOf(active.runnerUp)}?`;
    }
    const open = total - this.decided.size;
    return open > 0 ? 'N goes to the next one.' : 'Every doubtful region is decided.';
  }
}
