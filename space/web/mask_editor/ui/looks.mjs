// Which classes of the mask show, and in which colours.

export class Looks {
  constructor(app) {
    this.app = app;
  }

  shows(id) {
    const { solo, hidden } = this.app.state;
    return solo === null ? id !== 0 && !hidden.has(id) : id === solo;
  }

  toggleHidden(id) {
    const { hidden } = this.app.state;
    if (!hidden.delete(id)) hidden.add(id);
    this.restyle();
  }

  toggleSolo(id) {
    const { state } = this.app;
    state.solo = state.solo === id ? null : id;
    this.restyle();
  }

  /** Switch between the color-blind palette and the standard colors. */
  togglePalette() {
    const { app } = this;
    app.state.safely = !app.state.safely;
    this.restyle();
    app.say(app.state.safely ? 'Color-blind palette.' : 'Standard colors.');
    app.onchange();
  }

  restyle() {
    this.app.stage.restyle();
    this.app.palette.update();
  }
}
