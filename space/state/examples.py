"""Example photos that come with the app, from the list in `examples/`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from segface_hf.images import SUFFIXES
from space.errors import VisitError

FOLDER = Path(__file__).resolve().parents[2] / "examples"


@dataclass(frozen=True)
class Example:
    """One example photo.

    Attributes:
        name: File name, which also identifies it.
        title: What it shows.
        path: The file.
    """

    name: str
    title: str
    path: Path


def list_examples(folder: Path = FOLDER) -> tuple[Example, ...]:
    """Returns the examples of a folder in the order of their names; none if it holds none."""
    titles = _titles(folder / "sources.json")
    paths = sorted(p for p in folder.glob("*") if p.suffix in SUFFIXES)
    return tuple(Example(p.name, titles.get(p.name, _spoken(p)), p) for p in paths)


def find_example(name: str, *, folder: Path = FOLDER) -> Example:
    """Returns an example by name; a browser's claim never becomes a path.

    Raises:
        VisitError: There is none.
    """
    for example in list_examples(folder):
        if example.name == name:
            return example
    raise VisitError("There is no such example: choose one of those shown.")


def _titles(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    return {str(k): str(v["title"]) for k, v in json.loads(path.read_text("utf-8")).items()}


def _spoken(path: Path) -> str:
    return path.stem.replace("_", " ").replace("-", " ")
