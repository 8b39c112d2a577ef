"""Owns how a component's ES modules become the one inline script that ``gr.HTML`` runs."""

from __future__ import annotations

import re
from pathlib import Path

WEB = Path(__file__).parent
MASK_EDITOR, VIEWER = WEB / "mask_editor", WEB / "viewer"
_IMPORT = re.compile(
    r"^import (?P<what>[^;]+?) from '\.\.?/(?:\w+/)?(?P<name>\w+)\.mjs';$", re.MULTILINE
)
_EXPORT = re.compile(
    r"^export (?=(?:async )?(?:class|function\*?|const) (?P<name>\w+))", re.MULTILINE
)
_GIVEN = "element, props, trigger, watch, upload"


def mounted(entry: str, *, folder: Path) -> str:
    """Returns the script of a component, for `js_on_load`.

    Args:
        entry: The module whose `mount` takes what Gradio gives the script: `element`, `props`,
            `trigger`, `watch` and `upload`.
        folder: As for `bundle`.
    """
    return f"{bundle(entry, folder=folder)}\nmodules.{entry}.mount({{ {_GIVEN} }});"


def bundle(entry: str, *, folder: Path) -> str:
    """Join a module and everything it imports into one script.

    No extra file has to be served, and ``js_on_load`` can't hold ``import``. Each module becomes a
    function of its own, so names stay as private as they are in the files.

    Args:
        entry: Module name without ``.mjs``.
        folder: Holds the modules, at any depth; their names are unique.

    Returns:
        JavaScript that defines ``modules``, an object of exports by module name.
    """
    parts = [_wrap(name, folder) for name in _in_order(entry, folder)]
    return "\n".join(["const modules = {};", *parts])


def _in_order(entry: str, folder: Path) -> list[str]:
    """Modules with every import before its importer; a cycle is an error."""
    done: list[str] = []

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise ValueError(f"modules import each other: {' -> '.join((*above, name))}")
        if name in done:
            return
        for found in _IMPORT.finditer(_source(name, folder)):
            visit(found["name"], (*above, name))
        done.append(name)

    visit(entry, ())
    return done


def _source(name: str, folder: Path) -> str:
    found = sorted(folder.rglob(f"{name}.mjs"))
    if len(found) != 1:
        raise ValueError(f"expected one {name}.mjs below {folder}, found {len(found)}")
    return found[0].read_text(encoding="utf-8")


def _wrap(name: str, folder: Path) -> str:
    source = _source(name, folder)
    exports = ", ".join(found["name"] for found in _EXPORT.finditer(source))
    body = _EXPORT.sub("", _IMPORT.sub(_take, source))
    if re.search(r"^(import|export)\b", body, re.MULTILINE):
        raise ValueError(f"{name}.mjs holds an import or export that the bundle can't read")
    return f"modules.{name} = (() => {{\n{body}\nreturn {{ {exports} }};\n}})();"


def _take(found: re.Match[str]) -> str:
    what = found["what"].removeprefix("* as ")
    return f"const {what} = modules.{found['name']};"
