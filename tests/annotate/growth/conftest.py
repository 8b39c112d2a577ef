from __future__ import annotations

import pytest

from tests.annotate.growth.growing import write_base, write_inputs


@pytest.fixture
def folder(tmp_path):
    """A folder with an untrained checkpoint, validation photos, old photos and a recipe."""
    write_base(tmp_path / "base")
    write_inputs(tmp_path)
    return tmp_path
