"""A face's shape: the base mesh moved by the targets of a person and of an expression."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from segface_hf.rendering.body.basemesh import BaseMesh, Target
from segface_hf.rendering.plan import ScenePerson

_AGES = ("child", "young", "old")
_HERITAGE = ("african", "asian", "caucasian")
_LOCAL = ("eyes", "nose", "mouth", "head", "ears", "chin", "cheek", "eyebrows", "forehead", "neck")
_OPPOSITES = (
    ("incr", "decr"),
    ("up", "down"),
    ("out", "in"),
    ("forward", "backward"),
    ("convex", "concave"),
    ("uncompress", "compress"),
    ("round", "square"),
    ("pointed", "triangle"),
)
# The base mesh has narrower-set and smaller eyes, a narrower mouth, a higher upper lip and lower
# ears than people in photos; how far usual faces are from it, in full strengths of a target.
_USUALLY = {
    "eyes/eye-trans-out": 0.5,
    "eyes/eye-scale-incr": 0.7,
    "eyes/eye-height1-incr": 0.15,
    "eyes/eye-height2-incr": 0.15,
    "eyes/eye-height3-incr": 0.15,
    "ears/ear-scale-vert-incr": 0.4,
    "mouth/mouth-scale-horiz-incr": 0.7,
    "mouth/mouth-upperlip-height-incr": -0.3,
}
# How far local shapes stray, as a standard deviation; larger ones look like caricatures.
_SPREAD = {"head": 0.25, "neck": 0.2}
_USUAL = 0.3
_ASYMMETRY = 0.1
AVERAGE = ScenePerson(0.5, (0.0, 1.0, 0.0), (1 / 3, 1 / 3, 1 / 3), 0.5, 0.5)


def shaped(
    base: BaseMesh, person: ScenePerson, random: np.random.Generator | None = None
) -> np.ndarray:
    """Gives the base mesh the shape of a person.

    Args:
        base: The mesh.
        person: Shares of the large targets.
        random: Decides the local shapes, such as a nose's; the usual ones without it.

    Returns:
        float (N, 3).
    """
    points = base.points.copy()
    for name, strength in macro_strengths(person):
        _move(points, base.targets[name], strength)
    for name, strength in local_strengths(list(base.targets), person, random):
        _move(points, base.targets[name], strength)
    return points


def expressed(points: np.ndarray, base: BaseMesh, random: np.random.Generator) -> np.ndarray:
    """Moves a face's points to a random expression; takes and gives float (N, 3)."""
    points = points.copy()
    for name, strength in expression(random):
        _move(points, base.targets[f"faceunits/{name}"], strength)
    return points


def _move(points: np.ndarray, target: Target, strength: float) -> None:
    numbers, moves = target
    points[numbers] += strength * moves


def macro_strengths(person: ScenePerson) -> Iterator[tuple[str, float]]:
    """How strong each target of sex, age, heritage, muscle and weight is."""
    grades = [
        {
            f"min{name}": max(0, 1 - 2 * x),
            f"average{name}": 1 - abs(2 * x - 1),
            f"max{name}": max(0, 2 * x - 1),
        }
        for name, x in (("muscle", person.muscle), ("weight", person.weight))
    ]
    for sex, share in (("male", person.male), ("female", 1 - person.male)):
        for age, part in zip(_AGES, person.ages, strict=True):
            for heritage, some in zip(_HERITAGE, person.heritage, strict=True):
                yield f"macrodetails/{heritage}-{sex}-{age}", share * part * some
            for muscle, strong in grades[0].items():
                for weight, heavy in grades[1].items():
                    name = f"macrodetails/universal-{sex}-{age}-{muscle}-{weight}"
                    yield name, share * part * strong * heavy


def local_strengths(
    names: list[str], person: ScenePerson, random: np.random.Generator | None
) -> Iterator[tuple[str, float]]:
    """Draws how strong each target of a feature is: both sides alike, opposites never together.

    Without random numbers, the usual strengths.
    """
    for family, members in _families(names).items():
        stray = _stray(family, person, random) if random else 0.0
        x = float(np.clip(_USUALLY.get(family, 0.0) + stray, -1.2, 1.2))
        for name, sign in members:
            if x * sign > 0:
                yield name, abs(x) * (random.normal(1, 0.05) if random else 1.0)
    for name in sorted(name for name in names if name.startswith("asym/asym-")):
        if random:
            yield name, max(0.0, random.normal(0, _ASYMMETRY))


def _stray(family: str, person: ScenePerson, random: np.random.Generator) -> float:
    """How far a person's feature is from the usual."""
    group = family.split("/")[0]
    x = float(np.clip(random.normal(0, _SPREAD.get(group, _USUAL)), -0.9, 0.9))
    if "trans" in family and group in ("head", "nose", "mouth"):
        x *= 0.4
    if "age" in family:
        x = abs(x) * (person.ages[2] > 0.4)
    return x


def _families(names: list[str]) -> dict[str, list[tuple[str, int]]]:
    """Targets that one number drives: both sides of a feature, with its two opposite ends.

    A family is named after its first end, so `up`/`down` and `out`/`in` stay separate families.
    """
    families: dict[str, list[tuple[str, int]]] = {}
    for name in sorted(names):
        if name.split("/")[0] not in _LOCAL or "circ" in name:
            continue
        family, sign = name.replace("/l-", "/").replace("/r-", "/"), 1
        for more, less in _OPPOSITES:
            if family.endswith(f"-{less}"):
                family, sign = family.removesuffix(less) + more, -1
                break
        families.setdefault(family, []).append((name, sign))
    return families


def expression(random: np.random.Generator) -> list[tuple[str, float]]:
    """Draws face units and how strong each is, 0 to 1."""
    mood = random.choice(list(_MOODS), p=[share for share, _ in _MOODS.values()])
    units = [(name, random.uniform(*span)) for name, span in _MOODS[str(mood)][1].items()]
    units += [(name, max(0.0, random.normal(mean, spread))) for name, mean, spread in _ALWAYS]
    if random.random() < 0.03:
        units.append(("eyeBlink", 1.0))
    return [
        (side, float(np.clip(strength * random.normal(1, 0.1), 0, 1)))
        for name, strength in units
        for side in ([name] if name in _WHOLE else [f"{name}Left", f"{name}Right"])
    ]


_WHOLE = ("jawOpen", "mouthPucker", "browInnerUp", "mouthFunnel")
_ALWAYS = (
    ("browInnerUp", 0.0, 0.25),
    ("browDown", 0.0, 0.15),
    ("browOuterUp", 0.0, 0.2),
    ("eyeBlink", 0.03, 0.08),
    ("eyeWide", 0.0, 0.12),
)
_MOODS: dict[str, tuple[float, dict[str, tuple[float, float]]]] = {
    "calm": (0.25, {}),
    "smile": (0.2, {"mouthSmile": (0.2, 0.9), "cheekSquint": (0.1, 0.5)}),
    "laugh": (
        0.35,
        {
            "mouthSmile": (0.4, 1.0),
            "cheekSquint": (0.2, 0.7),
            "eyeSquint": (0.0, 0.3),
            "mouthUpperUp": (0.4, 1.0),
            "mouthLowerDown": (0.2, 0.8),
            "jawOpen": (0.0, 0.25),
        },
    ),
    "talk": (0.1, {"jawOpen": (0.1, 0.6), "mouthStretch": (0.0, 0.4)}),
    "frown": (0.06, {"mouthFrown": (0.2, 0.9), "browDown": (0.2, 0.8)}),
    "pucker": (0.04, {"mouthPucker": (0.3, 1.0)}),
}
