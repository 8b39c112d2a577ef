"""Catmull-Clark subdivision, as a matrix: it is computed once and smooths every head.

Source: Catmull and Clark, "Recursively generated B-spline surfaces on arbitrary topological
meshes", 1978.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from scipy import sparse

Matrix: TypeAlias = Any
"""A sparse matrix of scipy."""


def subdivide(faces: np.ndarray, count: int) -> tuple[Matrix, np.ndarray]:
    """Splits every face into four.

    Args:
        faces: int (F, 4) of quadrilaterals.
        count: How many points they are taken from.

    Returns:
        A matrix (new points, count) that gives the new points from the old, and faces (4F, 4).
    """
    edges, which, uses = _edges(faces)
    corner = np.repeat(np.arange(len(faces)), 4)
    to_face = _ones(corner, faces.ravel(), (len(faces), count)) / 4
    ends = _ones(np.repeat(np.arange(len(edges)), 2), edges.ravel(), (len(edges), count))
    around = _ones(which, corner, (len(edges), len(faces)))
    border = uses == 1
    to_edge = _scaled(np.where(border, 0.5, 0.25), ends) + _scaled(
        np.where(border, 0, 0.25), around @ to_face
    )
    to_point = _moved(faces, edges[border], ends=ends, to_face=to_face)
    first, last = count, count + len(edges)
    middles = which.reshape(-1, 4) + first
    centers = np.arange(len(faces)) + last
    split = [
        np.stack([faces[:, k], middles[:, k], centers, middles[:, k - 1]], 1) for k in range(4)
    ]
    return sparse.vstack([to_point, to_edge, to_face]).tocsr(), np.stack(split, 1).reshape(-1, 4)


def _edges(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edges (E, 2), the edge of every face's side (4F,), and how many faces use it (E,)."""
    pairs = np.sort(np.stack([faces, np.roll(faces, -1, 1)], -1).reshape(-1, 2), 1)
    edges, which, uses = np.unique(pairs, axis=0, return_inverse=True, return_counts=True)
    return edges, which.reshape(-1), uses


def _ones(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> Matrix:
    return sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape)


def _scaled(factors: np.ndarray, matrix: Matrix) -> Matrix:
    return sparse.diags(factors) @ matrix


def _moved(faces: np.ndarray, border: np.ndarray, *, ends: Matrix, to_face: Matrix) -> Matrix:
    """Where the old points go: towards their faces and edges, on a border along the border."""
    count, corner = ends.shape[1], np.repeat(np.arange(len(faces)), 4)
    of_face = _ones(faces.ravel(), corner, (count, len(faces)))
    valence = np.maximum(np.asarray(ends.sum(0)).ravel(), 1)
    number = np.maximum(np.asarray(of_face.sum(1)).ravel(), 1)
    inner = (
        _scaled(1 / (valence * number), of_face @ to_face)
        + _scaled(2 / valence**2, ends.T @ ends / 2)
        + sparse.diags((valence - 3) / valence)
    )
    both = np.concatenate([border, border[:, ::-1]])
    beside = _ones(both[:, 0], both[:, 1], (count, count))
    neighbors = np.maximum(np.asarray(beside.sum(1)).ravel(), 1)
    outer = _scaled(0.25 / neighbors, beside) + 0.75 * sparse.identity(count)
    on_border = np.zeros(count)
    on_border[border.ravel()] = 1
    return _scaled(1 - on_border, inner) + _scaled(on_border, outer)
