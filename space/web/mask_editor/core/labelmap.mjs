// The one exact label map: who may change which pixel, named steps, undo and redo. No DOM.
import { TILE, decodeRuns, encodeRuns, recent, sameBytes, tileRect } from './journal.mjs';

/** Paint value that brings back what the model predicted. */
export const RESTORE = -1;
/** How many named steps undo can take back. */
export const HISTORY = 200;
// Tiles of undo, and of redo, that are worth keeping beyond the page: a stroke has some ten at most,
// so that writing a draft stays a matter of milliseconds.
const KEPT = 2000;

export class LabelMap {
  /**
   * @param {number} width pixels
   * @param {number} height pixels
   * @param {Uint8Array} data class ids, row-major, width * height of them; owned by the map
   * @param {{prediction?: Uint8Array, classes?: number, history?: {done: object[], undone: object[]}}} options
   *   prediction: what RESTORE brings back; history: of another map, that led to this `data`
   */
  constructor(width, height, data, { prediction = data.slice(), classes = 256, history } = {}) {
    for (const [name, ids] of [['label map', data], ['prediction', prediction]]) {
      if (ids.length !== width * height) {
        throw new RangeError(`${name} holds ${ids.length} ids, expected ${width} x ${height}`);
      }
    }
    Object.assign(this, { width, height, data, prediction, classes });
    this.locked = new Uint8Array(256);
    this.only = -1;
    this.barred = -1;
    this.done = [...history?.done ?? []];
    this.undone = [...history?.undone ?? []];
    this.step = null;
    this.tilesAcross = Math.ceil(width / TILE);
    this.count();
    this.takeDirty();
  }

  /** Recount areas and changes; afterwards every write keeps them current. */
  count() {
    this.areas = new Int32Array(256);
    this.changedTo = new Int32Array(256);
    this.changed = 0;
    const { data, prediction, classes } = this;
    for (let i = 0; i < data.length; i++) {
      if (data[i] >= classes || prediction[i] >= classes) {
        throw new RangeError(`class id ${Math.max(data[i], prediction[i])} is not below ${classes}`);
      }
      this.areas[data[i]]++;
      if (data[i] !== prediction[i]) {
        this.changedTo[data[i]]++;
        this.changed++;
      }
    }
  }

  /** The rectangle [x, y, w, h] written since the last call, or null. */
  takeDirty() {
    const { left, top, right, bottom } = this;
    this.left = this.width;
    this.top = this.height;
    this.right = this.bottom = -1;
    return right >= left ? [left, top, right - left + 1, bottom - top + 1] : null;
  }

  /** May the pixel change from one id to another? Locks and "only over" are enforced here alone. */
  allows(from, to) {
    return !this.locked[from] && !this.locked[to] && (this.only < 0 || from === this.only);
  }

  /** Paint one pixel inside an open step; `value` is a class id or RESTORE. */
  put(x, y, value) {
    const i = y * this.width + x;
    const from = this.data[i];
    const to = value === RESTORE ? this.prediction[i] : value;
    if (from === to) return;
    if (this.allows(from, to)) this.write(i, x, y, to);
    else this.bar(from, to);
  }

  /** Remember the locked class that kept a pixel of this step as it was. */
  bar(from, to) {
    if (this.locked[to]) this.barred = to;
    else if (this.locked[from]) this.barred = from;
  }

  /** Paint the pixels x0..x1 of row y, clipped to the map. */
  span(y, x0, x1, value) {
    if (y < 0 || y >= this.height) return;
    const end = Math.min(this.width - 1, x1);
    for (let x = Math.max(0, x0); x <= end; x++) this.put(x, y, value);
  }

  /** Paint pixels by index; `value` is an id, RESTORE, or a function of the index. */
  paint(indices, value) {
    const { width } = this;
    const valueAt = typeof value === 'function' ? value : () => value;
    for (const i of indices) this.put(i % width, (i / width) | 0, valueAt(i));
  }

  /** Paint runs of rows, flat pairs of the first and the last pixel index. */
  paintRuns(runs, value) {
    for (let k = 0; k < runs.size; k += 2) {
      const y = (runs.at(k) / this.width) | 0;
      this.span(y, runs.at(k) - y * this.width, runs.at(k + 1) - y * this.width, value);
    }
  }

  write(i, x, y, to) {
    const { data, prediction } = this;
    const from = data[i];
    const was = prediction[i];
    this.keep(x, y);
    data[i] = to;
    this.areas[from]--;
    this.areas[to]++;
    if (from !== was) {
      this.changedTo[from]--;
      this.changed--;
    }
    if (to !== was) {
      this.changedTo[to]++;
      this.changed++;
    }
    if (x < this.left) this.left = x;
    if (x > this.right) this.right = x;
    if (y < this.top) this.top = y;
    if (y > this.bottom) this.bottom = y;
  }

  /** Copy the pixel's tile before its first change in this step. */
  keep(x, y) {
    const tile = ((y / TILE) | 0) * this.tilesAcross + ((x / TILE) | 0);
    const { step } = this;
    // Neighbors are painted one after another: most pixels are in the same tile as the one before.
    if (tile === step.tile) return;
    step.tile = tile;
    if (!step.kept.has(tile)) step.kept.set(tile, this.readTile(tile));
  }

  readTile(tile) {
    const [x, y, w, h] = tileRect(tile, this);
    const bytes = new Uint8Array(w * h);
    for (let row = 0; row < h; row++) {
      const start = (y + row) * this.width + x;
      bytes.set(this.data.subarray(start, start + w), row * w);
    }
    return bytes;
  }

  /** Visit a tile's pixels: index in the map, index in the tile, column, row. */
  eachOf(tile, visit) {
    const [x, y, w, h] = tileRect(tile, this);
    for (let k = 0; k < w * h; k++) {
      const column = x + (k % w);
      const row = y + ((k / w) | 0);
      visit(row * this.width + column, k, column, row);
    }
  }

  /** Write a tile back, keeping the counts; locks do not apply to undo and redo. */
  writeTile(tile, bytes) {
    this.eachOf(tile, (i, k, column, row) => {
      if (this.data[i] !== bytes[k]) this.write(i, column, row, bytes[k]);
    });
  }

  /** Open a step; everything painted until `commit` is undone together. */
  begin(name, tool = name) {
    if (this.step) throw new Error(`step "${this.step.name}" is still open`);
    this.step = { name, tool, kept: new Map(), tile: -1 };
    this.barred = -1;
  }

  /** Close the step; returns it, or null when nothing changed. */
  commit() {
    const step = this.step;
    this.step = null;
    if (!step) return null;
    const tiles = [];
    for (const [tile, before] of step.kept) {
      const after = this.readTile(tile);
      if (sameBytes(before, after)) continue;
      tiles.push({ tile, before: encodeRuns(before), after: encodeRuns(after) });
    }
    if (!tiles.length) return null;
    const entry = { name: step.name, tool: step.tool, tiles };
    this.done.push(entry);
    if (this.done.length > HISTORY) this.done.shift();
    this.undone.length = 0;
    return entry;
  }

  /** A copy of the ids without what an open step painted, and how many differ from the prediction. */
  settled() {
    const { prediction, step } = this;
    const ids = this.data.slice();
    let { changed } = this;
    for (const [tile, before] of step ? step.kept : []) {
      this.eachOf(tile, (i, k) => {
        changed += (before[k] !== prediction[i]) - (ids[i] !== prediction[i]);
        ids[i] = before[k];
      });
    }
    return { ids, changed };
  }

  /** The newest steps, for a map that continues from the settled ids. */
  get history() {
    return { done: recent(this.done, KEPT), undone: recent(this.undone, KEPT) };
  }

  /** Close the step and take back what it painted. */
  cancel() {
    const step = this.step;
    if (!step) return;
    for (const [tile, before] of [...step.kept]) this.writeTile(tile, before);
    this.step = null;
  }

  /** Open, run, commit: one named step. Rolls back when `work` throws. */
  edit(name, tool, work) {
    this.begin(name, tool);
    try {
      work(this);
    } catch (error) {
      this.cancel();
      throw error;
    }
    return this.commit();
  }

  /** Take back the last step; returns it, or null. */
  undo() {
    return this.replay(this.done, this.undone, 'before');
  }

  /** Do the last undone step again; returns it, or null. */
  redo() {
    return this.replay(this.undone, this.done, 'after');
  }

  replay(from, to, side) {
    if (this.step) throw new Error(`step "${this.step.name}" is still open`);
    const entry = from.pop();
    if (!entry) return null;
    this.step = { name: entry.name, kept: new Map(), tile: -1 };
    for (const change of entry.tiles) this.writeTile(change.tile, decodeRuns(change[side]));
    this.step = null;
    to.push(entry);
    return entry;
  }
}
