"""A parser without torch over a folder that `segface export` wrote."""

from __future__ import annotations

from pathlib import Path

from segface_hf.checkpoints.files import file_digest
from segface_hf.inference.onnx_engine import OnnxEngine
from segface_hf.parser import FaceParser

__all__ = ["OnnxEngine", "load_parser"]


def load_parser(folder: str | Path, *, scout: str | Path | None = None) -> FaceParser:
    """Returns a parser over an export; `scout` is that of a model that finds landmarks."""
    engine = OnnxEngine(folder)
    digest = file_digest(engine.path)
    eyes = None if scout is None else OnnxEngine(scout)
    return FaceParser(engine, model_id=str(folder), digest=digest, scout=eyes)
