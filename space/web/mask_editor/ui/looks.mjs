// Which classes of the mask show, and in which colors.

export class Looks {
  /**
   * @param {object} state the editor's state
   * @param {{say: function(string), restyle: function(), changed: function()}} page restyle draws the
   *   mask and the class list again, changed updates the buttons
   */
  constructor(state, { say, restyle, changed }) {
    Object.assign(this, { state, say, restyle, changed });
  }

  shows(id) {
    const { solo, hidden } = this.state;
    return solo === null ? id !== 0 && !hidden.has(id) : id === solo;
  }

  toggleHidden(id) {
    const { hidden } = this.state;
    if (!hidden.delete(id)) hidden.add(id);
    this.restyle();
  }

  toggleSolo(id) {
    const { state } = this;
    state.solo = state.solo === id ? null : id;
    this.restyle();
  }

  /** Switch between the color-blind palette and the standard colors. */
  togglePalette() {
    const { state } = this;
    state.safely = !state.safely;
    this.restyle();
    this.say(state.safely ? 'Color-blind palette.' : 'Standard colors.');
    this.changed();
  }
}
