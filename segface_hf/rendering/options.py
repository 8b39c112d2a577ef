"""Options of a set of rendered pictures, with their ranges."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from segface_hf.errors import ConfigError

# Raised whenever the same options give other pictures than before.
REVISION = 2

_RANGES: dict[str, tuple[float, float]] = {
    "count": (1, 1_000_000),
    "seed": (0, 2**31 - 1),
    "side": (32, 1024),
    "samples": (1, 4096),
    "yaw": (0, 90),
    "hat": (0, 1),
    "eyeglasses": (0, 1),
    "earring": (0, 1),
    "necklace": (0, 1),
    "beard": (0, 1),
}


@dataclass(frozen=True)
class RenderOptions:
    """What to render.

    Attributes:
        count: How many pictures, 1 to a million; a larger count continues a smaller one.
        seed: Decides everything: picture i of one seed is always the same, whatever the count.
        side: Width and height in pixels, 32 to 1024.
        samples: Light paths a pixel before denoising, 1 to 4096.
        yaw: Farthest turn of a head to either side, in degrees; 90 is a full profile.
        hat: Probability of headwear.
        eyeglasses: Probability of glasses or sunglasses.
        earring: Probability of earrings, for women and men alike.
        necklace: Probability of a necklace.
        beard: Probability of a beard, of men.

    Raises:
        ConfigError: A value is out of its range.
    """

    count: int = 100
    seed: int = 0
    side: int = 256
    samples: int = 4
    yaw: float = 60.0
    hat: float = 0.2
    eyeglasses: float = 0.2
    earring: float = 0.3
    necklace: float = 0.25
    beard: float = 0.5

    def __post_init__(self) -> None:
        for field in fields(self):
            value, (low, high) = getattr(self, field.name), _RANGES[field.name]
            # Written so that NaN is refused too.
            if not low <= value <= high:
                raise ConfigError(
                    f"{field.name} is {value}: choose a value from {low:g} to {high:g}"
                )

    def content(self) -> dict[str, Any]:
        """Returns what decides how a picture of some seed and number looks."""
        values = asdict(self)
        kept = {name: values[name] for name in values if name not in ("count", "seed")}
        return {"revision": REVISION, **kept}
