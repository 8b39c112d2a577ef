"""The ONNX engine: a checkpoint's `model.onnx` behind the photo pipeline, without torch."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime.capi.onnxruntime_pybind11_state import (
    Fail,
    InvalidArgument,
    InvalidGraph,
    InvalidProtobuf,
    NotImplemented,
    RuntimeException,
)

from segface_hf.checkpoints.files import (
    CONFIG_FILE,
    ONNX_FILE,
    ONNX_WEIGHTS_KEY,
    WEIGHTS_FILE,
    count_values,
    file_digest,
    load_config,
)
from segface_hf.config import SegFaceConfig
from segface_hf.errors import CheckpointError, CheckpointNotFoundError
from segface_hf.images import normalize
from segface_hf.pipeline.merge import CropParse
from segface_hf.pipeline.onnx_session import open_session

_UNUSABLE = (
    Fail,
    InvalidArgument,
    InvalidGraph,
    InvalidProtobuf,
    NotImplemented,
    RuntimeException,
)
# Larger than any export of a supported backbone (ConvNeXt-B in float32 has 0.4 GB).
_MOST_BYTES = 1_000_000_000
# How a tensor names a file outside the model: the protobuf field `key` with "location" in it.
_EXTERNAL_DATA = b"\x0a\x08location"
_OUTPUTS = {"logits": "tensor(float)", "labels": "tensor(uint8)"}


class OnnxEngine:
    """Runs what `segface export` wrote to a folder; see `segface_hf.pipeline.pipeline.Engine`.

    Args:
        folder: Holds `model.onnx` and `config.json`.
        threads: Threads inside an operation; 0 for all cores.

    Raises:
        CheckpointNotFoundError: `model.onnx` or `config.json` is missing.
        CheckpointError: The file is damaged, refers to other files, or is not a model of ours.
    """

    name = "onnx"

    def __init__(self, folder: str | Path, *, threads: int = 0) -> None:
        self.folder, self._threads = Path(folder), threads
        self.path, described = self.folder / ONNX_FILE, self.folder / CONFIG_FILE
        for file in (self.path, described):
            if not file.is_file():
                raise CheckpointNotFoundError(f"no {file}: write it with `segface export`")
        self.config = load_config(self.folder)
        self._session, self._process = _session(self.path, threads), os.getpid()
        _check_interface(self._session, self.config, self.path)

    @property
    def weights_digest(self) -> str:
        """`sha256:...` of the weights file that the model was exported from; empty if unknown."""
        return str(self._session.get_modelmeta().custom_metadata_map.get(ONNX_WEIGHTS_KEY, ""))

    @property
    def parameters(self) -> int:
        """How many values the weights file beside the model holds; 0 without one."""
        return count_values(self.folder / WEIGHTS_FILE)

    @property
    def cores(self) -> int:
        """How many calls may run at a time, one thread each."""
        if self._threads:
            return self._threads
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1

    @cached_property
    def single_threaded(self) -> OnnxEngine:
        """The same model with one thread inside an operation, for calls that run side by side."""
        return self if self._threads == 1 else OnnxEngine(self.folder, threads=1)

    def logits_and_labels(self, pixels: np.ndarray, landmarks: np.ndarray | None = None) -> list:
        """(B, 3, H, W) and (B, 5, 2) -> (B, K, H, W) and uint8 (B, H, W); sides of 32 n pixels."""
        if self._process != os.getpid():  # The session's threads do not survive a fork.
            self._session, self._process = _session(self.path, self._threads), os.getpid()
        given = {"pixels": pixels, "landmarks": landmarks}
        feeds = {node.name: given[node.name] for node in self._session.get_inputs()}
        return list(self._session.run(list(_OUTPUTS), feeds))

    def run(
        self, crops: np.ndarray, *, landmarks: np.ndarray | None, confidence: bool
    ) -> list[CropParse]:
        """Parses uint8 RGB crops (B, S, S, 3)."""
        if crops.ndim != 4 or crops.shape[-1] != 3:
            raise ValueError(f"crops have shape (B, S, S, 3), got {crops.shape}")
        pixels = normalize(crops, self.config.mean, self.config.std)
        found = zip(*self.logits_and_labels(pixels, landmarks), strict=True)
        return [CropParse.read(logits, labels, confidence=confidence) for logits, labels in found]


def _session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    """Loads an ONNX file after checks of its size and content, since it may be untrusted."""
    if (size := path.stat().st_size) > _MOST_BYTES:
        raise CheckpointError(
            f"{path} has {size / 1e6:,.0f} MB, expected at most {_MOST_BYTES / 1e6:,.0f}: "
            "load the checkpoint with engine='torch'"
        )
    content = path.read_bytes()
    if _EXTERNAL_DATA in content:
        raise CheckpointError(
            f"{path} refers to other files, expected all weights in it: export it again with "
            "`segface export`, or load the checkpoint with engine='torch'"
        )
    try:
        return open_session(content, threads=threads)
    except _UNUSABLE as error:
        first = str(error).splitlines()[0][:200]
        raise CheckpointError(
            f"{path} can't be loaded ({first}): download or export it again, or load the "
            "checkpoint with engine='torch'"
        ) from error


def _check_interface(
    session: onnxruntime.InferenceSession, config: SegFaceConfig, path: Path
) -> None:
    """Refuses a model with other inputs or outputs than `segface export` writes."""
    wanted = {"pixels", "landmarks"} if config.warp == "tanh" else {"pixels"}
    inputs = {node.name: node for node in session.get_inputs()}
    outputs = {node.name: node for node in session.get_outputs()}
    found = {name: node.type for name, node in outputs.items()}
    classes = len(config.labels.names)
    if set(inputs) != wanted or found != _OUTPUTS or len(inputs["pixels"].shape) != 4:
        raise CheckpointError(
            f"{path} has inputs {sorted(inputs)} and outputs {sorted(found)}, expected "
            f"{sorted(wanted)} and {sorted(_OUTPUTS)}: export it again with `segface export`"
        )
    if outputs["logits"].shape[1] != classes:
        raise CheckpointError(
            f"{path} has {outputs['logits'].shape[1]} classes, its {CONFIG_FILE} {classes}: "
            "export it again with `segface export`"
        )


def engine_beside_weights(folder: Path, *, threads: int = 0) -> OnnxEngine | None:
    """Returns the engine of a checkpoint that has a `model.onnx`; None where there is none.

    Raises:
        CheckpointError: The ONNX file was exported from other weights, or can't be used.
    """
    if not (folder / ONNX_FILE).is_file():
        return None
    engine = OnnxEngine(folder, threads=threads)
    expected = file_digest(folder / WEIGHTS_FILE)
    if engine.weights_digest != expected:
        raise CheckpointError(
            f"{engine.path} was exported from other weights ({engine.weights_digest or 'unknown'}) "
            f"than {WEIGHTS_FILE} beside it ({expected}): export it again with `segface export`, "
            "or load the checkpoint with engine='torch'"
        )
    return engine
