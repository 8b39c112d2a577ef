"""The order of the browser modules: what computes knows neither the page nor what draws."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from space.web.bundle import MASK_EDITOR, VIEWER

PAGE = re.compile(r"\b(document|window|HTML\w+|localStorage|navigator|indexedDB)\b")
IMPORT = re.compile(r"from '([^']+)'")
PURE = [*sorted((MASK_EDITOR / "core").glob("*.mjs")), VIEWER / "paint.mjs", VIEWER / "wording.mjs"]


def code(path: Path) -> str:
    return re.sub(r"//[^\n]*|/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)


def imported(path: Path) -> list[Path]:
    return [(path.parent / name).resolve() for name in IMPORT.findall(code(path))]


@pytest.mark.parametrize("path", PURE, ids=lambda path: path.name)
def test_core_modules_use_no_dom_and_import_only_core_modules(path):
    assert PAGE.findall(code(path)) == []
    assert [other for other in imported(path) if other not in PURE] == []


def test_every_import_of_a_browser_module_is_a_file():
    modules = [*MASK_EDITOR.rglob("*.mjs"), *VIEWER.rglob("*.mjs")]
    assert len(modules) > 30
    assert [found for path in modules for found in imported(path) if not found.is_file()] == []


def test_every_browser_script_is_a_module_of_the_one_bundler():
    others = [path.name for folder in (MASK_EDITOR, VIEWER) for path in folder.rglob("*.js")]
    assert others == ["address.js"]  # The head of the page loads it before any component.
