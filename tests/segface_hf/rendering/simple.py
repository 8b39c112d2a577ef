"""Doubles of a renderer, and a small anatomy, for tests that need neither Blender nor its data."""

from __future__ import annotations

import numpy as np

from segface_hf.rendering.body.anatomy import Anatomy
from segface_hf.rendering.body.basemesh import BaseMesh
from segface_hf.rendering.body.mesh import ball


def flat_renderer(calls):
    """A renderer whose pictures say which number they have; notes every call."""

    def render(plan, options):
        calls.append(plan.number)
        tone = plan.number % 19
        return (
            np.full((options.side, options.side, 3), tone, np.uint8),
            np.full((options.side, options.side), tone, np.uint8),
        )

    return render


def round_anatomy():
    """A head that is a ball of radius 1 around (0, 7.4, 0.3), all of it scalp, without a face.

    Its eyes and joints are points of their own, which are no skin.
    """
    skin, faces = ball((0, 7.4, 0.3), 1.0, rows=40, columns=60)
    places = {
        "helper-l-eye": (0.31, 7.4, 1.2),
        "helper-r-eye": (-0.31, 7.4, 1.2),
        "joint-neck": (0, 6.2, 0.3),
        "joint-head": (0, 6.95, 0.1),
    }
    points = np.concatenate([skin, list(places.values())])
    groups = {name: np.full((1, 4), len(skin) + i) for i, name in enumerate(places)}
    base = BaseMesh(points, faces, groups, {}, {}, {})
    ones, zeros = np.ones(len(skin)), np.zeros(len(skin))
    fields = {"head": ones, "turning": ones, "ears": zeros, "bare": ones, "lips": zeros}
    smooth = np.eye(len(skin), len(points))
    return Anatomy(base, smooth, faces, skin, fields, np.ones(len(points)))
