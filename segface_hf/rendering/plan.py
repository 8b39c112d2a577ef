"""The plan of a picture: who it shows, in which pose, wearing what; by seed and number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from zlib import crc32

import numpy as np

from segface_hf.rendering.body.mesh import RGB
from segface_hf.rendering.options import RenderOptions

HAIR: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        # How common a style is with women and with men.
        "bald": (0.01, 0.1),
        "buzzed": (0.02, 0.2),
        "short": (0.06, 0.4),
        "swept": (0.06, 0.15),
        "bob": (0.25, 0.04),
        "long": (0.43, 0.05),
        "curls": (0.12, 0.06),
        "afro": (0.05, 0.05),
    }
)
HATS = ("beanie", "cap", "brimmed", "turban", "scarf")
EYEWEAR = ("clear", "clear", "sun")
EARRINGS = ("stud", "hoop", "drop")
NECKLACES = ("chain", "pendant", "beads", "collar")
BEARDS = ("stubble", "stubble", "full", "moustache", "goatee")
NECKLINES = ("crew", "crew", "vee", "boat", "high", "shirt", "strapless")

# Linear colors: of hair from black to blond and red, of skin from pale to dark.
_HAIR_COLORS = (
    (0.012, 0.009, 0.008),
    (0.03, 0.018, 0.011),
    (0.07, 0.036, 0.018),
    (0.16, 0.085, 0.036),
    (0.38, 0.24, 0.11),
    (0.52, 0.39, 0.22),
    (0.24, 0.07, 0.025),
)
_HAIR_SHARES = (0.24, 0.22, 0.2, 0.13, 0.1, 0.06, 0.05)
_SKIN = (
    (0.74, 0.48, 0.37),
    (0.6, 0.34, 0.23),
    (0.4, 0.2, 0.12),
    (0.2, 0.095, 0.055),
    (0.09, 0.042, 0.027),
)
_FACING = 0.6


@dataclass(frozen=True)
class ScenePerson:
    """Who is shown, as shares of what the base mesh has targets for.

    Attributes:
        male: 0 to 1.
        ages: Shares of child, young and old.
        heritage: Shares of the targets named african, asian and caucasian.
        muscle: 0 to 1.
        weight: 0 to 1.
    """

    male: float
    ages: tuple[float, float, float]
    heritage: tuple[float, float, float]
    muscle: float
    weight: float

    @property
    def grown(self) -> bool:
        """Whether a beard or gray hair is to be expected at all."""
        return self.ages[0] < 0.2


@dataclass(frozen=True)
class ScenePlan:
    """Everything in a picture that is decided before geometry is computed.

    Attributes:
        seed: Of the set.
        number: Of the picture, from 0.
        person: Who is shown.
        yaw: Turn of the head to the subject's left, in radians.
        pitch: Its nod, positive downwards.
        roll: Its tilt.
        body: Turn of the shoulders.
        skin: Linear color.
        hair: A name of `HAIR`.
        hair_color: Linear color.
        beard: One of `BEARDS`, or None.
        neckline: One of `NECKLINES`: what is worn.
        hat: One of `HATS`, or None.
        eyeglasses: One of `EYEWEAR`, or None.
        earring: One of `EARRINGS`, or None.
        necklace: One of `NECKLACES`, or None.
    """

    seed: int
    number: int
    person: ScenePerson
    yaw: float
    pitch: float
    roll: float
    body: float
    skin: RGB
    hair: str
    hair_color: RGB
    beard: str | None
    neckline: str
    hat: str | None
    eyeglasses: str | None
    earring: str | None
    necklace: str | None

    @property
    def stem(self) -> str:
        """Name of its files, without a suffix."""
        return f"rendered-{self.seed}-{self.number:06d}"

    def stream(self, topic: str) -> np.random.Generator:
        """Returns random numbers for one topic, independent of those of other topics."""
        return stream(self.seed, self.number, topic)


def stream(seed: int, number: int, topic: str) -> np.random.Generator:
    """Returns the random numbers of a topic of a picture."""
    return np.random.default_rng([seed, number, crc32(topic.encode())])


def plan_picture(options: RenderOptions, number: int) -> ScenePlan:
    """Decides what a picture shows.

    Args:
        options: Probabilities, turns and the seed.
        number: Of the picture, from 0.

    Returns:
        Always the same for the same seed, number and probabilities.
    """
    seed = options.seed
    person = _person(stream(seed, number, "person"))
    yaw, pitch, roll, body = _pose(stream(seed, number, "pose"), options.yaw)
    random = stream(seed, number, "dress")
    hair = _hair(random, person)
    hat = _perhaps(random, options.hat, HATS)
    beard = _perhaps(random, options.beard, BEARDS)
    neckline = NECKLINES[random.integers(len(NECKLINES) - (person.male > 0.5))]
    eyeglasses = _perhaps(random, options.eyeglasses, EYEWEAR)
    earring = _perhaps(random, options.earring, EARRINGS)
    necklace = _perhaps(random, options.necklace, NECKLACES)
    covered = hat == "scarf"
    return ScenePlan(
        seed=seed,
        number=number,
        person=person,
        yaw=yaw,
        pitch=pitch,
        roll=roll,
        body=body,
        skin=_skin(random, person),
        hair=hair,
        hair_color=_hair_color(random, person),
        hat=hat,
        beard=beard if person.male > 0.5 and person.grown else None,
        neckline=neckline,
        eyeglasses=eyeglasses,
        earring=None if covered else earring,
        necklace=None if covered else necklace,
    )


def _perhaps(random: np.random.Generator, chance: float, kinds: tuple[str, ...]) -> str | None:
    """One of the kinds, with a probability; draws as many numbers either way."""
    happens, kind = random.random() < chance, kinds[random.integers(len(kinds))]
    return kind if happens else None


def _person(random: np.random.Generator) -> ScenePerson:
    male = float(np.clip(random.integers(2) + random.normal(0, 0.08), 0, 1))
    child = float(random.uniform(0.3, 0.7)) if random.random() < 0.05 else 0.0
    old = float(random.beta(0.7, 1.2)) * (1 - child)
    african, asian, caucasian = random.dirichlet([0.5, 0.5, 0.5]).tolist()
    muscle, weight = random.uniform(0.1, 0.9, 2).tolist()
    ages = (child, 1 - child - old, old)
    return ScenePerson(male, ages, (african, asian, caucasian), muscle, weight)


def _pose(random: np.random.Generator, yaw: float) -> tuple[float, float, float, float]:
    """Turns in radians: most people face the camera, the others look anywhere in the range."""
    limit = np.deg2rad(yaw)
    facing = random.random() < _FACING
    turn = random.normal(0, limit / 4) if facing else random.uniform(-limit, limit)
    turn = float(np.clip(turn, -limit, limit))
    pitch = float(np.clip(random.normal(0.02, 0.12), -0.35, 0.35))
    roll = float(random.normal(0, 0.06))
    # A neck turns by some 50 degrees with ease; the shoulders do the rest.
    body = turn * random.uniform(0.4, 0.9) + random.normal(0, 0.15)
    return turn, pitch, roll, float(np.clip(body, turn - 0.85, turn + 0.85))


def _hair(random: np.random.Generator, person: ScenePerson) -> str:
    shares = np.array([share[int(person.male > 0.5)] for share in HAIR.values()])
    return str(random.choice(list(HAIR), p=shares / shares.sum()))


def _hair_color(random: np.random.Generator, person: ScenePerson) -> RGB:
    color = np.array(_HAIR_COLORS[random.choice(len(_HAIR_COLORS), p=_HAIR_SHARES)])
    gray = np.array([1.0, 0.98, 0.94]) * random.uniform(0.12, 0.4)
    share = random.beta(2, 1) * (person.ages[2] > 0.6) * (random.random() < 0.6)
    return _rgb((color * (1 - share) + gray * share) * random.uniform(0.8, 1.25))


def _skin(random: np.random.Generator, person: ScenePerson) -> RGB:
    """Any tone with any face, so that no shape is bound to a tone; likely ones more often."""
    likely = person.heritage[0] * 0.75 + person.heritage[1] * 0.3 + person.heritage[2] * 0.15
    depth = np.clip(0.6 * likely + 0.4 * random.random() + random.normal(0, 0.06), 0, 1)
    tones, at = np.array(_SKIN), np.linspace(0, 1, len(_SKIN))
    tone = np.array([np.interp(depth, at, tones[:, channel]) for channel in range(3)])
    return _rgb(tone * random.normal(1, [0.03, 0.05, 0.06]))


def _rgb(values: np.ndarray) -> RGB:
    red, green, blue = np.clip(values, 0, 1).tolist()
    return red, green, blue
