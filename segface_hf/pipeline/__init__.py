"""From a photo to its label map: detect, frame, align, parse, merge."""

from segface_hf.pipeline.pipeline import FramedFace, frames_of

__all__ = ["FramedFace", "frames_of"]
