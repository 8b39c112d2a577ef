// Which classes may change, and why a stroke changed nothing.

export class Locks {
  constructor(app) {
    this.app = app;
    this.names = null;
    this.locked = null;
  }

  /** A photo opened: what was locked stays so if its classes are those of the photo before. */
  load(map, classes) {
    const names = JSON.stringify(classes.map(({ name }) => name));
    if (names === this.names) map.locked.set(this.locked);
    Object.assign(this, { names, locked: map.locked });
  }

  toggle(id) {
    const { app } = this;
    app.map.locked[id] ^= 1;
    app.say(`${app.nameOf(id)} is ${app.map.locked[id] ? 'locked' : 'unlocked'}.`);
    app.palette.update();
  }

  /** Lock every class but the chosen one and background. */
  lockOthers() {
    const { app } = this;
    const { cls } = app.state;
    app.classes.forEach((_, id) => {
      app.map.locked[id] = Number(id !== 0 && id !== cls);
    });
    app.say(`Only ${app.nameOf(cls)} and background can change.`);
    app.palette.update();
  }

  unlockAll() {
    const { app } = this;
    app.map.locked.fill(0);
    app.say('Nothing is locked.');
    app.palette.update();
  }

  /** Why the last step changed no pixel. */
  whyNothing() {
    const { app } = this;
    const { map } = app;
    if (map.barred >= 0) return `Nothing changed: ${app.nameOf(map.barred)} is locked.`;
    if (app.state.tool === 'reshape') return 'Nothing changed: begin and end the line on a border.';
    if (map.only >= 0) return `Nothing changed: you paint only over ${app.nameOf(map.only)}.`;
    return 'Nothing changed.';
  }
}
