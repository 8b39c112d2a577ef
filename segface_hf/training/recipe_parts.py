"""Parts of a recipe: how photos are varied, which losses count, what is done for rare classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from segface_hf.errors import ConfigError
from segface_hf.training.drawing.drawing import DRAWABLE

SAMPLINGS = ("uniform", "balanced")
SWAPPED = ("repair", "set_aside", "keep")
MISSING = ("keep", "ignore", "complete")
CLASS_WEIGHTS = ("none", "inverse_sqrt", "effective_number")


def require(condition: bool, message: str) -> None:
    """Raises ConfigError with a message where a condition doesn't hold."""
    if not condition:
        raise ConfigError(message)


@dataclass(frozen=True)
class Augment:
    """How training photos are varied. Probabilities are by photo.

    Attributes:
        flip: Probability of a left-right flip, which also swaps left and right classes.
        rotation: Largest rotation in degrees, either way; small ones are likelier.
        scale_min: Smallest magnification of the face.
        scale_max: Largest magnification of the face.
        shift: Largest shift, in widths of the frame.
        brightness: Largest relative change of brightness.
        contrast: Largest relative change of contrast.
        saturation: Largest relative change of saturation.
        tint: Largest relative change of one colour channel.
        gray: Probability of a grey photo.
        low_resolution: Probability of losing detail, as small and compressed photos do.
        noise: Largest standard deviation of noise, in units of full scale.
        occluded: Probability that a hand or another thing is drawn before the face; its pixels
            are background.
    """

    flip: float = 0.5
    rotation: float = 45.0
    scale_min: float = 0.6
    scale_max: float = 1.5
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
        for name in ("flip", "gray", "low_resolution", "occluded"):
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
    """Which losses are added, and how classes are weighted in them.

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
    """Recipes for rare classes.

    Attributes:
        sampling: `uniform`, or `balanced`: photos that hold rare classes come up more often.
        sampling_power: Exponent of one over class frequency in balanced sampling.
        paste: Class name -> probability that a photo without the class gets one from another.
        drawn: Class name -> probability that a photo without the class gets a drawn one; of
            `drawing.DRAWABLE`.
        swapped: What happens to masks whose left and right are swapped: `repair` swaps the ids
            back, `set_aside` leaves them out, `keep` trains on them.
        missing: What happens to parts that the teacher of `pseudo` is sure to see and the mask
            wholly lacks: `ignore` lets those pixels not count, `complete` moreover completes
            parts of which the mask holds a fragment, `keep` trains on the mask.
        synthetic: Share of the pictures in training that comes from the synthetic folder, where
            one is given; its masks are exact and are neither repaired nor mended.
    """

    sampling: str = "balanced"
    sampling_power: float = 0.5
    paste: Mapping[str, float] = field(default_factory=dict)
    drawn: Mapping[str, float] = field(default_factory=dict)
    swapped: str = "repair"
    missing: str = "keep"
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
    """Labels by a teacher, for photos without masks and for parts that masks lack.

    Attributes:
        teacher: Checkpoint that labels; empty takes the run's `initial` one.
        confidence: Less probable pixels are unsure: no label of photos without masks, no
            missing part of a mask.
    """

    teacher: str = ""
    confidence: float = 0.7

    def __post_init__(self) -> None:
        require(
            0 <= self.confidence <= 1, f"pseudo.confidence is from 0 to 1, got {self.confidence}"
        )
