"""The recipe of a training run: all options, validated."""

from __future__ import annotations

import math
import types
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

from segface_hf.config import SegFaceConfig
from segface_hf.data.class_names import ids_named, sided_pairs
from segface_hf.data.swapped import ANCHORS, Groups
from segface_hf.errors import ConfigError
from segface_hf.labels import SCHEMAS
from segface_hf.training.drawing.drawing import DRAWABLE, NEEDS, OCCLUDER


def plain(value: Any) -> Any:
    """Converts nested mappings and tuples to dicts and lists."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def read_options(kind: Any, values: Any, *, where: str) -> Any:
    """Builds a frozen dataclass, with nested ones, from a mapping.

    Raises:
        ConfigError: An option is unknown, or a value has the wrong type.
    """
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where} must be a mapping of options, got {values!r}")
    known = {item.name for item in fields(kind)}
    unknown = sorted(set(map(str, values)) - known)
    if unknown:
        raise ConfigError(f"{where} has no options {unknown}: choose from {sorted(known)}")
    hints = get_type_hints(kind)
    given = {
        key: read_options(hints[key], value, where=f"{where}.{key}")
        if is_dataclass(hints[key])
        else _checked(hints[key], value, f"{where}.{key}")
        for key, value in values.items()
    }
    return kind(**given)


def _checked(hint: Any, value: Any, where: str) -> Any:
    """Returns a value converted to its type hint.

    Raises:
        ConfigError: It has another type.
    """
    if get_origin(hint) is Mapping:
        return _mapping(get_args(hint)[1], value, where)
    if get_origin(hint) is tuple:
        return _sequence(get_args(hint), value, where)
    if hint is float:
        return _number(value, where)
    if hint is not Any and isinstance(hint, type) and type(value) is not hint:
        raise ConfigError(f"{where} is of type {hint.__name__}, got {value!r}")
    return value


def _mapping(hint: Any, value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where} is a mapping, 'name: value', got {value!r}")
    return {str(key): _checked(hint, item, f"{where}.{key}") for key, item in value.items()}


def _sequence(hints: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise ConfigError(f"{where} is a list, got {value!r}")
    if hints[1:] == (...,):
        hints = hints[:1] * len(value)
    if len(hints) != len(value):
        raise ConfigError(f"{where} is a list of {len(hints)}, got {value!r}")
    return tuple(
        _checked(hint, item, f"{where}[{index}]")
        for index, (hint, item) in enumerate(zip(hints, value, strict=True))
    )


def _number(value: Any, where: str) -> float:
    """Returns a float. YAML reads `1e-3` as text and `1` as an integer; both are accepted."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ConfigError(f"{where} is a number, got {value!r}")
    return number


SAMPLINGS = ("uniform", "balanced")
SWAPPED = ("repair", "set_aside", "keep")
MISSING = ("keep", "ignore", "complete")
SUSPECTS = ("keep", "set_aside", "lower")
CLASS_WEIGHTS = ("none", "inverse_sqrt", "effective_number")


def require(condition: bool, message: str) -> None:
    """Raises ConfigError with a message if a condition is false."""
    if not condition:
        raise ConfigError(message)


@dataclass(frozen=True)
class Augment:
    """Ranges and probabilities of augmentation. Each photo is drawn independently.

    Attributes:
        flip: Probability of a left-right flip, which also swaps left and right classes.
        rotation: Largest rotation in degrees, either way; small angles are more likely.
        scale_min: Smallest magnification of the face.
        scale_max: Largest magnification of the face.
        zoom_out: Probability that the photo is shown smaller than `scale_min`, down to a quarter;
            pixels around it are unknown.
        shift: Largest shift, in widths of the frame.
        brightness: Largest relative change of brightness.
        contrast: Largest relative change of contrast.
        saturation: Largest relative change of saturation.
        tint: Largest relative change of one color channel.
        gray: Probability that the photo becomes grayscale.
        low_resolution: Probability that the photo is downscaled and upscaled again.
        noise: Largest standard deviation of added noise, on a scale of 0 to 1.
        occluded: Probability that a hand or another object is drawn in front of the face; its
            pixels are background.
    """

    flip: float = 0.5
    rotation: float = 45.0
    scale_min: float = 0.6
    scale_max: float = 1.5
    zoom_out: float = 0.0
    shift: float = 0.15
    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.6
    tint: float = 0.1
    gray: float = 0.1
    low_resolution: float = 0.25
    noise: float = 0.04
    occluded: float = 0.0

    def __post_init__(self) -> None:
        for name in ("flip", "zoom_out", "gray", "low_resolution", "occluded"):
            value = getattr(self, name)
            require(0 <= value <= 1, f"augment.{name} is a probability, got {value}")
        require(
            0 < self.scale_min <= self.scale_max,
            f"augment.scale_min must be in (0, scale_max], got {self.scale_min}",
        )
        for name in ("shift", "brightness", "contrast", "saturation", "tint", "noise"):
            value = getattr(self, name)
            require(value >= 0, f"augment.{name} is at least 0, got {value}")
        require(0 <= self.rotation <= 180, f"augment.rotation is 0 to 180, got {self.rotation}")


@dataclass(frozen=True)
class Loss:
    """Which losses are summed, and how classes are weighted in them.

    Attributes:
        cross_entropy: Factor of the cross-entropy.
        dice: Factor of the Dice loss over the classes in a batch.
        dice_absent: Whether classes that a batch lacks count in it too, by how much is taken for
            them against their average share: rare classes are then not seen everywhere.
        class_weights: How cross-entropy weights classes: `none`, `inverse_sqrt` (one over the
            square root of pixel frequency) or `effective_number` (Cui et al., CVPR 2019).
        weight_limit: Largest ratio of a class weight to the mean weight.
        reweight_from: Fraction of the run after which class weights apply (deferred
            re-weighting, Cao et al., NeurIPS 2019); 0 from the start.
        logit_adjustment: Factor of log class frequency added to training logits (Menon et al.,
            ICLR 2021); 0 turns it off.
    """

    cross_entropy: float = 1.0
    dice: float = 1.0
    dice_absent: bool = False
    class_weights: str = "none"
    weight_limit: float = 4.0
    reweight_from: float = 0.0
    logit_adjustment: float = 0.0

    def __post_init__(self) -> None:
        require(
            self.class_weights in CLASS_WEIGHTS,
            f"loss.class_weights is one of {CLASS_WEIGHTS}, got {self.class_weights!r}",
        )
        for name in ("cross_entropy", "dice", "logit_adjustment"):
            value = getattr(self, name)
            require(value >= 0, f"loss.{name} is at least 0, got {value}")
        require(self.cross_entropy + self.dice > 0, "loss needs cross_entropy or dice above 0")
        require(
            0 <= self.reweight_from <= 1,
            f"loss.reweight_from is a fraction of the run, got {self.reweight_from}",
        )
        require(self.weight_limit >= 1, f"loss.weight_limit is >= 1, got {self.weight_limit}")


@dataclass(frozen=True)
class Tail:
    """Methods for rare classes.

    Attributes:
        sampling: `uniform`, or `balanced`: photos with rare classes are drawn more often.
        sampling_power: Exponent of the inverse class frequency in balanced sampling.
        paste: Class name -> probability that a photo without the class gets one from another photo.
        drawn: Class name -> probability that a photo without the class gets a drawn one; names of
            `drawing.DRAWABLE`.
        swapped: Treatment of masks with left and right swapped: `repair` swaps the ids back,
            `set_aside` drops the photos, `keep` trains on them.
        missing: Treatment of parts that the teacher of `pseudo` predicts with confidence and the
            mask lacks: `ignore` excludes those pixels from the loss, `complete` also completes
            parts of which the mask contains a fragment, `keep` trains on the mask.
        suspects: Treatment of photos whose masks the teacher of `pseudo` contradicts strongly:
            `set_aside` drops them, `lower` draws them a quarter as often, `keep` trains on them.
        synthetic: Share of synthetic pictures in batches, if a folder of them is given; their
            masks are exact and are never changed.
    """

    sampling: str = "balanced"
    sampling_power: float = 0.5
    paste: Mapping[str, float] = field(default_factory=dict)
    drawn: Mapping[str, float] = field(default_factory=dict)
    swapped: str = "repair"
    missing: str = "keep"
    suspects: str = "keep"
    synthetic: float = 0.25

    def __post_init__(self) -> None:
        require(
            self.sampling in SAMPLINGS,
            f"tail.sampling is one of {SAMPLINGS}, got {self.sampling!r}",
        )
        require(
            self.sampling_power >= 0,
            f"tail.sampling_power is at least 0, got {self.sampling_power}",
        )
        require(self.swapped in SWAPPED, f"tail.swapped is one of {SWAPPED}, got {self.swapped!r}")
        require(self.missing in MISSING, f"tail.missing is one of {MISSING}, got {self.missing!r}")
        require(
            self.suspects in SUSPECTS,
            f"tail.suspects is one of {SUSPECTS}, got {self.suspects!r}",
        )
        require(
            0 < self.synthetic < 1,
            f"tail.synthetic is a share between 0 and 1, got {self.synthetic}",
        )
        unknown = sorted(set(self.drawn) - set(DRAWABLE))
        require(not unknown, f"tail.drawn knows {DRAWABLE}, got {unknown}")
        for kind in ("paste", "drawn"):
            for name, value in getattr(self, kind).items():
                require(0 <= value <= 1, f"tail.{kind}.{name} is a probability, got {value}")


@dataclass(frozen=True)
class Pseudo:
    """Pseudo-labels by a teacher, for photos without masks and parts that masks lack.

    Attributes:
        teacher: The checkpoint that labels; empty stands for `initial`.
        confidence: Pixels whose best class is less probable are not labeled.
    """

    teacher: str = ""
    confidence: float = 0.7

    def __post_init__(self) -> None:
        require(
            0 <= self.confidence <= 1, f"pseudo.confidence is from 0 to 1, got {self.confidence}"
        )


@dataclass(frozen=True)
class Distill:
    """A teacher whose class probabilities the model learns beside the labels.

    Attributes:
        teacher: A checkpoint with the same classes; empty trains without a teacher.
        weight: Factor of the distillation loss.
        temperature: Softens the probabilities of teacher and model.
    """

    teacher: str = ""
    weight: float = 1.0
    temperature: float = 2.0

    def __post_init__(self) -> None:
        for name in ("weight", "temperature"):
            value = getattr(self, name)
            require(value > 0, f"distill.{name} is above 0, got {value}")


PRECISIONS = ("auto", "fp32", "bf16")

SMALL_MODEL: Mapping[str, Any] = types.MappingProxyType(
    {
        "backbone": "tf_efficientnet_lite0",
        "width": 128,
        "mlp_dim": 512,
        "upscale_dims": (64,),
        "refine": True,
        "detail": True,
        "resolution": 256,
        "mean": (0.5, 0.5, 0.5),
        "std": (0.5, 0.5, 0.5),
    }
)


@dataclass(frozen=True)
class Recipe:
    """All options of a training run.

    Attributes:
        model: Fields of `SegFaceConfig`; absent ones are those of `SMALL_MODEL`.
        initial: Checkpoint to start from; empty starts from `pretrained`.
        pretrained: `imagenet` for the installed ImageNet weights of the backbone, or `none`.
        decoder: Checkpoint with another backbone whose decoder the run starts from; excludes
            `initial`.
        seed: Seed of every random choice.
        steps: Number of optimizer steps.
        batch_size: Photos a step.
        resolutions: `((fraction of the run, side in pixels), ...)`: the side to train at from that
            fraction on; empty trains at the model's resolution.
        learning_rate: Peak rate of the decoder.
        backbone_rate: Peak rate of the backbone.
        warmup_steps: Steps of linear warm-up before cosine decay.
        weight_decay: Of AdamW.
        clip: Gradients are clipped to this norm.
        ema: Decay of the averaged weights, which are evaluated and saved.
        precision: `fp32`, `bf16`, or `auto`: the faster one in a short benchmark.
        workers: Replicas of the model that share a batch, one thread each. On a busy machine this
            is faster than several threads inside each operation.
        storage: Side in pixels at which photos are kept in memory.
        checkpoint_every: Steps between saves.
        evaluate_every: Steps between evaluations; 0 evaluates at the end only.
        augment: Augmentation of photos.
        loss: Losses and class weights.
        tail: Methods for rare classes.
        pseudo: Pseudo-labels by a teacher.
        distill: Distillation from a teacher.
    """

    model: Mapping[str, Any] = field(default_factory=lambda: dict(SMALL_MODEL))
    initial: str = ""
    pretrained: str = "imagenet"
    decoder: str = ""
    seed: int = 0
    steps: int = 6000
    batch_size: int = 8
    resolutions: tuple[tuple[float, int], ...] = ()
    learning_rate: float = 1.2e-3
    backbone_rate: float = 4e-4
    warmup_steps: int = 100
    weight_decay: float = 1e-2
    clip: float = 1.0
    ema: float = 0.998
    precision: str = "auto"
    workers: int = 1
    storage: int = 512
    checkpoint_every: int = 200
    evaluate_every: int = 1000
    augment: Augment = field(default_factory=Augment)
    loss: Loss = field(default_factory=Loss)
    tail: Tail = field(default_factory=Tail)
    pseudo: Pseudo = field(default_factory=Pseudo)
    distill: Distill = field(default_factory=Distill)

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "workers", "storage", "checkpoint_every"):
            value = getattr(self, name)
            require(isinstance(value, int) and value >= 1, f"{name} is >= 1, got {value!r}")
        for name in ("evaluate_every", "warmup_steps", "backbone_rate", "weight_decay"):
            value = getattr(self, name)
            require(value >= 0, f"{name} is at least 0, got {value!r}")
        for name in ("learning_rate", "clip"):
            value = getattr(self, name)
            require(value > 0, f"{name} is above 0, got {value!r}")
        require(
            self.precision in PRECISIONS, f"precision is one of {PRECISIONS}: {self.precision!r}"
        )
        require(
            self.pretrained in ("imagenet", "none"),
            f"pretrained is 'imagenet' or 'none', got {self.pretrained!r}",
        )
        require(
            not (self.initial and self.decoder),
            "initial loads a whole checkpoint and decoder a part of one: give only one of them",
        )
        require(0 <= self.ema < 1, f"ema is from 0 and below 1, got {self.ema}")
        stages = tuple((float(start), int(side)) for start, side in self.resolutions)
        object.__setattr__(self, "resolutions", stages)
        starts = [start for start, _ in stages]
        require(
            not stages or (starts[0] == 0 and starts == sorted(starts)),
            f"resolutions start at 0.0 and ascend, got {stages}",
        )
        require(
            all(start < 1 for start in starts),
            f"resolutions start at fractions of the run below 1, got {stages}",
        )
        require(
            all(side >= 32 and side % 32 == 0 for _, side in stages),
            f"resolutions are multiples of 32, got {stages}",
        )
        config = self.model_config()
        require(
            config.warp != "tanh",
            "model.warp 'tanh' aligns faces by landmarks, which training doesn't read: use 'none'",
        )
        self._check_classes(config)
        object.__setattr__(self, "model", config.to_dict())

    def _check_classes(self, config: SegFaceConfig) -> None:
        labels = config.labels
        for name in (*self.tail.paste, *self.tail.drawn):
            require(
                name in labels.names,
                f"tail.paste and tail.drawn name classes of the model, got {name!r}",
            )
        self._check_places(labels.names)
        pairs = sided_pairs(labels.names)
        forgotten = [pair for pair in pairs if all(labels.mirror_ids[i] == i for i in pair)]
        named = [f"'{labels.names[a]}' and '{labels.names[b]}'" for a, b in forgotten]
        wanted = [list(pair) for pair in sorted({*labels.mirror_pairs, *forgotten})]
        require(
            not (forgotten and self.augment.flip),
            f"flipping a photo swaps {', '.join(named)}, but the model's label_mirror_pairs don't "
            f"contain them: set model.label_mirror_pairs: {wanted}, or set augment.flip to 0",
        )

    def _check_places(self, names: Sequence[str]) -> None:
        for option, groups in self.placed_by().items():
            missing = [" or ".join(group) for group in groups if not ids_named(names, group)]
            require(
                not missing,
                f"{option} locates the face by classes that the model lacks, {', '.join(missing)}: "
                "name classes so or in words (left eye, upper lip), or remove the option",
            )

    def placed_by(self) -> dict[str, Groups]:
        """Returns the options that paste or draw, and the classes that locate each part."""
        pasted = {f"tail.paste.{name}": ANCHORS for name, p in self.tail.paste.items() if p}
        drawn = {f"tail.drawn.{name}": NEEDS[name] for name, p in self.tail.drawn.items() if p}
        hidden = {"augment.occluded": NEEDS[OCCLUDER]} if self.augment.occluded else {}
        return {**pasted, **drawn, **hidden}

    def model_config(self) -> SegFaceConfig:
        """Returns the model's configuration.

        Raises:
            ConfigError: The configuration is invalid.
        """
        return SegFaceConfig.from_dict(self.model)

    def resolution_at(self, progress: float) -> int:
        """Returns the training side in pixels at a fraction of the run."""
        sides = [side for start, side in self.resolutions if progress >= start]
        return sides[-1] if sides else self.model_config().resolution

    def to_dict(self) -> dict[str, Any]:
        """Returns the recipe as dicts, lists and plain values, for YAML."""
        return dict(plain({**asdict(self), "model": self.model_options()}))

    def model_options(self) -> dict[str, Any]:
        """Returns the model's options: those of `SMALL_MODEL`, and others that aren't defaults."""
        config = self.model_config()
        default = {item.name: item.default for item in fields(SegFaceConfig)}
        if config.schema in SCHEMAS:
            default = asdict(SegFaceConfig(schema=config.schema))
        return {
            key: value
            for key, value in asdict(config).items()
            if key in ("schema", *SMALL_MODEL) or default[key] != value
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Recipe:
        """Reads a recipe by `to_dict`; absent keys have their defaults.

        This holds for fields of the model too: naming one field changes only that one.

        Raises:
            ConfigError: A key is unknown or a value is invalid.
        """
        if isinstance(values, Mapping) and isinstance(values.get("model"), Mapping):
            values = {**values, "model": {**SMALL_MODEL, **values["model"]}}
        recipe: Recipe = read_options(cls, values, where="recipe")
        return recipe
