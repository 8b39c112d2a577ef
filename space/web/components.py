"""The app's own components: where photos come in, and the view of a parse."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData

from space.handlers.browser_values import photo_view
from space.handlers.parse import Parsed
from space.state.showcase import Card
from space.web.uploads import uploaded_or_error

_HOME = Path(__file__).parent / "viewer"
_EXPORT = re.compile(r"^export ", re.MULTILINE)
_EXPORTED = re.compile(r"^export (?:const|(?:async )?function) (\w+)", re.MULTILINE)


def _text(name: str) -> str:
    return (_HOME / name).read_text(encoding="utf-8")


def _module(name: str) -> str:
    """Returns a script module as an expression whose value holds its exports."""
    source = _text(name)
    names = ", ".join(_EXPORTED.findall(source))
    return f"(() => {{\n{_EXPORT.sub('', source)}\nreturn {{ {names} }};\n}})()"


def file_data(path: Path) -> dict[str, Any]:
    """Returns a file as a component's value carries it; Gradio adds its address."""
    return FileData(path=str(path), orig_name=path.name).model_dump()


def _shown(card: Card | dict[str, str]) -> dict[str, str]:
    """Gradio builds a component anew from its own properties, where cards are plain already."""
    return card.as_dict() if isinstance(card, Card) else card


class _OwnHTML(gr.HTML):
    """A component of this app's own, whose value is an object."""

    async def async_move_resource_to_block_cache(self, url_or_file_path: Any) -> str | None:
        """Refuses every address before anything is fetched; see `gr.HTML`."""
        if "://" in str(url_or_file_path or ""):
            return uploaded_or_error(str(url_or_file_path))
        return await super().async_move_resource_to_block_cache(url_or_file_path)

    def api_info(self) -> dict[str, Any]:
        """Describes the value as a free object; the component has no public endpoint."""
        return {"type": "object"}


class PhotoDrop(_OwnHTML):
    """Takes photos by choosing, dropping, pasting or camera and fires `submit`; fires `example`
    when an example is chosen.

    Its value is `{"files": [FileData], "example": name or None}`. Set the property `step` to
    say how far the parsing is, `done` to anything new when the photos have been dealt with, and
    `opened` once one of them is shown.
    """

    def __init__(
        self,
        examples: Sequence[Card | dict[str, str]],
        *,
        max_mb: int,
        within: str,
        done: float = 0,
        opened: bool = False,
        step: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            {"files": [], "example": None},
            html_template=_text("drop.html").format(within=within),
            css_template=_text("drop.css"),
            js_on_load=_text("drop.js"),
            apply_default_css=False,
            max_mb=max_mb,
            within=within,
            done=done,
            opened=opened,
            step=step,
            examples=[_shown(card) for card in examples],
            **kwargs,
        )


class ParseView(_OwnHTML):
    """Shows photos with their classes; opacity, switches and outlines act in the browser.

    Its value is what `parse_view` returns. Fires `picked` with `{"id": key}` when the visitor
    chooses another photo of several (with `"back": true` where that one can't be shown, and the one
    before stays), `correct` with the same when its mask is to be corrected, and
    `wanted` with `{"kind": one of kinds, "id": key}` when a file is.

    Args:
        kinds: Names and labels of the files that are offered.
    """

    def __init__(self, kinds: Sequence[Sequence[str]] = (), **kwargs: Any) -> None:
        super().__init__(
            None,
            html_template=_text("viewer.html"),
            css_template=_text("viewer.css"),
            js_on_load=f"const P = {_module('paint.js')}, parts = {_module('parts.js')};\n"
            f"{_text('viewer.js')}",
            apply_default_css=False,
            kinds=[list(kind) for kind in kinds],
            **kwargs,
        )


def parse_view(parsed: Sequence[Parsed], *, current: int = 0) -> dict[str, Any]:
    """Returns the value of a `ParseView`.

    Args:
        parsed: Photos in the order in which they are shown.
        current: Index of the photo that is shown first.
    """
    photos = [
        {**photo_view(item.photo, note=item.note), "src": file_data(item.photo.shown)}
        for item in parsed
    ]
    return {"photos": photos, "current": current}
