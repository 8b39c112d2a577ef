// Which classes may change, and why a stroke changed nothing.

export class Locks {
  /**
   * @param {{current: CurrentPhoto, state: object, say: function(string), update: function()}} editor
   *   update shows the locks in the class list
   */
  constructor({ current, state, say, update }) {
    Object.assign(this, { current, state, say, update });
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
    const { current } = this;
    current.map.locked[id] ^= 1;
    this.say(`${current.nameOf(id)} is ${current.map.locked[id] ? 'locked' : 'unlocked'}.`);
    this.update();
  }

  /** Lock every class but the chosen one and background. */
  lockOthers() {
    const { current } = this;
    const { cls } = this.state;
    current.classes.forEach((_, id) => {
      current.map.locked[id] = Number(id !== 0 && id !== cls);
    });
    this.say(`Only ${current.nameOf(cls)} and background can change.`);
    this.update();
  }

  unlockAll() {
    this.current.map.locked.fill(0);
    this.say('Nothing is locked.');
    this.update();
  }

  /** Why the last step changed no pixel. */
  whyNothing() {
    const { current } = this;
    const { map } = current;
    if (map.barred >= 0) return `Nothing changed: ${current.nameOf(map.barred)} is locked.`;
    if (this.state.tool === 'reshape') return 'Nothing changed: begin and end the line on a border.';
    if (map.only >= 0) return `Nothing changed: you paint only over ${current.nameOf(map.only)}.`;
    return 'Nothing changed.';
  }
}
