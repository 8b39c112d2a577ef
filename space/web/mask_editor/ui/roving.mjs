// One tab stop for many buttons, with arrow keys between them, as ARIA asks of a toolbar.

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const clamp = (value, length) => Math.min(length - 1, Math.max(0, value));

export class Roving {
  /** @param {HTMLElement} box a list, of which each item is a row of buttons, or one row */
  constructor(box) {
    this.box = box;
    this.stop = null;
    box.addEventListener('focusin', ({ target }) => this.moveStop(target));
    box.addEventListener('keydown', (event) => this.move(event));
  }

  /** The buttons were replaced. */
  load() {
    for (const button of this.box.querySelectorAll('button')) button.tabIndex = -1;
    this.stop = null;
    this.settle();
  }

  /** Buttons were hidden, shown, enabled or disabled: the stop must be one that takes the focus. */
  settle() {
    if (!this.stop || !this.takesFocus(this.stop)) this.moveStop(this.rows().flat()[0]);
  }

  takesFocus(button) {
    const hidden = this.box.getClientRects().length ? !button.getClientRects().length : button.closest('[hidden]');
    return !button.disabled && !hidden;
  }

  rows() {
    const lines = this.box.matches('ul') ? [...this.box.children] : [this.box];
    return lines
      .map((line) => [...line.querySelectorAll('button')].filter((button) => this.takesFocus(button)))
      .filter((row) => row.length);
  }

  moveStop(button) {
    if (this.stop) this.stop.tabIndex = -1;
    this.stop = button || null;
    if (button) button.tabIndex = 0;
  }

  move(event) {
    const step = STEPS[event.key];
    const rows = this.rows();
    const at = rows.findIndex((row) => row.includes(event.target));
    if (!step || at < 0) return;
    const row = rows[clamp(at + step[1], rows.length)];
    row[clamp(rows[at].indexOf(event.target) + step[0], row.length)].focus();
    event.preventDefault();
  }
}
