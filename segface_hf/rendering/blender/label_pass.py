"""The label pass: every part glows in the gray of its class id, and the mask is read off that.

The picture is rendered a second time with one sharp sample a pixel, so no edge mixes two ids, at a
multiple of its side; the commonest id of a block becomes the pixel's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from segface_hf.labels import CELEBAMASK_HQ
from segface_hf.rendering.blender.graph import Graph
from segface_hf.rendering.body.mesh import MeshPart, Strands

FINER = 3
_GRAY = 12


def gray_of(label: int) -> float:
    """The brightness, 0 to 1, in which a class glows; it survives eight bits."""
    return (label + 1) * _GRAY / 255


def glow(material: Any, part: MeshPart | Strands, label: int) -> None:
    """Builds the material of a part with a class id in the label pass, from a new one."""
    # A glow lights nothing here; without this, Cycles prepares every face as a lamp.
    material.cycles.emission_sampling = "NONE"
    graph = Graph(material.node_tree)
    layers = part.layers if isinstance(part, MeshPart) else ()
    gray: Any = gray_of(label)
    for number, (layer, _) in enumerate(layers):
        there = graph.math("GREATER_THAN", graph.field(f"layer {number}"), 0.5)
        gray = graph.node("Mix", {0: there, 2: gray, 3: gray_of(layer)}, data_type="FLOAT").outputs[
            0
        ]
    shader = graph.node("Emission", {"Color": (1.0, 1.0, 1.0), "Strength": gray}).outputs[0]
    cut = isinstance(part, MeshPart) and part.shown is not None
    opacity = graph.math("GREATER_THAN", graph.field("shown"), 0.5) if cut else None
    graph.surface(shader, opacity)


def read_labels(grays: np.ndarray) -> np.ndarray:
    """Reads a mask off the label pass.

    Args:
        grays: uint8 (H * FINER, W * FINER), what `grey_of` gave, times 255.

    Returns:
        uint8 (H, W) of class ids: the commonest of each block, of equals the smallest.

    Raises:
        ValueError: A gray that stands for no class.
    """
    labels, rest = np.divmod(grays.astype(int), _GRAY)
    labels -= 1
    count = CELEBAMASK_HQ.num_classes
    if rest.any() or labels.min() < 0 or labels.max() >= count:
        raise ValueError(
            f"the label pass holds grays of no class: {np.unique(grays)[:40].tolist()}"
        )
    height, width = (length // FINER for length in labels.shape)
    blocks = labels.reshape(height, FINER, width, FINER).transpose(0, 2, 1, 3).reshape(-1, FINER**2)
    votes = np.zeros((len(blocks), count), np.uint8)
    for column in blocks.T:
        votes[np.arange(len(blocks)), column] += 1
    return votes.argmax(1).reshape(height, width).astype(np.uint8)
