"""What the About view says about the app's limits."""

from __future__ import annotations

from space.settings import Settings
from space.ui.about import about


def test_faces_upside_down_are_not_called_missed():
    text = about(Settings())
    assert "seen from behind" in text
    assert "upside" not in text


def test_the_view_says_where_saved_photos_go_here():
    assert "the app sends it nowhere" in about(Settings())
    shared = about(Settings(dataset="owner/faces"))
    assert "nothing is shared until you agree" in shared
    assert "sends it nowhere" not in shared
