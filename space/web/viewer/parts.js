// What the parse view is made of: nodes, and the pictures and packed maps that arrive.
export const make = (tag, text, attributes = {}) => {
  const node = document.createElement(tag);
  if (text) node.textContent = text;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
};

export async function inflate(wire) {
  const bytes = Uint8Array.from(atob(wire.z), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

export const loadImage = (url) => new Promise((done, fail) => {
  const image = new Image();
  image.onload = () => done(image);
  image.onerror = () => fail(new Error('its picture could not be fetched'));
  image.src = url;
});

/** A canvas of w x h, coloured by what writes ABGR into its pixels. */
export function painted({ w, h }, paint) {
  const node = document.createElement('canvas');
  [node.width, node.height] = [w, h];
  const image = new ImageData(w, h);
  paint(new Uint32Array(image.data.buffer));
  node.getContext('2d').putImageData(image, 0, 0);
  return node;
}
