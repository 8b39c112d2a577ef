// The editor's state and what every button, key and pointer can ask of it.
import { apply, swapSides } from '../core/cleanup.mjs';
import { Cleaning } from './cleaning.mjs';
import { Drafts } from './draft.mjs';
import { Guide } from './guide.mjs';
import { CurrentPhoto } from '../core/current.mjs';
import { Locks } from './locks.mjs';
import { Looks } from './looks.mjs';
import { Messages } from './messages.mjs';
import { Palette } from './palette.mjs';
import { Saving } from './saving.mjs';
import { Stage } from './stage.mjs';
import { packMap } from '../core/wire.mjs';
import { LARGEST_BRUSH, nextState, startState } from '../core/state.mjs';
import { pixels, TOOLS } from './tools.mjs';

export class App {
  /** `root` is the `.fme` element, `send` triggers the component's event, `scope` is that of drafts. */
  constructor(root, send, scope) {
    this.root = root;
    this.state = startState();
    this.current = new CurrentPhoto();
    this.messages = new Messages(root);
    this.stage = new Stage(root.querySelector('.fme-view'));
    this.drafts = new Drafts(this.messages, scope);
    this.send = send;
    this.addClassList();
    this.addTools();
    this.next = () => send('following', {});
    this.onchange = () => {};
    this.abandonStroke = () => {};
    this.leaveStroke = () => {};
    this.isDrawing = this.isFingerDrawing = () => false;
  }

  // The class list and what it switches. Each part gets only what it uses.
  addClassList() {
    const { current, state, stage, root } = this;
    const say = (text) => this.say(text);
    const update = () => this.palette.update();
    this.looks = new Looks(state, {
      say,
      restyle: () => { stage.restyle(); update(); },
      changed: () => this.onchange(),
    });
    state.shows = (id) => this.looks.shows(id);
    this.locks = new Locks({ current, state, say, update });
    const { looks, locks } = this;
    this.palette = new Palette(root, { current, state, looks, locks, say, assign: (id) => this.assign(id) });
  }

  // Review, clean-up and saving.
  addTools() {
    const { current, state, stage, drafts, messages, root, send } = this;
    const leavePreview = () => this.leavePreview();
    this.guide = new Guide(root, {
      current,
      state,
      stage,
      leavePreview,
      say: (text) => this.say(text),
      choose: (id) => this.choose(id),
      edit: (name, tool, work) => this.edit(name, tool, work),
      touched: () => this.touched(),
      walked: () => this.walked(),
    });
    this.cleaning = new Cleaning(root, { current, state, stage, committed: (step) => this.committed(step) });
    this.saving = new Saving({
      current,
      drafts,
      messages,
      send,
      leavePreview,
      guide: this.guide,
      setState: (name) => this.setState(name),
      savedAt: (revision) => this.savedAt(revision),
      read: () => this.work(),
    });
  }

  get map() {
    return this.current.map;
  }

  get value() {
    return this.current.value;
  }

  get classes() {
    return this.current.classes;
  }

  get session() {
    return this.current.session;
  }

  get unsaved() {
    return this.current.unsaved;
  }

  nameOf(id) {
    return this.current.nameOf(id);
  }

  /** Open a parse. `start` are ids to begin with instead of the mask, from a draft. */
  open({ value, photo, masks, start = null, earlier }) {
    const { prediction, confidence, runnerUp } = masks;
    const { w: width, h: height } = value;
    this.leaveStroke();
    this.drafts.flush();
    this.current.open({ value, photo, masks, start, earlier });
    this.rgba = this.superpixelKey = null;
    this.locks.load(this.map, this.classes);
    Object.assign(this.state, nextState(this.state));
    this.drafts.begin({ id: value.id, value, photo: photo.blob }, earlier);
    this.stage.load({ map: this.map, photo, classes: this.classes, confidence, look: this.state });
    this.palette.load(this.classes);
    const doubt = confidence && runnerUp;
    this.guide.load(
      doubt ? { width, height, labels: prediction, confidence, runnerUp } : null,
      { tail: value.tail, walk: earlier?.walk },
    );
    this.cleaning.load(value.pairs);
    this.choose(Math.min(1, this.classes.length - 1));
    this.alert('');
    this.say(''); // The last message is about the previous photo.
    this.setState('ready');
    this.onchange();
  }

  /** No photo is open any more. */
  close() {
    this.current.close();
    this.stage.map = null;
  }

  /** The photo's bytes at the map's size; read once. */
  photoPixels() {
    this.rgba ||= pixels(this.current.photo, this.map.width, this.map.height);
    return this.rgba;
  }

  /** One named, undoable step, or null; nothing while a stroke is being drawn. */
  edit(name, tool, work) {
    this.leavePreview();
    return this.map.step ? null : this.committed(this.map.edit(name, tool, work));
  }

  /** A step ended (null: it changed nothing). */
  committed(step) {
    this.stage.refresh(this.map.takeDirty());
    if (!step) {
      this.say(this.locks.whyNothing());
      return null;
    }
    this.session.used(step.tool);
    this.say(step.name);
    this.guide.stepped(step);
    this.touched();
    return step;
  }

  touched() {
    this.current.revision++;
    this.session.active(performance.now());
    if (this.root.dataset.state !== 'saving') this.setState('ready');
    this.guide.update();
    this.drafts.keep(this.work());
    this.onchange();
  }

  /** The review advanced: a draft, if there is one, records it. */
  walked() {
    if (this.unsaved) this.drafts.renew(this.work());
  }

  // Reads what a draft holds, also when another photo has opened since.
  work() {
    return this.current.reader(this.guide.walk);
  }

  /** Left and right of the chosen class change places. */
  swapSides() {
    const pair = this.value.pairs.find((sides) => sides.includes(this.state.cls));
    if (!pair) {
      this.say(`${this.nameOf(this.state.cls)} has no other side.`);
      return;
    }
    const [left, right] = pair.map((id) => this.nameOf(id));
    this.edit(`swap ${left} and ${right}`, 'swap', (map) => apply(map, swapSides(map, { pair })));
  }

  undo() {
    if (this.state.path.length) this.dropCorner();
    else this.replay('undo', 'Nothing to undo.');
  }

  /** Take back the last corner of a polygon that is begun. */
  dropCorner() {
    const { path, tool } = this.state;
    if (tool !== 'polygon' || !path.pop()) return;
    this.say('undo: corner');
    this.stage.draw();
    this.onchange();
  }

  redo() {
    this.replay('redo', 'Nothing to redo.');
  }

  replay(direction, otherwise) {
    this.leavePreview();
    if (this.map.step || this.state.path.length) return; // A stroke or outline is being drawn.
    const step = this.map[direction]();
    if (!step) {
      this.say(otherwise);
      return;
    }
    this.stage.refresh(this.map.takeDirty());
    this.session.used(direction);
    this.say(`${direction}: ${step.name}`);
    this.guide.replayed(step, direction);
    this.touched();
  }

  /** A clean-up that is only shown is taken back before anything else is done. */
  leavePreview() {
    this.cleaning.cancel();
  }

  /** Leave whatever is begun. */
  escape() {
    this.abandonStroke();
    this.leavePreview();
    this.guide.leave();
    Object.assign(this.state, { path: [], cross: null });
    if (this.state.solo !== null) this.looks.toggleSolo(this.state.solo);
    this.stage.draw();
  }

  useTool(name) {
    if (this.isDrawing() && this.state.path.length) {
      this.say('Finish the lasso first.'); // The path belongs to the tool that began it.
      return;
    }
    this.leavePreview();
    Object.assign(this.state, { tool: name, path: [] });
    this.say(TOOLS[name].label);
    this.stage.draw();
    this.onchange();
  }

  /** Make a class the one that is painted. */
  choose(id) {
    if (!(id >= 0 && id < this.classes.length)) return;
    if (id !== this.state.cls) this.state.before = this.state.cls;
    this.state.cls = id;
    this.palette.update();
    this.palette.reveal(id);
    this.onchange();
  }

  /** A class key or button: it answers the region in question, or chooses the class. */
  assign(id) {
    if (!(id < this.classes.length)) return;
    if (this.guide.active) this.guide.assign(id);
    else this.choose(id);
  }

  resize(direction) {
    const { size } = this.state;
    const step = 1 + Math.floor(size / 8);
    this.look({ size: Math.min(LARGEST_BRUSH, Math.max(0, size + direction * step)) });
  }

  /** Change how things are shown. */
  look(change) {
    const { state } = this;
    const recolor = 'outline' in change && change.outline !== state.outline;
    Object.assign(state, change);
    if (this.map) {
      if (recolor) this.stage.restyle();
      else this.stage.draw();
    }
    this.onchange();
  }

  toggleHeat() {
    if (this.guide.parse) this.look({ heat: !this.state.heat });
    else this.say('This mask has no confidence map.');
  }

  toggleSplit() {
    this.look({ split: this.state.split === null ? 0.5 : null });
  }

  /** Zoom about the keyboard's cross, if there is one. */
  zoom(factor) {
    this.stage.zoomAbout(factor, this.state.cross);
  }

  actualSize() {
    this.stage.actualSize(this.state.cross);
  }

  save() {
    return this.saving.save();
  }

  /** Ask for a file of the mask as it is now, saved or not. */
  async download(kind) {
    this.leavePreview();
    this.say('Making the file …');
    const { width, height } = this.map;
    const { id } = this.value;
    const packed = await packMap(width, height, this.map.settled().ids);
    this.send('wanted', { kind, id, ...packed });
  }

  /** The server has the work as it was at `revision`. */
  savedAt(revision) {
    this.current.savedRevision = revision;
    if (!this.unsaved) this.drafts.end(this.drafts.sitting).then(() => this.offerDraft());
    this.onchange();
  }

  setState(name) {
    this.root.dataset.state = name;
    if (this.value) this.root.dataset.ready = this.value.id;
    this.button('save').disabled = name === 'saving' || !this.map;
    for (const part of this.root.querySelectorAll('.fme-bar, .fme-side, .fme-panel')) part.inert = !this.map;
  }

  button(act) {
    return this.root.querySelector(`[data-act="${act}"]`);
  }

  say(text) {
    this.messages.say(text);
  }

  get alerted() {
    return this.messages.alerted;
  }

  alert(text) {
    this.messages.alert(text);
  }

  help() {
    const sheet = this.root.querySelector('.fme-sheet');
    if (sheet.open) sheet.close();
    else sheet.showModal();
  }
}
