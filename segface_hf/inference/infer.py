"""infer: the inference path of the product, algebraically equal to the model and faster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from segface_hf.errors import ConfigError
from segface_hf.inference.backbone import folded
from segface_hf.inference.head import FusedHead
from segface_hf.inference.linear import FastLinear
from segface_hf.inference.readout import labels_at, read_confidence, read_labels
from segface_hf.inference.swin import fused_swin
from segface_hf.inference.weights import Fingerprint, fingerprint
from segface_hf.modeling.decoder import resized
from segface_hf.modeling.segface import SegFace


@dataclass(frozen=True)
class Derived:
    """What inference derives from a model's parameters, and their state at that time."""

    state: Fingerprint
    backbone: nn.Module
    head: FusedHead


_DERIVED: WeakKeyDictionary[SegFace, Derived] = WeakKeyDictionary()


@dataclass(frozen=True)
class Inference:
    """The parse of a batch of pictures, at their own resolution.

    Attributes:
        labels: (B, H, W) uint8 ids of the most probable class.
        confidence: (B, H, W) uint8, the probability of that class from 0 to 255, if asked.
        runner_up: (B, H, W) uint8 ids of the second most probable class, if asked.
        logits: (B, K, H, W), if asked; with `classes`, only those classes, in the asked order.
    """

    labels: Tensor
    confidence: Tensor | None = None
    runner_up: Tensor | None = None
    logits: Tensor | None = None


@torch.inference_mode()
def infer(
    model: SegFace,
    pixels: Tensor,
    *,
    landmarks: Tensor | None = None,
    classes: Sequence[str] | None = None,
    confidence: bool = False,
    logits: bool = False,
) -> Inference:
    """Parses a batch, as `model(pixels, landmarks).argmax(1)` would.

    With `classes`, labels of all other classes become 0. A pixel belongs to a class only if no
    other class scores higher, so all of them are still compared: the mask is exactly the full one
    with the rest erased.

    Args:
        model: A model in evaluation mode.
        pixels: (B, 3, H, W) RGB, normalized with the model's mean and std.
        landmarks: (B, 5, 2) in input pixels, for models that demand them.
        classes: Names of the classes wanted; None for all.
        confidence: Whether to return confidence and runner-up.
        logits: Whether to return logits at the input's resolution.

    Raises:
        ConfigError: The model is in training mode.
        LabelError: A class that the model doesn't have.
        LandmarksRequiredError: The model demands landmarks and got none.

    Example:
        >>> infer(model, pixels).labels  # (B, H, W) uint8
    """
    if model.training:
        raise ConfigError("infer needs a model in evaluation mode, got training: call model.eval()")
    ids = None if classes is None else [model.config.labels.id_of(name) for name in classes]
    if model.config.warp != "none":
        landmarks = model.check_landmarks(pixels, landmarks)
    if model.config.warp == "tanh" and landmarks is not None:
        found = _from_logits(
            _warped_logits(model, pixels, landmarks), confidence=confidence, logits=logits
        )
    elif logits:
        maps = resized(_head_logits(model, pixels), pixels.shape[-2:])
        found = _from_logits(maps, confidence=confidence, logits=True)
    else:
        found = _from_tiles(model, pixels, confidence=confidence)
    return found if ids is None else _restricted(found, ids)


def derived(model: SegFace) -> Derived:
    """Returns what inference runs on; derives it again when the model's parameters changed."""
    known = _DERIVED.get(model)
    if known is None or not known.state.fits(model):
        state = fingerprint(model)
        # The derived weights outlive a caller's autocast, so they are made without it.
        with torch.autocast(state.samples[0].device.type, enabled=False):
            backbone = fused_swin(folded(model.backbone, model.pyramid))
            known = Derived(state, backbone, FusedHead(model))
        _DERIVED[model] = known
    return known


def forget(model: SegFace) -> None:
    """Makes the next inference derive its weights again."""
    _DERIVED.pop(model, None)


def _features(
    model: SegFace, pixels: Tensor
) -> tuple[FusedHead, tuple[list[Tensor], Tensor | None]]:
    """The head and its inputs, both of one state of the model."""
    pixels = pixels.contiguous(memory_format=torch.channels_last)
    current = derived(model)
    with FastLinear():
        features = model.pyramid.features(current.backbone, pixels, contiguous=False)
    return current.head, features


def _from_tiles(model: SegFace, pixels: Tensor, *, confidence: bool) -> Inference:
    """Reads labels tile by tile; resizes only where the decoder is coarser than the picture."""
    head, (features, detail) = _features(model, pixels)
    size = pixels.shape[-2:]
    decoded = tuple(side * head.stride for side in features[0].shape[-2:])
    reader = read_confidence if confidence else read_labels
    if decoded == tuple(size):
        return _inference(head.read(features, detail, reader))
    maps = head.read(features, detail, lambda x: x)
    return _inference(labels_at(maps, size, confidence=confidence))


def _head_logits(model: SegFace, pixels: Tensor) -> Tensor:
    head, (features, detail) = _features(model, pixels)
    return head.read(features, detail, lambda x: x)


def _warped_logits(model: SegFace, pixels: Tensor, landmarks: Tensor) -> Tensor:
    from segface_hf.modeling.warp import unwarp_logits, warp_input

    warped, warp = warp_input(pixels, landmarks)
    return unwarp_logits(resized(_head_logits(model, warped), warped.shape[-2:]), warp)


def _from_logits(maps: Tensor, *, confidence: bool, logits: bool) -> Inference:
    """Reads (B, K, H, W) logits."""
    reader = read_confidence if confidence else read_labels
    size = maps.shape[-2:]
    read = torch.stack([reader(one.flatten(1)).unflatten(1, size) for one in maps])
    found = _inference(read)
    return Inference(found.labels, found.confidence, found.runner_up, maps if logits else None)


def _inference(read: Tensor) -> Inference:
    """Names the channels of (B, 1 or 3, H, W): labels, and confidence and runner-up if read."""
    return Inference(*(channel.contiguous() for channel in read.unbind(1)))


def _restricted(found: Inference, ids: list[int]) -> Inference:
    kept = torch.zeros(256, dtype=torch.uint8, device=found.labels.device)
    kept[ids] = torch.tensor(ids, dtype=torch.uint8, device=kept.device)
    logits = None if found.logits is None else found.logits[:, ids]
    return Inference(kept[found.labels.long()], found.confidence, found.runner_up, logits)
