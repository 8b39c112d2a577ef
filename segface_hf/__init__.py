"""Face parsing with SegFace: photos in, part masks out.

Names are imported when they are first used, so that the label contract and the ONNX parser work
where torch is not installed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segface_hf.config import SegFaceConfig
    from segface_hf.errors import CheckpointError, ImageError, SegFaceError
    from segface_hf.export.save import save_pretrained
    from segface_hf.images import load_image
    from segface_hf.inference.infer import infer
    from segface_hf.label_orders import translation
    from segface_hf.labels import CELEBAMASK_HQ, HELEN, LAPA, SCHEMAS, LabelSchema
    from segface_hf.modeling.segface import SegFace
    from segface_hf.overlay import blend, colorize, legend
    from segface_hf.parser import Face, FaceParse, FaceParser
    from segface_hf.pipeline.detect import Detection, Detector

__version__ = "0.1.0"

_HOMES = {
    "CELEBAMASK_HQ": "labels",
    "CheckpointError": "errors",
    "Detection": "pipeline.detect",
    "Detector": "pipeline.detect",
    "Face": "parser",
    "FaceParse": "parser",
    "FaceParser": "parser",
    "HELEN": "labels",
    "ImageError": "errors",
    "LAPA": "labels",
    "LabelSchema": "labels",
    "SCHEMAS": "labels",
    "SegFace": "modeling.segface",
    "SegFaceConfig": "config",
    "SegFaceError": "errors",
    "blend": "overlay",
    "colorize": "overlay",
    "infer": "inference.infer",
    "legend": "overlay",
    "load_image": "images",
    "save_pretrained": "export.save",
    "translation": "label_orders",
}

__all__ = [
    "CELEBAMASK_HQ",
    "HELEN",
    "LAPA",
    "SCHEMAS",
    "CheckpointError",
    "Detection",
    "Detector",
    "Face",
    "FaceParse",
    "FaceParser",
    "ImageError",
    "LabelSchema",
    "SegFace",
    "SegFaceConfig",
    "SegFaceError",
    "blend",
    "colorize",
    "infer",
    "legend",
    "load_image",
    "save_pretrained",
    "translation",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'segface_hf' has no attribute '{name}'")
    from segface_hf.errors import says_what_to_install

    with says_what_to_install():
        return getattr(import_module(f"segface_hf.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
