"""Recipe: everything that decides a training run, validated."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from segface_hf.config import SegFaceConfig
from segface_hf.data.class_names import ids_named, sided_pairs
from segface_hf.data.swapped import ANCHORS, Groups
from segface_hf.labels import SCHEMAS
from segface_hf.training._options import plain, read_options
from segface_hf.training.drawing.drawing import NEEDS, OCCLUDER
from segface_hf.training.recipe_parts import Augment, Loss, Pseudo, Tail, require

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
    """Everything that decides a training run.

    Attributes:
        model: Fields of `SegFaceConfig`; in a file, of `SMALL_MODEL` where they are absent.
        initial: Checkpoint folder to start from; empty starts from `pretrained`.
        pretrained: `imagenet` for the installed ImageNet weights of the backbone, or `none`.
        decoder: Checkpoint whose decoder the run starts from, where its backbone is another one;
            not together with `initial`.
        seed: Seed of every random choice.
        steps: Optimiser steps.
        batch_size: Photos in a step.
        resolutions: `((fraction of the run, side in pixels), ...)`: multi-scale training; empty
            trains at the model's resolution.
        learning_rate: Peak rate of the decoder.
        backbone_rate: Peak rate of the backbone.
        warmup_steps: Steps of linear warm-up before the cosine.
        weight_decay: Of AdamW.
        clip: Largest gradient norm.
        ema: Decay of the averaged weights, which are the ones evaluated and saved.
        precision: `fp32`, `bf16`, or `auto`: whichever a short timing shows to be faster.
        workers: Threads that each take a share of a step's batch. Faster than one thread count
            inside each operation where the machine is busy; start with one CPU thread each.
        storage: Side in pixels at which photos are kept in memory.
        checkpoint_every: Steps between saved states.
        evaluate_every: Steps between evaluations; 0 evaluates at the end only.
        augment: Variation of photos.
        loss: Losses.
        tail: Recipes for rare classes.
        pseudo: Labels for photos without masks.
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
            "initial is a whole checkpoint, decoder a part of one: give one of them",
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
            f"a flipped photo's {', '.join(named)} change places, and the model's "
            f"label_mirror_pairs don't say so: give model.label_mirror_pairs: {wanted}, or set "
            "augment.flip to 0",
        )

    def _check_places(self, names: Sequence[str]) -> None:
        for option, groups in self.placed_by().items():
            missing = [" or ".join(group) for group in groups if not ids_named(names, group)]
            require(
                not missing,
                f"{option} finds its place by classes that the model lacks, {', '.join(missing)}: "
                "name them so or in words (left eye, upper lip), or take the option out",
            )

    def placed_by(self) -> dict[str, Groups]:
        """Returns the options that paste and draw, and the classes that tell them where."""
        pasted = {f"tail.paste.{name}": ANCHORS for name, p in self.tail.paste.items() if p}
        drawn = {f"tail.drawn.{name}": NEEDS[name] for name, p in self.tail.drawn.items() if p}
        hidden = {"augment.occluded": NEEDS[OCCLUDER]} if self.augment.occluded else {}
        return {**pasted, **drawn, **hidden}

    def model_config(self) -> SegFaceConfig:
        """Returns the model's configuration.

        Raises:
            ConfigError: It is not valid.
        """
        return SegFaceConfig.from_dict(self.model)

    def resolution_at(self, progress: float) -> int:
        """Returns the side in pixels at which the model trains, at a fraction of the run."""
        sides = [side for start, side in self.resolutions if progress >= start]
        return sides[-1] if sides else self.model_config().resolution

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values, as YAML holds them."""
        return dict(plain({**asdict(self), "model": self.model_options()}))

    def model_options(self) -> dict[str, Any]:
        """Returns the model's options: those of `SMALL_MODEL`, and what else isn't a default."""
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
        """Reads what `to_dict` wrote; absent keys take their defaults.

        Of the model too: one field of it is changed by naming that field.

        Raises:
            ConfigError: An unknown key or a bad value.
        """
        if isinstance(values, Mapping) and isinstance(values.get("model"), Mapping):
            values = {**values, "model": {**SMALL_MODEL, **values["model"]}}
        recipe: Recipe = read_options(cls, values, where="recipe")
        return recipe
