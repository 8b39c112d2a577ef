/** ONNX Runtime Web, such as `import * as ort from 'onnxruntime-web/wasm'`. */
export interface OnnxRuntime {
  InferenceSession: { create(model: Uint8Array, options?: object): Promise<any> };
  Tensor: new (type: 'float32', data: Float32Array, dims: number[]) => any;
}

/** Upright pixels, four bytes each (red, green, blue, and alpha, which is not read): an `ImageData`. */
export interface Photo {
  width: number;
  height: number;
  data: Uint8Array | Uint8ClampedArray;
}

export interface Face {
  /** x0, y0, x1, y1 in photo pixels, cut off where the photo ends. */
  box: [number, number, number, number];
  /**
   * In photo pixels: image-left eye, image-right eye, nose, image-left and image-right mouth
   * corner; null where they could not be read.
   */
  landmarks: [number, number][] | null;
  /** The detector's, from 0 to 1. */
  confidence: number;
  /** Why its parse can't be relied on; null if it can. */
  problem: string | null;
}

export interface Parse {
  width: number;
  height: number;
  /** A class id for each pixel, row by row. */
  labels: Uint8Array;
  /** The largest first. */
  faces: Face[];
}

export interface LabelSchema {
  name: string;
  /** By id; 0 is the background. */
  names: string[];
  /** Red, green and blue by id. */
  colors: [number, number, number][];
  /** Ids that change places when a photo is mirrored. */
  mirror_pairs: [number, number][];
}

export interface Parser {
  readonly schema: LabelSchema;
  /** `sha256:...` of the weights that the model was exported from. */
  readonly digest: string;
  /** `wholeImage` takes the picture as one upright face that fills it. */
  parse(photo: Photo, options?: { wholeImage?: boolean }): Promise<Parse>;
}

/**
 * Loads what `segface export --format browser` wrote.
 *
 * `source` is the folder's address with a slash at its end, or a function that reads a file.
 */
export function loadParser(
  ort: OnnxRuntime,
  source: string | URL | ((name: string) => Promise<Uint8Array>),
): Promise<Parser>;
