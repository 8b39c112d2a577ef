"""The app's own components: the photo drop, the view of a parse, saved rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData

from space.handlers.browser_values import photo_view
from space.handlers.parse import Parsed
from space.state.showcase import Card
from space.web.bundle import VIEWER, mounted
from space.web.uploads import uploaded_or_error


def _text(name: str) -> str:
    return (VIEWER / name).read_text(encoding="utf-8")


def file_data(path: Path) -> dict[str, Any]:
    """Returns a file as a component's value carries it; Gradio adds its address."""
    return FileData(path=str(path), orig_name=path.name).model_dump()


def _plain(card: Card | dict[str, str]) -> dict[str, str]:
    """Returns a card as a dict, which it is already where Gradio copies a component."""
    return card.as_dict() if isinstance(card, Card) else card


class _OwnHTML(gr.HTML):
    """A component of this app, whose value is an object."""

    async def async_move_resource_to_block_cache(self, url_or_file_path: Any) -> str | None:
        """Refuses every address before anything is fetched; see `gr.HTML`."""
        if "://" in str(url_or_file_path or ""):
            return uploaded_or_error(str(url_or_file_path))
        return await super().async_move_resource_to_block_cache(url_or_file_path)

    def api_info(self) -> dict[str, Any]:
        """Describes the value as a free object; the component has no public endpoint."""
        return {"type": "object"}


class SavedList(_OwnHTML):
    """Shows saved rows as HTML, whose buttons have the attributes `data-act` and `data-id`.

    Fires `reopen` and `remove` with `{"id": content id}`, and `wanted` with a `kind` of file too.
    """

    def __init__(self, value: str = "", **kwargs: Any) -> None:
        super().__init__(value, js_on_load=mounted("saved_list", folder=VIEWER), **kwargs)

    def api_info(self) -> dict[str, Any]:
        """Describes the value, which is HTML."""
        return {"type": "string"}


class PhotoDrop(_OwnHTML):
    """Takes photos by choosing, dropping, pasting or camera and fires `submit`; fires `example`
    when an example is chosen.

    Its value is `{"files": [FileData], "example": name or None}`. Set the property `step` to a
    sentence on the progress, `done` to a new value when the request has ended, and `opened` once
    a photo is shown.
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
            js_on_load=mounted("drop", folder=VIEWER),
            apply_default_css=False,
            max_mb=max_mb,
            within=within,
            done=done,
            opened=opened,
            step=step,
            examples=[_plain(card) for card in examples],
            **kwargs,
        )

    def offer(self, examples: Sequence[Card]) -> None:
        """Changes the examples of pages that are opened from now on."""
        self.props["examples"] = [_plain(card) for card in examples]


class ParseView(_OwnHTML):
    """Shows photos with their classes; opacity, switches and outlines act in the browser.

    Its value is what `parse_view` returns. Fires `picked` with `{"id": key}` when the visitor
    chooses another of several photos (with `"back": true` where that one can't be shown and the
    photo before stays), `correct` with the same to correct its mask, and `wanted` with
    `{"kind": one of kinds, "id": key}` to download a file.

    Args:
        kinds: Names and labels of the files that are offered.
    """

    def __init__(self, kinds: Sequence[Sequence[str]] = (), **kwargs: Any) -> None:
        super().__init__(
            None,
            html_template=_text("viewer.html"),
            css_template=_text("viewer.css"),
            js_on_load=mounted("viewer", folder=VIEWER),
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
        {
            **photo_view(item.photo, note=item.note),
            "src": file_data(item.photo.shown),
            "given": item.given,
        }
        for item in parsed
    ]
    return {"photos": photos, "current": current}
