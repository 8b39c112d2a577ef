// What a save sends besides the map: editing seconds, tools used, changed pixels a class. No DOM.
import { packMap } from './wire.mjs';

// A pause longer than this is not editing.
const IDLE = 30_000;

/** Counts active time and committed steps of one editing session. */
export class Session {
  /** @param {{seconds?: number, tools?: Object<string, number>}} earlier from a draft */
  constructor({ seconds = 0, tools = {} } = {}) {
    this.milliseconds = seconds * 1000;
    this.tools = { ...tools };
    this.last = null;
  }

  /** Something was done at `now` (milliseconds of any steady clock). */
  active(now) {
    if (this.last !== null) {
      const gap = now - this.last;
      if (gap > 0 && gap <= IDLE) this.milliseconds += gap;
    }
    this.last = now;
  }

  /** The person left: the time until they are back does not count. */
  pause() {
    this.last = null;
  }

  used(tool) {
    this.tools[tool] = (this.tools[tool] || 0) + 1;
  }

  get seconds() {
    return Math.round(this.milliseconds / 100) / 10;
  }
}

/** Pixels that differ from the prediction, by the name of the class they are now. */
export function changedByName(map, names) {
  const changed = {};
  names.forEach((name, id) => {
    if (map.changedTo[id]) changed[name] = map.changedTo[id];
  });
  return changed;
}

/** The payload of one save. */
export async function savePayload({ map, session, names, id, token, doubt }) {
  // Packing takes a while and painting may continue: all values are of this instant.
  const ids = map.data.slice();
  const claims = {
    seconds: session.seconds,
    tools: { ...session.tools },
    changed: changedByName(map, names),
    changed_pixels: map.changed,
  };
  return { id, token, ...(await packMap(map.width, map.height, ids)), ...claims, doubt };
}
