// The photo that is open: its label map, its classes, and how much of the work on it is saved.
import { LabelMap } from './labelmap.mjs';
import { Session } from './session.mjs';

export class CurrentPhoto {
  constructor() {
    Object.assign(this, { value: null, photo: null, map: null, classes: [], revision: 0, savedRevision: 0 });
    this.session = new Session();
  }

  /** Open a parse. `start` are ids to begin with instead of the mask, and `earlier` is the draft they are from. */
  open({ value, photo, masks, start = null, earlier }) {
    const { w: width, h: height, classes } = value;
    const { labels, prediction } = masks;
    const { history } = earlier ?? {};
    Object.assign(this, { value, photo, classes, revision: start ? 1 : 0, savedRevision: 0 });
    this.map = new LabelMap(width, height, start || labels, { prediction, classes: classes.length, history });
    this.session = new Session(earlier);
  }

  close() {
    this.map = this.value = null;
  }

  get unsaved() {
    return Boolean(this.map) && this.revision !== this.savedRevision;
  }

  nameOf(id) {
    return this.classes[id]?.name ?? `class ${id}`;
  }

  /** A function that reads what a draft holds, also when another photo has opened since. */
  reader(walk) {
    const { map, session } = this;
    return () => {
      const { seconds, tools } = session;
      return { ...map.settled(), history: map.history, seconds, tools: { ...tools }, walk };
    };
  }
}
