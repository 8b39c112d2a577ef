"""The published SegFace checkpoints: folders, tokens, head tensors, and how to recognize them.

`upstream_keys.py` holds the names inside the backbones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from segface_hf.checkpoints.upstream_keys import token_keys
from segface_hf.errors import ConversionError

if TYPE_CHECKING:
    from torch import Tensor

REPOSITORY = "kartiknarayan/SegFace"
STATE_KEY = "state_dict_backbone"
LICENSE = "mit"


@dataclass(frozen=True)
class UpstreamDataset:
    """What a published checkpoint of one dataset holds.

    Attributes:
        schema: Name of our label schema.
        tokens: Class tokens in the order of the output channels. Their left and right are the
            image's, so `rightear` is the subject's left ear, `l_ear`.
        warp: How the input is warped.
    """

    schema: str
    tokens: tuple[str, ...]
    warp: str


_ELEVEN = (
    "background", "face", "leftbro", "rightbro", "lefteye", "righteye", "nose", "upperlip",
    "innermouth", "lowerlip", "hair",
)  # fmt: skip
_NINETEEN = (
    "background", "neck", "face", "cloth", "rightear", "leftear", "rightbro", "leftbro",
    "righteye", "lefteye", "nose", "innermouth", "lowerlip", "upperlip", "hair", "glass", "hat",
    "earring", "necklace",
)  # fmt: skip
DATASETS: Mapping[str, UpstreamDataset] = MappingProxyType(
    {
        "celeb": UpstreamDataset("celebamask_hq", _NINETEEN, "none"),
        "lapa": UpstreamDataset("lapa", _ELEVEN, "tanh"),
        # Its published forward takes landmarks and leaves the picture as it is.
        "helen": UpstreamDataset("helen", _ELEVEN, "identity"),
    }
)

# Tensors that only this backbone has in this shape; None means that it must be absent.
Clue = tuple[str, tuple[int, ...] | None]
BACKBONES: Mapping[str, tuple[Clue, ...]] = MappingProxyType(
    {
        "swin_base": (
            ("0.1.0.attn.relative_position_bias_table", (169, 4)),
            ("0.5.17.norm1.weight", (512,)),
        ),
        "swinv2_base": (("0.1.0.attn.logit_scale", (4, 1, 1)), ("0.5.17.norm1.weight", (512,))),
        "swinv2_small": (("0.1.0.attn.logit_scale", (3, 1, 1)), ("0.5.17.norm1.weight", (384,))),
        "swinv2_tiny": (
            ("0.1.0.attn.logit_scale", (3, 1, 1)),
            ("0.5.5.norm1.weight", (384,)),
            ("0.5.17.norm1.weight", None),
        ),
        "convnext_base": (("0.1.0.layer_scale", (128, 1, 1)), ("0.5.26.layer_scale", (512, 1, 1))),
        "convnext_small": (("0.1.0.layer_scale", (96, 1, 1)), ("0.5.26.layer_scale", (384, 1, 1))),
        # What upstream calls convnext_tiny is built as a convnext_small.
        "convnext_tiny": (("0.1.0.layer_scale", (96, 1, 1)), ("0.5.26.layer_scale", (384, 1, 1))),
        "resnet": (
            ("4.0.conv1.weight", (64, 64, 1, 1)),
            ("6.22.conv1.weight", (256, 1024, 1, 1)),
        ),
        "mobilenet": (
            ("1.block.0.0.weight", (16, 1, 3, 3)),
            ("16.0.weight", (960, 160, 1, 1)),
        ),
        "efficientnet": (
            ("1.0.block.0.0.weight", (24, 24, 3, 3)),
            ("8.0.weight", (1280, 512, 1, 1)),
        ),
    }
)


@dataclass(frozen=True)
class PublishedFolder:
    """One folder of the published repository.

    Attributes:
        name: As its README spells it.
        backbones: The backbones that its name leaves possible.
        dataset: A key of `DATASETS`.
        resolution: Side of the input in pixels.
        mean_f1: Mean F1 in per cent as upstream's README reports it, None where it reports none.
    """

    name: str
    backbones: tuple[str, ...]
    dataset: str
    resolution: int
    mean_f1: float | None


_FAMILY = {
    "swinb": ("swin_base",),
    "swinv2b": ("swinv2_base",),
    "convnext": ("convnext_base", "convnext_small", "convnext_tiny"),
    **{name: (name,) for name in BACKBONES},
}
_DATASET_SPELLINGS = {"celeba": "celeb", "celeb": "celeb", "lapa": "lapa", "helen": "helen"}
_REPORTED_F1: Mapping[str, float | None] = MappingProxyType(
    {
        "convnext_celeba_512": 89.22,
        "efficientnet_celeba_512": 88.94,
        "mobilenet_celeba_512": 87.91,
        "resnet_celeba_512": 87.50,
        "swinb_celeba_224": 87.47,
        "swinb_celeba_256": 87.66,
        "swinb_celeba_448": 88.77,
        "swinb_celeba_512": 88.96,
        "swinv2b_celeba_512": 88.73,
        "swinb_lapa_224": 92.50,
        "swinb_lapa_256": 92.61,
        "swinb_lapa_448": 93.03,
        "swinb_lapa_512": 93.03,
        "swinb_helen_512": None,
    }
)


def parse_folder(name: str) -> PublishedFolder | None:
    """Reads a folder name such as `swinb_celeba_512`, in either spelling of celeb.

    Returns:
        None where the name isn't of that form.
    """
    families = "|".join(sorted(_FAMILY, key=len, reverse=True))
    match = re.fullmatch(rf"({families})_({'|'.join(_DATASET_SPELLINGS)})_(\d+)", name)
    if match is None:
        return None
    family, spelling, resolution = match.groups()
    dataset = _DATASET_SPELLINGS[spelling]
    canonical = f"{family}_{'celeba' if dataset == 'celeb' else dataset}_{resolution}"
    return PublishedFolder(
        name=canonical,
        backbones=_FAMILY[family],
        dataset=dataset,
        resolution=int(resolution),
        mean_f1=_REPORTED_F1.get(canonical),
    )


def spellings(name: str) -> tuple[str, ...]:
    """Returns a folder name and its other spelling, as asked first."""
    other = re.sub(r"_celeba?_", "_celeb_" if "_celeba_" in name else "_celeba_", name)
    return (name,) if other == name else (name, other)


FOLDERS: tuple[str, ...] = tuple(_REPORTED_F1)


@dataclass(frozen=True)
class Recognized:
    """What a state dict says about itself.

    Attributes:
        backbone: A key of `BACKBONES`.
        dataset: A key of `DATASETS`.
    """

    backbone: str
    dataset: str


def recognize(
    state: Mapping[str, Tensor], *, dataset: str | None = None, backbones: tuple[str, ...] = ()
) -> Recognized:
    """Recognizes backbone and dataset of a state dict, and checks stated ones against it.

    Args:
        state: Published tensors by name.
        dataset: What the name says, if anything.
        backbones: The backbones that the name leaves possible; empty for any.

    Raises:
        ConversionError: No published architecture, or a tensor contradicts what was said.
    """
    fitting = [name for name in backbones or BACKBONES if _contradiction(state, name) is None]
    if not fitting:
        raise ConversionError(_backbone_error(state, backbones))
    fits = [name for name, known in DATASETS.items() if _tokens(state) == set(known.tokens)]
    if dataset is not None and dataset not in fits:
        raise ConversionError(_dataset_error(state, dataset, fits))
    if not fits:
        raise ConversionError(
            f"no published dataset has the class tokens {sorted(_tokens(state))}: "
            f"expected those of {sorted(DATASETS)}"
        )
    if dataset is None and len(fits) > 1:
        raise ConversionError(
            f"{' and '.join(fits)} checkpoints have the same tensors and are warped differently: "
            f"say which dataset this one is of ({' or '.join(fits)})"
        )
    return Recognized(backbone=fitting[0], dataset=dataset or fits[0])


def _contradiction(state: Mapping[str, Tensor], backbone: str) -> str | None:
    """The first tensor that a checkpoint of that backbone would have otherwise, with the reason."""
    for clue, shape in BACKBONES[backbone]:
        key = f"backbone.{clue}"
        found = tuple(state[key].shape) if key in state else None
        if found != shape:
            return f"tensor '{key}' is {found or 'missing'}, expected {shape or 'none'}"
    return None


def _backbone_error(state: Mapping[str, Tensor], backbones: tuple[str, ...]) -> str:
    actual = [name for name in BACKBONES if _contradiction(state, name) is None]
    if not actual:
        return (
            f"no published architecture: expected the tensors of one of {sorted(BACKBONES)}, "
            f"got {_sample(state)}"
        )
    clue, shape = BACKBONES[actual[0]][0]
    said = " or ".join(backbones)
    reason = _contradiction(state, backbones[0])
    return (
        f"this is not {said}: {reason}, and 'backbone.{clue}' of shape {shape} is that of "
        f"{actual[0]}: give --backbone {actual[0]} or leave it out, and move the file if its "
        "folder's name says otherwise"
    )


def _dataset_error(state: Mapping[str, Tensor], dataset: str, fits: list[str]) -> str:
    if dataset not in DATASETS:
        return f"no published dataset '{dataset}': choose from {sorted(DATASETS)}"
    expected = set(DATASETS[dataset].tokens)
    found = _tokens(state)
    odd = next(iter(token_keys(sorted(found - expected))), None)
    absent = next(iter(token_keys(sorted(expected - found))), None)
    clue = f"tensor '{odd}' is unexpected" if odd else f"tensor '{absent}' is missing"
    moved = "and move the file if its folder's name says otherwise"
    remedy = f": give --dataset {' or '.join(fits)}, {moved}" if fits else ""
    return f"this is not a {dataset} checkpoint: {clue}{remedy}"


def _tokens(state: Mapping[str, Tensor]) -> set[str]:
    matches = (re.fullmatch(r"face_decoder\.(\w+)_token\.weight", key) for key in state)
    return {match[1] for match in matches if match}


def _sample(state: Mapping[str, Tensor]) -> str:
    shown = ", ".join(f"'{key}'" for key in sorted(state)[:3])
    return f"{len(state)} tensors such as {shown}" if state else "none"
