"""export_onnx: a SegFace as one ONNX file that needs no torch, checked against the model."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from segface_hf.checkpoints import files
from segface_hf.checkpoints.files import ONNX_FILE, ONNX_WEIGHTS_KEY
from segface_hf.errors import ConfigError, OutputError, ParityError
from segface_hf.export.compact import label_file, store_compactly
from segface_hf.export.int8 import quantize
from segface_hf.export.parity import Limits, Parity, compare, example_landmarks
from segface_hf.inference.backbone import folded
from segface_hf.inference.weights import derive
from segface_hf.modeling.decoder import resized
from segface_hf.modeling.segface import SegFace
from segface_hf.modeling.warp import sampled, traced_warp

OPSET = 18
STEP = 32  # the deepest stride: heights and widths are multiples of it
PARITY_FILE = "parity.json"
_MOST = 128  # batches, and sides in steps, that the graph promises to take


@dataclass(frozen=True)
class Export:
    """What an export wrote.

    Attributes:
        path: The ONNX file; `config.json` and the parity report lie beside it.
        parity: How far it is from the model.
    """

    path: Path
    parity: Parity


class ExportGraph(nn.Module):
    """The computation that is exported: scales are projected before they are upsampled.

    Batch norms are folded into the backbone's convolutions. Attention stays as the model has it;
    ONNX Runtime plans its own memory.
    """

    def __init__(self, model: SegFace) -> None:
        super().__init__()
        self.model = model
        # Norms must be in the convolutions before these are quantized, and padding that depends on
        # the size makes the exporter run for minutes.
        self.backbone = folded(model.backbone, model.pyramid)
        derived = derive(model)
        for index, weight in enumerate(derived.projections):
            self.register_buffer(f"projection_{index}", weight[:, :, None, None])
        self.register_buffer("bias", derived.bias)
        self._refine = derived.refine

    def forward(self, pixels: Tensor, landmarks: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(B, 3, H, W) -> logits (B, K, H, W) and labels (B, H, W) uint8.

        Args:
            pixels: Normalized pictures.
            landmarks: (B, 5, 2) in pixels, for models that warp their input.
        """
        size = pixels.shape[-2:]
        warp = None
        if landmarks is not None:
            warp = traced_warp(landmarks, height=size[0], width=size[1])
            pixels = sampled(pixels, warp.forward)
        features, detail = self.model.pyramid.features(self.backbone, pixels)
        logits = resized(self.model.decoder(self._fused(features), detail), size)
        if warp is not None:
            logits = sampled(logits, warp.inverse)
        return logits, logits.argmax(1).to(torch.uint8)

    def _fused(self, features: Sequence[Tensor]) -> Tensor:
        convolve = nn.functional.conv2d
        bias = self.get_buffer("bias")
        fused = convolve(features[0], self.get_buffer("projection_0"), bias)
        for index, feature in enumerate(features[1:], start=1):
            coarse = convolve(feature, self.get_buffer(f"projection_{index}"))
            fused = fused + resized(coarse, fused.shape[-2:])
        if self._refine is None:
            return fused
        fused = fused.relu()
        kernel, point = self._refine.depthwise, self._refine.pointwise
        inner = convolve(fused, kernel, self._refine.bias, padding=1, groups=fused.shape[1]).relu()
        return fused + convolve(inner, point.weight[:, :, None, None], point.bias)


def export_onnx(
    model: SegFace,
    folder: str | Path,
    *,
    int8: bool = False,
    pictures: Sequence[np.ndarray] = (),
    masks: Sequence[np.ndarray] = (),
    limits: Limits | None = None,
    digest: str = "",
    report: bool = True,
) -> Export:
    """Writes `model.onnx`, `config.json` and `parity.json`, and checks that they are the model.

    Batch, height and width are dynamic; height and width are multiples of 32.

    Args:
        model: On the CPU, in float32, in evaluation mode.
        folder: Created where it doesn't exist.
        int8: Quantizes the convolutions; calibrated on `pictures`.
        pictures: uint8 RGB (H, W, 3) aligned faces, for calibration and parity.
        masks: uint8 (H, W) true labels of the pictures, for F1.
        limits: The parity to state; None takes the usual one of the precision.
        digest: `sha256:...` of the weights file, which the ONNX file then names.
        report: Whether to write `config.json` and `parity.json` too; without, the folder holds
            the checkpoint already.

    Raises:
        ConfigError: int8 of a model that warps its input, or without pictures to calibrate on.
        ParityError: The ONNX model is further from the model than stated; the report says how.
        OutputError: The folder can't be written.
    """
    _check(model, int8=int8, pictures=pictures)
    limits = limits or Limits.usual(int8=int8)
    folder = Path(folder)
    path = folder / ONNX_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_graph(model, path)
        if int8:
            quantize(path, pictures, config=model.config)
        store_compactly(path, {k: v.numpy() for k, v in model.state_dict().items()})
        label_file(path, **{ONNX_WEIGHTS_KEY: digest})
        if report:
            _write_json(folder / files.CONFIG_FILE, model.config.to_dict())
        parity = compare(model, path, pictures=pictures, masks=masks, opset=OPSET, int8=int8)
        if report:
            _write_json(folder / PARITY_FILE, {**parity.to_dict(), "limits": limits.to_dict()})
    except OSError as error:
        raise OutputError(f"can't write the export to {folder}: {error}") from error
    try:
        limits.check(parity, report=folder / PARITY_FILE)
    except ParityError:
        if not report:  # A parser would take what is in the checkpoint's own folder.
            path.unlink()
        raise
    return Export(path, parity)


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def _check(model: SegFace, *, int8: bool, pictures: Sequence[np.ndarray]) -> None:
    if int8 and model.config.warp == "tanh":
        raise ConfigError("int8 is not offered for models that warp their input: leave it out")
    if int8 and not pictures:
        raise ConfigError("int8 needs pictures of aligned faces to calibrate on: give --data")


def _write_graph(model: SegFace, path: Path) -> None:
    graph = ExportGraph(model).eval()
    # Sides and batch must differ here, or the exporter takes them for one dimension.
    example = torch.zeros(2, 3, 4 * STEP, 6 * STEP)
    batch = torch.export.Dim("batch", min=1, max=_MOST)
    height, width = (torch.export.Dim(name, min=1, max=_MOST) for name in ("rows", "columns"))
    shapes = {"pixels": {0: batch, 2: STEP * height, 3: STEP * width}}
    examples: tuple[Tensor, ...] = (example,)
    if model.config.warp == "tanh":
        examples = (example, example_landmarks(example))
        shapes["landmarks"] = {0: batch}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the exporter's notes to its own developers
        program = torch.onnx.export(
            graph,
            examples,
            dynamo=True,
            opset_version=OPSET,
            dynamic_shapes=shapes,
            input_names=list(shapes),
            output_names=["logits", "labels"],
            verbose=False,
        )
    assert program is not None
    program.save(str(path), external_data=False)
