"""A running editor and a real browser for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.space.web.editor.driver import EditorPage
from tests.space.web.editor.serving import running_editor


@pytest.fixture(scope="session")
def editor_folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("editor")


@pytest.fixture(scope="session")
def editor_url(editor_folder) -> Iterator[str]:
    with running_editor(editor_folder) as url:
        yield url


@pytest.fixture
def open_editor(browser, editor_url, editor_folder) -> Iterator[object]:
    """Open the editor: ``open_editor("512x512", ratio=2, width=390, touch=True)``."""
    opened = []

    def start(size: str | None = "256x256", **look) -> EditorPage:
        editor = EditorPage.start(browser, editor_url, folder=editor_folder, **look)
        opened.append(editor)
        if size:
            editor.load(size)
        return editor

    yield start
    for editor in opened:
        editor.page.context.close()
        assert editor.errors == []
