"""A parser without torch: an exported ONNX model behind the same photo pipeline and results."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import onnxruntime

from segface_hf.config import SegFaceConfig
from segface_hf.errors import CheckpointNotFoundError
from segface_hf.images import normalise
from segface_hf.merge import CropParse
from segface_hf.parser import FaceParser

MODEL_FILE = "model.onnx"


class OnnxEngine:
    """Runs an exported model; see `segface_hf.photo.Engine`.

    Args:
        folder: What `segface export` wrote: `model.onnx` and `config.json`.
        threads: How many a run may use; 0 lets ONNX Runtime choose.

    Raises:
        CheckpointNotFoundError: One of the two files is missing.
    """

    def __init__(self, folder: str | Path, *, threads: int = 0) -> None:
        self.path = Path(folder) / MODEL_FILE
        described = self.path.with_name("config.json")
        for file in (self.path, described):
            if not file.is_file():
                raise CheckpointNotFoundError(f"no {file}: write it with `segface export`")
        self.config = SegFaceConfig.from_dict(json.loads(described.read_text(encoding="utf-8")))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(
            self.path, options, providers=["CPUExecutionProvider"]
        )

    def logits_and_labels(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """float32 (B, 3, H, W) -> float32 (B, K, H, W), uint8 (B, H, W); sides of 32 n pixels."""
        logits, labels = self._session.run(["logits", "labels"], {"pixels": pixels})
        return logits, labels

    def run(
        self, crops: np.ndarray, *, landmarks: np.ndarray | None, doubt: bool
    ) -> list[CropParse]:
        """Parses uint8 RGB crops (B, S, S, 3)."""
        pixels = normalise(crops, self.config.mean, self.config.std)
        logits, labels = self.logits_and_labels(pixels)
        return [_parse(*pair, doubt=doubt) for pair in zip(logits, labels, strict=True)]


def _parse(logits: np.ndarray, labels: np.ndarray, *, doubt: bool) -> CropParse:
    """(K, S, S) logits and (S, S) labels of one crop."""
    samples = np.ascontiguousarray(logits.transpose(1, 2, 0))
    if not doubt:
        return CropParse(labels, samples)
    odds = np.exp(logits - logits.max(0))
    confidence = np.round(255 / odds.sum(0)).astype(np.uint8)
    np.put_along_axis(odds, labels[None].astype(np.int64), -1.0, axis=0)
    return CropParse(labels, samples, confidence, odds.argmax(0).astype(np.uint8))


def load_parser(folder: str | Path, *, threads: int = 0) -> FaceParser:
    """Returns a parser over an exported model; nothing of it needs torch.

    Example:
        >>> load_parser("exported").parse("photo.jpg").present()
    """
    engine = OnnxEngine(folder, threads=threads)
    digest = "sha256:" + hashlib.sha256(engine.path.read_bytes()).hexdigest()
    return FaceParser(engine, model_id=str(folder), digest=digest)
