// Moves the focus to the picture after the pointer was used elsewhere, so that keys act on it.

/** Keys work at once where a photo opens, unless something else in sight has the focus. */
export function takeFocus(canvas) {
  const held = document.activeElement;
  if (!held || held === document.body || !held.getClientRects().length) canvas.focus({ preventScroll: true });
}

/** A control that the pointer used gives the focus to the picture; a keyboard user stays where they are. */
export function handBack(app, root) {
  const sheet = root.querySelector('.fme-sheet');
  const toPicture = () => {
    if (app.map && !sheet.open) app.stage.canvas.focus({ preventScroll: true });
  };
  let pointed = false;
  root.addEventListener('pointerdown', () => { pointed = true; }, true);
  root.addEventListener('keydown', () => { pointed = false; }, true);
  root.addEventListener('click', (event) => {
    if (event.detail && event.target.closest('button')) toPicture();
  });
  root.addEventListener('change', (event) => {
    if (pointed && event.target.matches('input[type=range], select')) toPicture();
  });
}
