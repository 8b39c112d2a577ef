"""SegFaceConfig: everything that makes a checkpoint explain itself, flat and frozen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any

from segface_hf.errors import ConfigError, LabelError
from segface_hf.labels import SCHEMAS, LabelSchema, schema_named

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
WARPS = ("none", "identity", "tanh")
MODEL_TYPE = "segface"
OWN_SCHEMA = "own"
_FROM_SCHEMA = {
    "label_names": "names",
    "label_colors": "colors",
    "label_mirror_pairs": "mirror_pairs",
    "label_families": "families",
}
_DERIVED = ("model_type", "architectures", "id2label", "label2id")


def _tuples(value: Any) -> Any:
    """Turns JSON's lists back into tuples, at every depth."""
    return tuple(_tuples(item) for item in value) if isinstance(value, list | tuple) else value


@dataclass(frozen=True)
class SegFaceConfig:
    """Architecture, labels, preprocessing and provenance of one checkpoint.

    Attributes:
        backbone: A published alias (`swin_base`, `mobilenet`, ...) or any timm name with a
            feature pyramid of strides 4, 8, 16 and 32.
        width: Channels of face tokens and class tokens.
        depth: Two-way transformer layers.
        heads: Attention heads; they divide half the width.
        mlp_dim: Hidden units of the transformer's token MLP.
        upscale_dims: Channels after each transposed convolution; each doubles the resolution.
        refine: Adds a normalised depthwise residual after the fusion (not in the paper).
        detail: Adds stride-2 backbone features to the first upscaling (not in the paper).
        resolution: Side in pixels of the square face crop that the model was trained on.
        schema: Name of the label schema; `own` in place of a built-in name where the classes are
            other ones.
        label_names: Class names by id; empty means those of the built-in schema.
        label_colors: RGB by id.
        label_mirror_pairs: Ids that swap under a horizontal flip.
        label_families: The class tree.
        class_bias: Constants added to the logits, by id; empty adds none. Calibrates a class that
            training made too common or too rare (not in the paper).
        mean: Normalisation mean by RGB channel, of pixels in 0 to 1.
        std: Normalisation standard deviation by RGB channel.
        warp: `none`; `tanh` for landmark alignment and tanh warp (LaPa); `identity` where
            landmarks are demanded but the published forward leaves the picture alone (Helen).
        source: Where the weights came from.
        source_digest: `sha256:...` of the file they were converted from, if any.
        license: Licence identifier of the weights.
    """

    backbone: str = "tf_efficientnet_lite0"
    width: int = 256
    depth: int = 2
    heads: int = 8
    mlp_dim: int = 2048
    upscale_dims: tuple[int, ...] = (64, 32)
    refine: bool = False
    detail: bool = False
    resolution: int = 512
    schema: str = "celebamask_hq"
    label_names: tuple[str, ...] = ()
    label_colors: tuple[tuple[int, int, int], ...] = ()
    label_mirror_pairs: tuple[tuple[int, int], ...] = ()
    label_families: tuple[tuple[str, tuple[int, ...]], ...] = ()
    class_bias: tuple[float, ...] = ()
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    warp: str = "none"
    source: str = ""
    source_digest: str = ""
    license: str = ""

    def __post_init__(self) -> None:
        for field in fields(self):
            object.__setattr__(self, field.name, _tuples(getattr(self, field.name)))
        if not self.label_names:
            self._take_labels_of_schema()
        self._check_sizes()
        if self.schema in SCHEMAS and SCHEMAS[self.schema].names != self.label_names:
            object.__setattr__(self, "schema", OWN_SCHEMA)
        self._check_preprocessing()
        try:
            self._build_labels()
        except (LabelError, TypeError, ValueError) as error:
            raise ConfigError(f"labels of the configuration: {error}") from error
        self._check_class_bias()

    def _take_labels_of_schema(self) -> None:
        try:
            schema = schema_named(self.schema)
        except LabelError as error:
            raise ConfigError(f"{error}, or give label_names and label_colors") from error
        for own, theirs in _FROM_SCHEMA.items():
            object.__setattr__(self, own, getattr(schema, theirs))

    def _check_sizes(self) -> None:
        for name in ("backbone", "schema"):
            if not isinstance(getattr(self, name), str):
                raise ConfigError(f"{name} is a name, got {getattr(self, name)!r}")
        limits = {"width": 8, "depth": 1, "heads": 1, "mlp_dim": 1, "resolution": 32}
        for name, smallest in limits.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < smallest:
                raise ConfigError(f"{name} is a whole number from {smallest}, got {value!r}")
        for name in ("refine", "detail"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(f"{name} is true or false, got {getattr(self, name)!r}")
        if self.width % (2 * self.heads):
            raise ConfigError(
                f"width must be a multiple of twice the heads, got {self.width} and {self.heads}"
            )
        dims = self.upscale_dims
        counts = isinstance(dims, tuple) and all(type(count) is int and count > 0 for count in dims)
        if not counts or len(dims) not in (1, 2):
            raise ConfigError(f"upscale_dims holds one or two channel counts, got {dims!r}")

    def _check_preprocessing(self) -> None:
        if self.warp not in WARPS:
            raise ConfigError(f"warp is one of {WARPS}, got {self.warp!r}")
        for name in ("mean", "std"):
            value = getattr(self, name)
            if not isinstance(value, tuple) or len(value) != 3:
                raise ConfigError(f"{name} holds one number for each RGB channel, got {value!r}")
            if not all(isinstance(part, int | float) and math.isfinite(part) for part in value):
                raise ConfigError(f"{name} holds finite numbers, got {value!r}")
        if min(self.std) <= 0:
            raise ConfigError(f"std must be positive, got {self.std}")

    def _check_class_bias(self) -> None:
        bias, count = self.class_bias, self.labels.num_classes
        numbers = isinstance(bias, tuple) and all(isinstance(b, int | float) for b in bias)
        if not numbers or len(bias) not in (0, count) or not all(map(math.isfinite, bias)):
            raise ConfigError(
                f"class_bias is empty or holds a finite number for each of {count} classes, "
                f"got {bias!r}"
            )

    def _build_labels(self) -> LabelSchema:
        values = {theirs: getattr(self, own) for own, theirs in _FROM_SCHEMA.items()}
        return LabelSchema.from_dict({"name": self.schema, **values})

    @cached_property
    def labels(self) -> LabelSchema:
        """The label schema of the output channels."""
        return self._build_labels()

    def to_dict(self) -> dict[str, Any]:
        """Returns what `config.json` holds: the fields, and the ecosystem's id2label."""
        labels = self.labels
        return {
            "model_type": MODEL_TYPE,
            "architectures": ["SegFace"],
            **asdict(self),
            "id2label": {str(index): name for index, name in labels.id2label.items()},
            "label2id": labels.label2id,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SegFaceConfig:
        """Reads what `to_dict` wrote.

        Raises:
            ConfigError: An unknown key, a bad value, another model type, or an id2label that
                contradicts label_names.
        """
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(values) - known - set(_DERIVED))
        if unknown:
            raise ConfigError(
                f"unknown configuration keys {unknown}: written by a newer version? "
                "Upgrade segface-hf, or remove them"
            )
        if values.get("model_type", MODEL_TYPE) != MODEL_TYPE:
            raise ConfigError(f"expected model_type '{MODEL_TYPE}', got {values['model_type']!r}")
        config = cls(**{key: value for key, value in values.items() if key in known})
        config._check_derived(values)
        return config

    def _check_derived(self, values: Mapping[str, Any]) -> None:
        """An edited id2label beside an unedited label_names would mislabel every mask."""
        own = self.to_dict()
        for key in ("id2label", "label2id"):
            if key in values and values[key] != own[key]:
                raise ConfigError(f"{key} contradicts label_names: change both, or remove {key}")
