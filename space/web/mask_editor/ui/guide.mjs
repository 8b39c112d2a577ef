// Review of the uncertain regions: go through them, take the second guess, assign a class, confirm.
import { isOpen, LEVELS, reach, searchDoubt } from '../core/doubt.mjs';
import { progressText, questionText } from '../core/review_text.mjs';
import { highlight } from './layers.mjs';

const WHITE = 0xffffffff;
// Milliseconds of one slice of the search, which runs while the page is idle.
const SLICE = 8;
// CSS pixels from which a region is large enough on the screen.
const LEGIBLE = 48;

const whenIdle = (work) => (window.requestIdleCallback || ((run) => setTimeout(run, 30)))(work);

export class Guide {
  /**
   * @param {Element} root the `.fme` element
   * @param {{current: CurrentPhoto, state: object, stage: Stage}} parts with the actions of the editor:
   *   say(text), choose(id), edit(name, tool, work), leavePreview(), touched() after an answer, and
   *   walked() after a move to another region
   */
  constructor(root, parts) {
    Object.assign(this, parts);
    this.button = (act) => root.querySelector(`[data-act="${act}"]`);
    this.progress = root.querySelector('.fme-progress');
    this.bar = root.querySelector('.fme-guide progress');
    this.question = root.querySelector('.fme-question');
    this.panel = root.querySelector('.fme-guide');
    this.reset();
    this.stage.marks.push((context) => this.draw(context));
  }

  reset() {
    Object.assign(this, { parse: null, search: null, regions: null, upcoming: -1, at: -1, active: null, mark: null });
    this.seen = new Set();
    this.decided = new Set();
  }

  /**
   * @param {{width, height, labels, confidence, runnerUp}|null} parse null without a confidence map
   * @param {{tail: number[], walk?: object}} options walk: progress of the review, from a draft
   */
  load(parse, { tail, walk }) {
    this.reset();
    this.parse = parse;
    if (walk) Object.assign(this, { at: walk.at, seen: new Set(walk.seen), decided: new Set(walk.decided) });
    this.panel.hidden = !parse;
    this.search = parse && searchDoubt(parse, { tail });
    if (this.search) this.lookOn(this.search);
    this.update();
  }

  // Searches while the page is idle, so that a large photo can be edited before.
  lookOn(search) {
    whenIdle(() => {
      if (this.search !== search || this.regions) return;
      const until = performance.now() + SLICE;
      while (!this.regions && performance.now() < until) this.look();
      if (!this.regions) {
        this.lookOn(search);
        return;
      }
      this.update();
      this.stage.draw();
    });
  }

  look() {
    const { done, value } = this.search.next();
    if (done) this.regions = value;
  }

  /** All regions; finishes the search first. */
  list() {
    while (this.parse && !this.regions) this.look();
    return this.regions || [];
  }

  /** Progress of the review, for a draft. */
  get walk() {
    // A region that is still a question is asked again.
    const pending = this.isPending ? this.at : -1;
    return {
      at: pending < 0 ? this.at : pending - 1,
      seen: [...this.seen].filter((at) => at !== pending),
      decided: [...this.decided],
    };
  }

  /** Is a region in question that has no answer yet? */
  get isPending() {
    return Boolean(this.active) && !this.decided.has(this.at);
  }

  get counts() {
    return { seen: this.seen.size, total: this.list().length };
  }

  /** Go to the next open region (1), or back to any region (-1), around the end. */
  jump(direction) {
    this.leavePreview();
    const regions = this.list();
    // Mostly painted over since: nothing to review.
    regions.forEach((region, at) => {
      if (!isOpen(region, this.current.map)) this.seen.add(at);
    });
    const next = this.after(this.at, direction);
    if (next < 0) {
      this.activate(null);
      this.say(this.question.textContent);
      return;
    }
    this.at = next;
    this.seen.add(next);
    this.activate(regions[next]);
    // The likely class is selected, so that painting by hand needs no class key.
    this.choose(this.active.cls);
    if (!this.stage.isLegible(this.active.rect, LEGIBLE)) this.stage.focus(this.active.rect);
    this.walked();
  }

  // Index of the region to go to; -1 when none is left.
  after(from, direction) {
    const { regions } = this;
    const start = from < 0 && direction < 0 ? 0 : from;
    for (let k = 1; k <= regions.length; k++) {
      const at = (start + direction * k + k * regions.length) % regions.length;
      if (direction < 0 || (!this.decided.has(at) && isOpen(regions[at], this.current.map))) return at;
    }
    return -1;
  }

  activate(region) {
    this.active = region;
    const { map } = this.current;
    this.mark = region && region.indices.length
      ? highlight(region.indices, region.rect, { width: map.width, color: WHITE, outline: true })
      : null;
    this.update();
    this.stage.draw();
  }

  /** Leave the region without deciding. */
  leave() {
    if (this.active) this.activate(null);
  }

  /** Give the region its runner-up class. */
  accept() {
    if (this.active) this.decide(this.active.runnerUp, 'accept');
    else this.say('Press Next (N) to go to a region first.');
  }

  /** Give the region another class. */
  assign(id) {
    this.decide(id, 'assign');
  }

  decide(id, tool) {
    const { active } = this;
    const { map } = this.current;
    if (id === active.label) {
      this.confirm();
      return;
    }
    // What was painted there since stays as it is.
    const untouched = active.indices.filter((i) => map.data[i] === active.label);
    const step = this.edit(`${tool} ${this.current.nameOf(id)}`, tool, () => map.paint(untouched, id));
    if (step) this.jump(1);
  }

  /** The label of the region is right. */
  confirm() {
    if (!this.active) return;
    this.current.session.used('confirm');
    this.decided.add(this.at);
    this.activate(null);
    this.say('Confirmed.');
    this.touched();
    this.jump(1);
  }

  /** A step ends the question, so that class keys choose again; a step inside the region answers it. */
  stepped(step) {
    if (!this.active) return;
    const { data } = this.current.map;
    const { indices, label } = this.active;
    if (indices.some((i) => data[i] !== label)) {
      this.decided.add(this.at);
      step.answered = this.at; // Undo asks again, also after a reload.
    }
    this.activate(null);
  }

  /** An answer that was undone is asked again, first of all. */
  replayed(step, direction) {
    const at = step.answered;
    if (at === undefined) return;
    if (direction === 'undo') this.decided.delete(at);
    else this.decided.add(at);
    this.at = direction === 'undo' ? at - 1 : at;
    this.leave();
  }

  /** Make the region larger (1) or smaller (-1) along the model's confidence. */
  stretch(direction) {
    if (!this.active) return;
    const level = Math.min(LEVELS.length - 1, Math.max(0, this.active.level + direction));
    this.activate(reach(this.parse, this.active, level));
  }

  /** The region in question, or faintly the one that Next goes to. */
  draw(context) {
    const { mark } = this;
    const rect = mark ? mark.rect : this.regions?.[this.upcoming]?.rect;
    if (!rect || this.state.hold === 'photo') return;
    const [x, y, w, h] = rect;
    context.imageSmoothingEnabled = false;
    if (mark) context.drawImage(mark.canvas, x, y);
    const unit = 1 / this.stage.view.scale;
    context.globalAlpha = mark ? 1 : 0.6;
    context.lineWidth = 1.5 * unit;
    context.setLineDash([6 * unit, 4 * unit]);
    context.strokeStyle = '#fff';
    context.strokeRect(x - 2, y - 2, w + 4, h + 4);
    context.setLineDash([]);
    context.globalAlpha = 1;
  }

  update() {
    if (!this.parse) return;
    for (const name of ['accept', 'confirm', 'narrower', 'wider']) {
      this.button(name).disabled = !this.active;
    }
    if (!this.regions) {
      this.progress.textContent = 'searching …';
      this.question.textContent = '';
      return;
    }
    const { upcoming } = this;
    this.upcoming = this.after(this.at, 1);
    if (this.upcoming !== upcoming) this.stage.draw(); // The faint frame moves.
    const { total } = this.counts;
    const reviewed = this.seen.size - (this.isPending ? 1 : 0);
    this.progress.textContent = progressText({ reviewed, total });
    this.bar.max = total || 1;
    this.bar.value = reviewed;
    const names = this.active && [this.active.label, this.active.runnerUp].map((id) => this.current.nameOf(id));
    const open = this.upcoming >= 0;
    this.question.textContent = questionText({ names, total, reviewed, open });
  }
}
