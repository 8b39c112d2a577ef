"""What the About view says about the app's limits."""

from __future__ import annotations

from space.settings import Settings
from space.ui.about import about


def test_faces_upside_down_are_not_called_missed():
    text = about(Settings())
    assert "seen from behind" in text
    assert "upside" not in text
