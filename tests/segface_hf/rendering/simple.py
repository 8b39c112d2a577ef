"""Doubles of a renderer, and a small anatomy, for tests that need neither Blender nor its data."""

from __future__ import annotations

import numpy as np

from segface_hf.rendering.anatomy import Anatomy
from segface_hf.rendering.basemesh import BaseMesh
from segface_hf.rendering.mesh import ball


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
    """A head that is a ball of radius 1 around (0, 7.4, 0.3), all of it scalp, without a face."""
    points, faces = ball((0, 7.4, 0.3), 1.0, rows=40, columns=60)
    joint = np.array([[0, 1, 2, 3]])
    groups = dict.fromkeys(("helper-l-eye", "helper-r-eye", "joint-neck", "joint-head"), joint)
    base = BaseMesh(points, faces, groups, {}, {}, {})
    ones, zeros = np.ones(len(points)), np.zeros(len(points))
    fields = {"head": ones, "turning": ones, "ears": zeros, "bare": ones, "lips": zeros}
    return Anatomy(base, np.eye(len(points)), faces, points, fields, ones)
