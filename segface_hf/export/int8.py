"""Static int8 quantization of an exported model's convolutions, by ONNX Runtime's own quantizer."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)
from PIL import Image

from segface_hf.config import SegFaceConfig
from segface_hf.images import normalize

# Activations of a few dozen faces cover the range; each costs one float32 run.
_CALIBRATED_ON = 32
# Convolutions bear eight bits; the transformer's products with few tokens do not gain from them.
_QUANTIZED = ("Conv",)
# The backbone's first convolutions see raw pixels at the largest sizes, and what follows the
# backbone feeds the transformer: in eight bits they cost most of the quality for a few weights.
_BACKBONE = "backbone."
_FIRST_KEPT = 2


class _Faces(CalibrationDataReader):
    """Feeds pictures to the quantizer one by one."""

    def __init__(self, pictures: Sequence[np.ndarray], config: SegFaceConfig) -> None:
        self._batches = self._normalized(pictures[:_CALIBRATED_ON], config)

    def _normalized(
        self, pictures: Sequence[np.ndarray], config: SegFaceConfig
    ) -> Iterator[dict[str, np.ndarray]]:
        side = (config.resolution, config.resolution)
        for picture in pictures:
            crop = np.asarray(Image.fromarray(picture).resize(side, Image.Resampling.BILINEAR))
            yield {"pixels": normalize(crop[None], config.mean, config.std)}

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Returns the next input, or None after the last."""
        return next(self._batches, None)


def quantize(path: Path, pictures: Sequence[np.ndarray], *, config: SegFaceConfig) -> None:
    """Replaces a float32 ONNX file by its int8 form, calibrated on pictures of aligned faces.

    Args:
        path: The ONNX file, overwritten.
        pictures: uint8 RGB (H, W, 3).
        config: Of the model.
    """
    with tempfile.TemporaryDirectory() as folder:
        quantized = Path(folder) / path.name
        quantize_static(
            path,
            quantized,
            _Faces(pictures, config),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=list(_QUANTIZED),
            nodes_to_exclude=_sensitive(path),
        )
        path.write_bytes(quantized.read_bytes())


def _sensitive(path: Path) -> list[str]:
    """Names of the convolutions that stay in float32."""
    convolutions = [node for node in onnx.load(path).graph.node if node.op_type in _QUANTIZED]
    inside = [node.name for node in convolutions if node.input[1].startswith(_BACKBONE)]
    outside = [node.name for node in convolutions if not node.input[1].startswith(_BACKBONE)]
    return inside[:_FIRST_KEPT] + outside
