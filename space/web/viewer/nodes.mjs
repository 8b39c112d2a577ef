// DOM nodes, and the pictures and packed maps that arrive from the server.

/** An element with text and attributes. */
export function make(tag, text, attributes = {}) {
  const node = document.createElement(tag);
  if (text) node.textContent = text;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

/** The bytes of a packed map {z}. */
export async function inflate(wire) {
  const bytes = Uint8Array.from(atob(wire.z), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The picture at an address; rejects where it can't be fetched. */
export function loadImage(url) {
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = () => reject(new Error('its picture could not be fetched'));
    image.src = url;
  });
}

/** A canvas of `w` x `h` pixels. */
export function canvasOf({ w, h }) {
  const canvas = document.createElement('canvas');
  canvas.width = w;
  canvas.height = h;
  return canvas;
}

/** The same, colored by a function that writes ABGR values into its pixels. */
export function painted(size, paint) {
  const canvas = canvasOf(size);
  const image = new ImageData(size.w, size.h);
  paint(new Uint32Array(image.data.buffer));
  canvas.getContext('2d').putImageData(image, 0, 0);
  return canvas;
}
