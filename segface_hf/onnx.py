"""A parser without torch: an exported ONNX model behind the same photo pipeline and results."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import numpy as np
import onnxruntime

from segface_hf.checkpoints.files import load_config
from segface_hf.errors import CheckpointNotFoundError
from segface_hf.images import normalize
from segface_hf.parser import FaceParser
from segface_hf.pipeline.merge import CropParse


class OnnxEngine:
    """Runs what `segface export` wrote to a folder; see `segface_hf.pipeline.pipeline.Engine`.

    Raises:
        CheckpointNotFoundError: `model.onnx` or `config.json` is missing.
    """

    def __init__(self, folder: str | Path, *, threads: int = 0) -> None:
        self.path, described = Path(folder) / "model.onnx", Path(folder) / "config.json"
        for file in (self.path, described):
            if not file.is_file():
                raise CheckpointNotFoundError(f"no {file}: write it with `segface export`")
        self.config = load_config(Path(folder))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(
            self.path, options, providers=["CPUExecutionProvider"]
        )

    def logits_and_labels(self, pixels: np.ndarray, landmarks: np.ndarray | None = None) -> list:
        """(B, 3, H, W) and (B, 5, 2) -> (B, K, H, W) and uint8 (B, H, W); sides of 32 n pixels."""
        given = {"pixels": pixels, "landmarks": landmarks}
        feeds = {node.name: given[node.name] for node in self._session.get_inputs()}
        return list(self._session.run(["logits", "labels"], feeds))

    def run(
        self, crops: np.ndarray, *, landmarks: np.ndarray | None, confidence: bool
    ) -> list[CropParse]:
        """Parses uint8 RGB crops (B, S, S, 3)."""
        pixels = normalize(crops, self.config.mean, self.config.std)
        found = zip(*self.logits_and_labels(pixels, landmarks), strict=True)
        return [CropParse.read(logits, labels, confidence=confidence) for logits, labels in found]


def load_parser(folder: str | Path, *, scout: str | Path | None = None) -> FaceParser:
    """Returns a parser over an export; `scout` is that of a model that finds the landmarks."""
    engine = OnnxEngine(folder)
    digest = f"sha256:{sha256(engine.path.read_bytes()).hexdigest()}"
    eyes = None if scout is None else OnnxEngine(scout)
    return FaceParser(engine, model_id=str(folder), digest=digest, scout=eyes)
