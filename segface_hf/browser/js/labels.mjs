// Label maps: tables of classes, connected components, and maps of true and false. No DOM.

/** Uint8Array (256): 1 for the ids of those of some classes that a schema has. */
export function tableOf(classes, names) {
  const table = new Uint8Array(256);
  for (const name of classes) if (names.includes(name)) table[names.indexOf(name)] = 1;
  return table;
}

/** 1 where a map has one of the classes of a table. */
export const where = (labels, table) => labels.map((id) => table[id]);

/**
 * Numbers the connected components of pixels of one value other than 0; diagonals connect.
 *
 * @param {Uint8Array} labels width * height values
 * @param {number} width
 * @returns {{numbers: Int32Array, components: {id: number, pixels: Int32Array, box: number[]}[]}}
 *   numbers: by pixel, from 1, in the order of their first pixels, 0 elsewhere; box: left, top,
 *   right and bottom, the last two exclusive.
 */
export function connected(labels, width) {
  const height = labels.length / width;
  const numbers = new Int32Array(labels.length), queue = new Int32Array(labels.length);
  const components = [];
  for (let first = 0; first < labels.length; first++) {
    if (labels[first] === 0 || numbers[first] !== 0) continue;
    const id = labels[first], number = components.length + 1;
    const box = [width, height, 0, 0];
    let length = 1;
    queue[0] = first;
    numbers[first] = number;
    for (let next = 0; next < length; next++) {
      const x = queue[next] % width, y = (queue[next] - x) / width;
      widen(box, x, y);
      const left = x && x - 1, right = Math.min(width - 1, x + 1), end = Math.min(height - 1, y + 1);
      for (let row = y && y - 1; row <= end; row++) {
        for (let at = row * width + left; at <= row * width + right; at++) {
          if (labels[at] !== id || numbers[at] !== 0) continue;
          numbers[at] = number;
          queue[length++] = at;
        }
      }
    }
    components.push({ id, pixels: queue.slice(0, length), box });
  }
  return { numbers, components };
}

function widen(box, x, y) {
  if (x < box[0]) box[0] = x;
  if (y < box[1]) box[1] = y;
  if (x >= box[2]) box[2] = x + 1;
  if (y >= box[3]) box[3] = y + 1;
}

/** Adds the four neighbors of a region's pixels. */
export function grown(region, width) {
  const out = region.slice();
  for (let i = 0; i < region.length; i++) {
    if (!region[i]) continue;
    if (i >= width) out[i - width] = 1;
    if (i + width < region.length) out[i + width] = 1;
    if (i % width) out[i - 1] = 1;
    if ((i + 1) % width) out[i + 1] = 1;
  }
  return out;
}
