// The parser: finds every face of a photo and parses it, with ONNX Runtime Web. No DOM.
import { detect } from './centerface.mjs';
import { parseFaces, parseWhole } from './pipeline.mjs';

const DETECTOR_INPUT = 'input.1';
const DETECTOR_OUTPUTS = ['537', '538', '539', '540'];
const ERRORS_ONLY = 3;
const OPTIONS = { executionProviders: ['wasm'], logSeverityLevel: ERRORS_ONLY };

/**
 * Loads what `segface export --format browser` wrote; parser.d.mts has the types.
 *
 * @param ort ONNX Runtime Web
 * @param source the folder's address, or a function that reads a file of it
 */
export async function loadParser(ort, source) {
  const read = typeof source === 'function' ? source : (name) => download(new URL(name, source));
  const files = ['labels.json', 'model.onnx', 'detector.onnx'].map(read);
  const [described, model, detector] = await Promise.all(files);
  const about = JSON.parse(new TextDecoder().decode(described));
  const open = (bytes) => ort.InferenceSession.create(bytes, OPTIONS);
  return new Parser(ort, about, await open(model), await open(detector));
}

async function download(address) {
  const answer = await fetch(address);
  if (!answer.ok) {
    throw new Error(`expected the file ${address}, got status ${answer.status}: export it again`);
  }
  return new Uint8Array(await answer.arrayBuffer());
}

class Parser {
  constructor(ort, { schema, digest, resolution, mean, std }, model, detector) {
    Object.assign(this, { ort, model, detector, schema, digest });
    const scale = std.map((value) => Math.fround(1 / (255 * value)));
    const shift = mean.map((value, band) => Math.fround(-value / std[band]));
    const run = (crop) => this.run(normalized(crop, scale, shift), crop.width);
    this.engine = { resolution, names: schema.names, run };
  }

  /** Parses a photo, such as an ImageData; with `wholeImage` as one upright face that fills it. */
  async parse(photo, { wholeImage = false } = {}) {
    const { width, height } = checked(photo);
    const find = (pixels, rows, columns) => this.find(pixels, rows, columns);
    const found = wholeImage
      ? await parseWhole(photo, this.engine)
      : await parseFaces(photo, await detect(photo, find), this.engine);
    return { width, height, ...found };
  }

  async run(pixels, side) {
    const input = new this.ort.Tensor('float32', pixels, [1, 3, side, side]);
    const { logits, labels } = await this.model.run({ pixels: input });
    return { side, logits: logits.data, labels: labels.data };
  }

  async find(pixels, height, width) {
    const input = new this.ort.Tensor('float32', pixels, [1, 3, height, width]);
    const found = await this.detector.run({ [DETECTOR_INPUT]: input });
    return DETECTOR_OUTPUTS.map((name) => found[name].data);
  }
}

function checked(photo) {
  const { width, height, data } = photo;
  if (!(width > 0) || data?.length !== width * height * 4) {
    throw new TypeError(
      `expected { width, height, data } with 4 bytes a pixel, got ${data?.length} bytes of `
      + `${width} x ${height}: take it from getImageData`);
  }
  return photo;
}

/** Planes of normalized floats. */
function normalized({ width, height, data }, scale, shift) {
  const area = width * height, out = new Float32Array(3 * area);
  for (let band = 0; band < 3; band++) {
    for (let i = 0; i < area; i++) {
      out[band * area + i] = Math.fround(data[i * 4 + band] * scale[band]) + shift[band];
    }
  }
  return out;
}
