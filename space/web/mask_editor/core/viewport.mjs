// The view of the map on the screen: scale and shift, zoom to a point, fit. No DOM; lengths in CSS pixels.

export const SMALLEST = 0.02;
export const LARGEST = 64;

const clampScale = (scale) => Math.min(LARGEST, Math.max(SMALLEST, scale));

/** A view that shows all of a map in a box, centered, with a small margin. */
export function fit({ width, height }, box, margin = 8) {
  const scale = clampScale(Math.min(
    (box.width - 2 * margin) / width,
    (box.height - 2 * margin) / height,
  ));
  return centered({ width, height }, box, { scale, center: [width / 2, height / 2] });
}

/** A view of `scale` with the map's point `center` in the middle of the box. */
export function centered(_map, box, { scale, center }) {
  const s = clampScale(scale);
  return { scale: s, x: box.width / 2 - center[0] * s, y: box.height / 2 - center[1] * s };
}

/** Zoom by `factor`, leaving the map's point under (px, py) where it is. */
export function zoomAt(view, factor, [px, py]) {
  const scale = clampScale(view.scale * factor);
  const ratio = scale / view.scale;
  return { scale, x: px - (px - view.x) * ratio, y: py - (py - view.y) * ratio };
}

/** The pixel under a point of the box. */
export const toPixel = (view, [px, py]) => [
  Math.floor((px - view.x) / view.scale),
  Math.floor((py - view.y) / view.scale),
];

/** The point of the box over a pixel's center. */
export const toPoint = (view, [x, y]) => [
  view.x + (x + 0.5) * view.scale,
  view.y + (y + 0.5) * view.scale,
];

/** A view that shows a rectangle with room around it, never closer than `closest`. */
export function focus(map, box, [x, y, w, h], closest = 12) {
  const room = 3;
  const wanted = Math.min(closest, box.width / (w * room), box.height / (h * room));
  const scale = Math.max(wanted, fit(map, box).scale);
  const view = centered(map, box, { scale, center: [x + w / 2, y + h / 2] });
  return { scale, x: settle(view.x, map.width * scale, box.width), y: settle(view.y, map.height * scale, box.height) };
}

// Nearer to the side than this, the view goes along with a point, CSS pixels.
const NEAR_SIDE = 48;

/** The view shifted as far as the map's pixel `point` needs to be well in sight. */
export function follow(view, map, box, point) {
  const [px, py] = toPoint(view, point);
  return {
    scale: view.scale,
    x: along(view.x, px, { length: map.width * view.scale, room: box.width }),
    y: along(view.y, py, { length: map.height * view.scale, room: box.height }),
  };
}

function along(shift, at, { length, room }) {
  const near = Math.min(NEAR_SIDE, room / 4);
  const wanted = Math.min(room - near, Math.max(near, at));
  return wanted === at ? shift : settle(shift + wanted - at, length, room);
}

// No empty room beside the map where the map could fill it; centered where it can't.
function settle(shift, length, room) {
  if (length <= room) return (room - length) / 2;
  return Math.min(0, Math.max(room - length, shift));
}

/** The part of a map that the box shows, as whole pixels [x, y, w, h]; null when it shows none. */
export function visible(view, { width, height }, box) {
  const left = Math.max(0, Math.floor(-view.x / view.scale));
  const top = Math.max(0, Math.floor(-view.y / view.scale));
  const right = Math.min(width, Math.ceil((box.width - view.x) / view.scale));
  const bottom = Math.min(height, Math.ceil((box.height - view.y) / view.scale));
  return right > left && bottom > top ? [left, top, right - left, bottom - top] : null;
}

/** Does one rectangle [x, y, w, h] hold all of another? */
export const holds = ([x, y, w, h], [left, top, across, down]) => (
  left >= x && top >= y && left + across <= x + w && top + down <= y + h
);
