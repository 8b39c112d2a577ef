"""Scores along the class tree, where the right family counts for part, and left-right mix-ups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segface_hf.evaluation.scores import ratio
from segface_hf.labels import LabelSchema


def ancestry(schema: LabelSchema) -> np.ndarray:
    """Returns bool (K, K + families): each class's own node and the families it belongs to.

    The background has no node: it is no part.
    """
    nodes = np.zeros((schema.num_classes, schema.num_classes + len(schema.families)), dtype=bool)
    for index in range(1, schema.num_classes):
        nodes[index, index] = True
    for offset, (_, members) in enumerate(schema.families):
        nodes[list(members), schema.num_classes + offset] = True
    return nodes


@dataclass(frozen=True)
class TreeScores:
    """Hierarchical precision, recall and F1 (Kiritchenko et al., 2006) over all pixels.

    A pixel's true class and its families are compared with the predicted ones: a right eye taken
    for a left one is right about `face` and `eye`, wrong about the class.

    Attributes:
        confusion: int64 (K, K), rows are true classes.
        schema: Holds the families.
    """

    confusion: np.ndarray
    schema: LabelSchema

    @property
    def hierarchical_f1(self) -> float:
        """F1 over all nodes of the tree, weighted by pixels."""
        nodes = ancestry(self.schema).astype(np.float64)
        shared = (self.confusion * (nodes @ nodes.T)).sum()
        true = (self.confusion.sum(1) * nodes.sum(1)).sum()
        predicted = (self.confusion.sum(0) * nodes.sum(1)).sum()
        return float(ratio(np.array(2 * shared), np.array(true + predicted)))

    @property
    def family_f1(self) -> dict[str, float]:
        """F1 of each family, its members taken as one class."""
        scores = {}
        for name, members in self.schema.families:
            ids = list(members)
            hits = self.confusion[np.ix_(ids, ids)].sum()
            total = self.confusion[ids].sum() + self.confusion[:, ids].sum()
            scores[name] = float(ratio(np.array(2 * hits), np.array(total)))
        return scores

    @property
    def left_right(self) -> dict[str, float]:
        """For each mirror pair, the share of its pixels that got the other side's class.

        Only pixels count whose true and predicted class are both in the pair.
        """
        shares = {}
        for a, b in self.schema.mirror_pairs:
            block = self.confusion[np.ix_([a, b], [a, b])]
            name = f"{self.schema.names[a]} / {self.schema.names[b]}"
            shares[name] = float(ratio(np.array(block[0, 1] + block[1, 0]), np.array(block.sum())))
        return shares
