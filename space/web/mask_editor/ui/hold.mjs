// Buttons on the picture that show the photo or the prediction as long as they are held: C and P for fingers.

const KEYS = ['Enter', ' '];

export function bindHolds(app, root) {
  for (const button of root.querySelectorAll('[data-hold]')) bind(app, button);
}

function bind(app, button) {
  const { hold } = button.dataset;
  const show = (held) => {
    if (held ? app.map : app.state.hold === hold) app.look({ hold: held ? hold : null });
  };
  const on = (type, work) => button.addEventListener(type, work);
  on('pointerdown', (event) => {
    button.setPointerCapture(event.pointerId); // A finger that slides off still holds.
    show(true);
  });
  for (const type of ['pointerup', 'pointercancel', 'lostpointercapture']) on(type, () => show(false));
  // The focus would move and end the hold; a long press would open a menu.
  for (const type of ['mousedown', 'contextmenu']) on(type, (event) => event.preventDefault());
  for (const type of ['keydown', 'keyup']) {
    on(type, (event) => {
      if (!KEYS.includes(event.key)) return;
      event.preventDefault(); // Else a click follows.
      show(type === 'keydown');
    });
  }
  // Assistive tools that can't hold send clicks only: the next click ends it.
  on('click', (event) => {
    if (!event.detail) show(app.state.hold !== hold);
  });
}
