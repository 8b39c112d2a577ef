"""SegFaceConfig: architecture, labels, preprocessing and provenance of a checkpoint."""

from __future__ import annotations

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


# Bounds of a model that can be built and run; `checkpoints.bounds` holds them against its weights.
_SIZES = {
    "width": (8, 2048),
    "depth": (1, 16),
    "heads": (1, 64),
    "mlp_dim": (1, 16_384),
    "resolution": (32, 4096),
}
_MAX_CHANNELS = 2048
_MAX_NUMBER = 1e6
_MAX_TEXT = 10_000
_MAX_NESTING = 4


def _tuples(value: Any, depth: int = 0) -> Any:
    """Turns JSON's lists back into tuples, at every depth."""
    if not isinstance(value, list | tuple):
        return value
    if depth == _MAX_NESTING:
        raise ConfigError(f"lists are nested at most {_MAX_NESTING} deep")
    return tuple(_tuples(item, depth + 1) for item in value)


def _is_number(value: object) -> bool:
    """Whether a value is a finite number of a sensible size."""
    return isinstance(value, int | float) and abs(value) <= _MAX_NUMBER


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}..."


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
        refine: Adds a normalized depthwise residual after the fusion (not in the paper).
        detail: Adds stride-2 backbone features to the first upscaling (not in the paper).
        resolution: Side in pixels of the square face crop that the model was trained on.
        schema: Name of the label schema; `own` in place of a built-in name where the classes are
            other ones.
        label_names: Class names by id; empty means those of the built-in schema.
        label_colors: RGB by id.
        label_mirror_pairs: Ids that swap under a horizontal flip.
        label_families: The class tree.
        added_classes: The last classes, where they have a row in the mask head instead of a class
            token: name, number of example photos, and method by which `segface add-class` fitted
            the row (not in the paper).
        class_bias: Constants added to the logits, by id; empty adds none. Calibrates a class that
            training made too common or too rare (not in the paper).
        head_scales: Pairs of an attention head of `head_names` and the factor of its output; other
            heads have 1 (not in the paper).
        mean: Normalization mean by RGB channel, of pixels in 0 to 1.
        std: Normalization standard deviation by RGB channel.
        warp: `none`; `tanh` for landmark alignment and tanh warp (LaPa); `identity` where
            landmarks are demanded but the published forward leaves the picture alone (Helen).
        source: Where the weights came from.
        source_digest: `sha256:...` of the file they were converted from, if any.
        license: License identifier of the weights.
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
    added_classes: tuple[tuple[str, int, str], ...] = ()
    class_bias: tuple[float, ...] = ()
    head_scales: tuple[tuple[str, float], ...] = ()
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    warp: str = "none"
    source: str = ""
    source_digest: str = ""
    license: str = ""

    def __post_init__(self) -> None:
        for field in fields(self):
            object.__setattr__(self, field.name, _tuples(getattr(self, field.name)))
        self._check_texts()
        if not self.label_names:
            self._take_labels_of_schema()
        self._check_sizes()
        if self.schema in SCHEMAS and SCHEMAS[self.schema].names != self.label_names:
            object.__setattr__(self, "schema", OWN_SCHEMA)
        self._check_preprocessing()
        try:
            self._build_labels()
        except (LabelError, TypeError, ValueError, OverflowError) as error:
            raise ConfigError(f"labels of the configuration: {error}") from error
        self._check_added_classes()
        self._check_class_bias()
        self._check_head_scales()

    def _take_labels_of_schema(self) -> None:
        try:
            schema = schema_named(self.schema)
        except LabelError as error:
            raise ConfigError(f"{error}, or give label_names and label_colors") from error
        for own, theirs in _FROM_SCHEMA.items():
            object.__setattr__(self, own, getattr(schema, theirs))

    def _check_texts(self) -> None:
        for name in ("backbone", "schema", "source", "source_digest", "license"):
            value = getattr(self, name)
            if not isinstance(value, str) or len(value) > _MAX_TEXT:
                raise ConfigError(
                    f"{name} is a text of at most {_MAX_TEXT} characters, got {_shown(value)}"
                )

    def _check_sizes(self) -> None:
        for name, (least, most) in _SIZES.items():
            value = getattr(self, name)
            if type(value) is not int or not least <= value <= most:
                raise ConfigError(
                    f"{name} is a whole number from {least} to {most}, got {_shown(value)}"
                )
        for name in ("refine", "detail"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(f"{name} is true or false, got {_shown(getattr(self, name))}")
        if self.width % (2 * self.heads):
            raise ConfigError(
                f"width must be a multiple of twice the heads, got {self.width} and {self.heads}"
            )
        dims = self.upscale_dims
        counts = isinstance(dims, tuple) and all(
            type(count) is int and 0 < count <= _MAX_CHANNELS for count in dims
        )
        if not counts or len(dims) not in (1, 2):
            raise ConfigError(
                f"upscale_dims holds one or two channel counts up to {_MAX_CHANNELS}, "
                f"got {_shown(dims)}"
            )

    def _check_preprocessing(self) -> None:
        if self.warp not in WARPS:
            raise ConfigError(f"warp is one of {WARPS}, got {_shown(self.warp)}")
        for name in ("mean", "std"):
            value = getattr(self, name)
            if not isinstance(value, tuple) or len(value) != 3:
                raise ConfigError(f"{name} holds one number per RGB channel, got {_shown(value)}")
            if not all(map(_is_number, value)):
                raise ConfigError(f"{name} holds finite numbers, got {_shown(value)}")
        if min(self.std) <= 0:
            raise ConfigError(f"std must be positive, got {self.std}")

    def _check_added_classes(self) -> None:
        added, names = self.added_classes, self.label_names
        sound = isinstance(added, tuple) and all(
            isinstance(entry, tuple) and tuple(map(type, entry)) == (str, int, str)
            for entry in added
        )
        if not sound or len(added) > len(names) - 2:
            raise ConfigError(
                "added_classes lists a name, a number of photos and a method for each added "
                f"class, and two other classes exist, got {_shown(added)}"
            )
        last = names[len(names) - len(added) :]
        if tuple(entry[0] for entry in added) != last:
            raise ConfigError(f"added_classes are the last classes {last}, got {_shown(added)}")

    def _check_class_bias(self) -> None:
        bias, count = self.class_bias, self.labels.num_classes
        numbers = isinstance(bias, tuple) and all(map(_is_number, bias))
        if not numbers or len(bias) not in (0, count):
            raise ConfigError(
                f"class_bias is empty or holds a finite number for each of {count} classes, "
                f"got {_shown(bias)}"
            )

    def _check_head_scales(self) -> None:
        scales, known = self.head_scales, set(self.head_names)
        pairs = isinstance(scales, tuple) and all(
            isinstance(pair, tuple) and len(pair) == 2 and pair[0] in known and _is_number(pair[1])
            for pair in scales
        )
        if not pairs or len({name for name, _ in scales}) != len(scales):
            raise ConfigError(
                "head_scales holds a finite number for each named head, each head once; heads are "
                f"{self.head_names[0]} to {self.head_names[-1]}, got {_shown(scales)}"
            )

    @cached_property
    def head_names(self) -> tuple[str, ...]:
        """The attention heads of the decoder in the order in which they run.

        `L0.self.3` is head 3 of the first layer's attention among class tokens, `L0.cross.3` reads
        the photo into class tokens, `L0.image.3` reads class tokens into the photo, and `final.3`
        reads the photo a last time.
        """
        blocks = [f"L{i}.{kind}" for i in range(self.depth) for kind in ("self", "cross", "image")]
        return tuple(f"{block}.{i}" for block in [*blocks, "final"] for i in range(self.heads))

    @property
    def scale_of_heads(self) -> tuple[float, ...]:
        """The factor of each of `head_names`; empty where all are 1."""
        scales = dict(self.head_scales)
        return tuple(float(scales.get(name, 1)) for name in self.head_names) if scales else ()

    def _build_labels(self) -> LabelSchema:
        values = {theirs: getattr(self, own) for own, theirs in _FROM_SCHEMA.items()}
        return LabelSchema.from_dict({"name": self.schema, **values})

    @cached_property
    def labels(self) -> LabelSchema:
        """The label schema of the output channels."""
        return self._build_labels()

    def to_dict(self) -> dict[str, Any]:
        """Returns the content of `config.json`: the fields, and Hugging Face's id2label."""
        labels, values = self.labels, asdict(self)
        for name in ("added_classes", "head_scales"):
            if not values[name]:  # so that older versions read a checkpoint that doesn't use them
                del values[name]
        return {
            "model_type": MODEL_TYPE,
            "architectures": ["SegFace"],
            **values,
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
                f"unknown configuration keys {_shown(unknown)}: written by a newer version? "
                "Upgrade segface-hf, or remove them"
            )
        if values.get("model_type", MODEL_TYPE) != MODEL_TYPE:
            raise ConfigError(
                f"expected model_type '{MODEL_TYPE}', got {_shown(values['model_type'])}"
            )
        config = cls(**{key: value for key, value in values.items() if key in known})
        config._check_derived(values)
        return config

    def _check_derived(self, values: Mapping[str, Any]) -> None:
        """An edited id2label beside an unedited label_names would mislabel every mask."""
        own = self.to_dict()
        for key in ("id2label", "label2id"):
            if key in values and values[key] != own[key]:
                raise ConfigError(f"{key} contradicts label_names: change both, or remove {key}")
