// Parses photos beside the page, which stays responsive.
import * as ort from '../runtime/ort.wasm.bundle.min.mjs';
import { loadParser } from '../parser/parser.mjs';

const MOST_THREADS = 4;

ort.env.wasm.wasmPaths = { wasm: new URL('../runtime/ort-wasm-simd-threaded.wasm', import.meta.url).href };
ort.env.wasm.numThreads = self.crossOriginIsolated
  ? Math.min(MOST_THREADS, navigator.hardwareConcurrency) : 1;
let loading = null;

self.onmessage = async ({ data: { number, photo, wholeImage } }) => {
  try {
    loading ||= loadParser(ort, new URL('../parser/', import.meta.url));
    const parser = await loading;
    const parse = await parser.parse(photo, { wholeImage });
    self.postMessage({ number, parse });
  } catch (error) {
    loading = null;
    self.postMessage({ number, error: error.message });
  }
};
