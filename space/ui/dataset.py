"""The Dataset view: how many photos and pixels of each class there are, and how it grows."""

from __future__ import annotations

from html import escape

import gradio as gr

from annotate.dataset.refresh import Counted, count_rows
from annotate.dataset.repo import DatasetRepo
from annotate.dataset.stats import Stats, growth_svg
from annotate.errors import RecordError, RemoteError
from segface_hf._utils import counted
from segface_hf.errors import SegFaceError
from segface_hf.labels import title
from space.handlers import parse
from space.handlers.services import Services
from space.settings import Settings
from space.state.saving import FolderCorrections, HubCorrections
from space.ui import messages
from space.ui.events import QUIET

_EMPTY = messages.empty(
    "No corrections yet. This view counts the photos and pixels of each class once one is saved.",
    view="parse",
    words="Open a photo",
)


def layout() -> gr.HTML:
    """Lays the view out."""
    gr.Markdown("## The dataset", elem_classes="narrow")
    return gr.HTML(_EMPTY, elem_id="dataset", elem_classes="prose")


def wire(page: gr.HTML, services: Services, *, tab: gr.Tab) -> None:
    """Counts whenever the view is opened."""
    tab.select(lambda: overview(services), None, page, **QUIET)


def overview(services: Services) -> str:
    """Returns the numbers as HTML: of the folder, or of the dataset on the Hub."""
    try:
        if isinstance(services.corrections, HubCorrections):
            return _on_the_hub(services.corrections, services.settings)
        if isinstance(services.corrections, FolderCorrections):
            return _counted(services.corrections.store)
    except SegFaceError as error:
        return _paragraph(parse.as_sentence(error))
    return _EMPTY


def _counted(rows: Counted) -> str:
    if next(iter(rows.columns(["content_id"])), None) is None:
        return _EMPTY
    return numbers(count_rows(rows))


def _on_the_hub(corrections: HubCorrections, settings: Settings) -> str:
    """Counts what is new, a bounded number of files at a time, and shows what is counted."""
    dataset, notice = str(settings.dataset), ""
    try:
        left = corrections.row_index.look(DatasetRepo(dataset, token=settings.service_token))
        if left:
            files = counted(left, "file")
            notice = f"Not counted yet: {files} of the dataset. Open this view again soon."
    except (RemoteError, RecordError) as error:
        notice = parse.as_sentence(f"the numbers may be old: {error}")
    name = escape(dataset)
    link = (
        f'<p>Contributions go to <a href="https://huggingface.co/datasets/{name}">{name}</a>.</p>'
    )
    return link + (_paragraph(notice) if notice else "") + _counted(corrections.row_index)


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def numbers(stats: Stats) -> str:
    """Returns counts, growth and a table of classes, rare classes first."""
    lead = (
        f"<p>{counted(stats.rows, 'correction')} of {counted(stats.photos, 'photo')}, "
        f"{counted(stats.changed_pixels, 'pixel')} corrected in "
        f"{counted(round(stats.seconds / 60), 'minute')} of work.</p>"
    )
    tail = set(stats.schema.tail)
    order = sorted(
        range(1, stats.schema.num_classes),
        key=lambda i: (i not in tail, -stats.photos_by_class[i], i),
    )
    rows = "".join(_row(stats, i) for i in order)
    head = (
        "<tr><th>Class</th><th>Photos</th><th>Share of photos</th>"
        "<th>Pixels in all corrections</th></tr>"
    )
    table = f"<table class='counts'><thead>{head}</thead><tbody>{rows}</tbody></table>"
    plot = f"<div class='growth'>{growth_svg(stats.weeks)}</div>" if len(stats.weeks) > 1 else ""
    return f"{lead}{plot}{table}"


def _row(stats: Stats, index: int) -> str:
    photos, pixels = stats.photos_by_class[index], stats.pixels_by_class[index]
    red, green, blue = stats.schema.colors[index]
    rare = " <small>rare</small>" if index in stats.schema.tail else ""
    style = f"width:{100 * photos / stats.photos:.0f}%;background:rgb({red},{green},{blue})"
    bar = f"<i style='{style}'></i>" if photos else ""
    return (
        f"<tr><td>{escape(title(stats.schema.names[index]))}{rare}</td><td>{photos:,}</td>"
        f"<td class='bar'>{bar}</td><td>{pixels:,}</td></tr>"
    )
