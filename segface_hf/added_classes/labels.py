"""NewClass: what a class is called, and its place in the schema of a model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from segface_hf.data.class_names import common_name
from segface_hf.errors import LabelError
from segface_hf.labels import RGB, LabelSchema

_NAME = re.compile(r"\w[\w -]{0,39}")
_STEPS = (40, 95, 150, 205, 250)  # channel values that a chosen color is made of


@dataclass(frozen=True)
class NewClass:
    """A class to add to a schema, after its last one.

    Attributes:
        name: Its name: up to 40 letters, digits, spaces, hyphens and underscores.
        parent: The class that it was a part of so far, or the family that it belongs to. It joins
            the families of a parent class, and forms a new one with it.
        mirror: The class that it becomes in a photo flipped left to right; empty if it stays
            itself. The first of two such classes is added without it.
        color: For display; None takes one that is far from those of the other classes.
    """

    name: str
    parent: str = ""
    mirror: str = ""
    color: RGB | None = None

    def extend(self, schema: LabelSchema) -> LabelSchema:
        """Returns a schema with this class as the last one.

        Raises:
            LabelError: The name is taken or not valid, or parent or partner don't exist.
        """
        self._check_name(schema)
        new = schema.num_classes
        pairs = schema.mirror_pairs
        if self.mirror:
            partner = schema.id_of(self.mirror)
            if schema.mirror_ids[partner] != partner:
                other = schema.names[schema.mirror_ids[partner]]
                raise LabelError(f"'{self.mirror}' mirrors '{other}' already: name another class")
            pairs = (*pairs, (partner, new))
        return LabelSchema(
            name=schema.name,
            names=(*schema.names, self.name),
            colors=(*schema.colors, self.color or distinct_color(schema.colors)),
            mirror_pairs=pairs,
            families=self._families(schema),
        )

    def _check_name(self, schema: LabelSchema) -> None:
        if not _NAME.fullmatch(self.name):
            raise LabelError(
                "a class name has up to 40 letters, digits, spaces, hyphens and underscores, got "
                f"{self.name!r:.60}"
            )
        same = [name for name in schema.names if common_name(name) == common_name(self.name)]
        if same:
            raise LabelError(
                f"the model has a class '{same[0]}' already: choose another name than "
                f"'{self.name}', or train the class that exists with `segface train`"
            )

    def _families(self, schema: LabelSchema) -> tuple[tuple[str, tuple[int, ...]], ...]:
        if not self.parent:
            return schema.families
        new, families = schema.num_classes, dict(schema.families)
        if self.parent in families:
            families[self.parent] = (*families[self.parent], new)
            return tuple(families.items())
        if self.parent not in schema.names:
            raise LabelError(
                f"'{schema.name}' has no class or family '{self.parent}': choose from "
                f"{[*schema.names, *families]}"
            )
        parent = schema.id_of(self.parent)
        joined = {name: (*ids, new) if parent in ids else ids for name, ids in families.items()}
        return (*joined.items(), (f"{self.parent} and {self.name}", (parent, new)))


def distinct_color(colors: Sequence[RGB]) -> RGB:
    """Returns the color that is furthest from the nearest of the given ones."""
    candidates = np.stack(np.meshgrid(_STEPS, _STEPS, _STEPS), -1).reshape(-1, 3)
    distances = np.linalg.norm(candidates[:, None] - np.array(colors)[None], axis=-1)
    red, green, blue = candidates[distances.min(1).argmax()]
    return (int(red), int(green), int(blue))
