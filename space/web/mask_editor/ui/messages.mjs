// The messages of the editor: a status line, an alert, and one question.

export class Messages {
  /** `root` is the `.fme` element. */
  constructor(root) {
    const part = (name) => root.querySelector(`.fme-${name}`);
    Object.assign(this, { line: part('message'), toast: part('toast'), box: part('alert'), question: part('ask') });
  }

  /** A short message in the status line; on a phone, where that is out of sight, on the picture too. */
  say(text) {
    this.line.textContent = text;
    this.toast.textContent = text;
    this.toast.animate([{ opacity: 1 }, { opacity: 1, offset: 0.8 }, { opacity: 0 }], { duration: 5000, fill: 'forwards' });
  }

  get alerted() {
    return this.box.textContent;
  }

  /** An important message; empty text clears it. */
  alert(text) {
    this.box.textContent = text;
    this.box.hidden = !text;
  }

  /** Show or close the question before a mask without a change is saved. */
  ask(open) {
    if (open) this.question.showModal();
    else this.question.close();
  }
}
