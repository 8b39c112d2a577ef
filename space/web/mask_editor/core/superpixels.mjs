// Superpixels that follow image edges (SLIC, Achanta et al. 2012), simplified to a few sweeps. No DOM.

const SWEEPS = 4;
// How strongly a superpixel prefers being round to following color.
const COMPACTNESS = 12;

/**
 * Label every pixel with its superpixel.
 * @param {Uint8ClampedArray} rgba four bytes a pixel
 * @param {number} spacing distance between superpixel centers, pixels
 * @returns {Int32Array} superpixel index of each pixel, row-major
 */
export function superpixels({ width, height, rgba }, spacing) {
  const grid = seedCenters({ width, height, rgba }, spacing);
  const labels = new Int32Array(width * height);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    assign({ width, height, rgba }, { grid, spacing, labels });
    recenter({ width, rgba }, { grid, labels });
  }
  return labels;
}

// Centers are flat: x, y, r, g, b for each, on a grid `across` wide.
function seedCenters({ width, height, rgba }, spacing) {
  const across = Math.max(1, Math.round(width / spacing));
  const down = Math.max(1, Math.round(height / spacing));
  const centers = new Float32Array(across * down * 5);
  for (let k = 0; k < across * down; k++) {
    const x = Math.floor((((k % across) + 0.5) * width) / across);
    const y = Math.floor(((Math.floor(k / across) + 0.5) * height) / down);
    const pixel = 4 * (y * width + x);
    centers.set([x, y, rgba[pixel], rgba[pixel + 1], rgba[pixel + 2]], k * 5);
  }
  return { across, down, centers };
}

function assign({ width, height, rgba }, { grid, spacing, labels }) {
  const { across, down, centers } = grid;
  const weight = (COMPACTNESS / spacing) ** 2;
  for (let y = 0; y < height; y++) {
    const cellY = Math.min(down - 1, Math.floor((y * down) / height));
    for (let x = 0; x < width; x++) {
      const cellX = Math.min(across - 1, Math.floor((x * across) / width));
      const i = y * width + x;
      let [best, nearest] = [0, Infinity];
      for (let gy = Math.max(0, cellY - 1); gy <= Math.min(down - 1, cellY + 1); gy++) {
        for (let gx = Math.max(0, cellX - 1); gx <= Math.min(across - 1, cellX + 1); gx++) {
          const k = gy * across + gx;
          const c = k * 5;
          const dx = x - centers[c];
          const dy = y - centers[c + 1];
          const dr = rgba[4 * i] - centers[c + 2];
          const dg = rgba[4 * i + 1] - centers[c + 3];
          const db = rgba[4 * i + 2] - centers[c + 4];
          const distance = dr * dr + dg * dg + db * db + weight * (dx * dx + dy * dy);
          if (distance < nearest) {
            nearest = distance;
            best = k;
          }
        }
      }
      labels[i] = best;
    }
  }
}

function recenter({ width, rgba }, { grid, labels }) {
  const count = grid.across * grid.down;
  const sums = new Float64Array(count * 6);
  for (let i = 0; i < labels.length; i++) {
    const s = labels[i] * 6;
    sums[s] += i % width;
    sums[s + 1] += (i / width) | 0;
    sums[s + 2] += rgba[4 * i];
    sums[s + 3] += rgba[4 * i + 1];
    sums[s + 4] += rgba[4 * i + 2];
    sums[s + 5] += 1;
  }
  for (let k = 0; k < count; k++) {
    if (!sums[k * 6 + 5]) continue;
    for (let d = 0; d < 5; d++) grid.centers[k * 5 + d] = sums[k * 6 + d] / sums[k * 6 + 5];
  }
}
