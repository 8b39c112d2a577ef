"""The Dataset view: how many photos and pixels of each class there are, and how it grows."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import isfinite

import gradio as gr

from annotate.dataset.refresh import Counted, count_rows
from annotate.dataset.repo import DatasetRepo
from annotate.dataset.stats import Stats, growth_svg
from annotate.errors import RecordError, RemoteError
from segface_hf._utils import counted
from segface_hf.errors import SegFaceError
from segface_hf.labels import RGB, title
from space.handlers import parse
from space.handlers.services import Services
from space.state.growth import DatasetGrowth, GateResult
from space.state.saving import FolderCorrections, HubCorrections
from space.ui import messages
from space.ui.events import QUIET

_WEEKS = 4
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
            return _on_the_hub(services, services.corrections)
        if isinstance(services.corrections, FolderCorrections):
            store = services.corrections.store
            return _counted(store, services.growth.look(store, store, ""))
    except SegFaceError as error:
        return _paragraph(parse.as_sentence(error))
    return _EMPTY


def _counted(rows: Counted, growth: DatasetGrowth) -> str:
    if next(iter(rows.columns(["content_id"])), None) is None:
        return _EMPTY
    return numbers(count_rows(rows), rows, growth) + gate_section(growth.gate)


def _on_the_hub(services: Services, corrections: HubCorrections) -> str:
    """Counts what is new, a bounded number of files at a time, and shows what is counted."""
    dataset, notice, growth = str(services.settings.dataset), "", DatasetGrowth()
    try:
        repo = DatasetRepo(dataset, token=services.settings.service_token)
        left = corrections.row_index.look(repo)
        if corrections.row_index.head:
            head = corrections.row_index.head
            growth = services.growth.look(repo, corrections.row_index, head)
        if left:
            files = counted(left, "file")
            notice = f"Not counted yet: {files} of the dataset. Open this view again soon."
    except (RemoteError, RecordError) as error:
        notice = parse.as_sentence(f"the numbers may be old: {error}")
    name = escape(dataset)
    link = (
        f'<p>Contributions go to <a href="https://huggingface.co/datasets/{name}">{name}</a>.</p>'
    )
    shown = _counted(corrections.row_index, growth)
    return link + (_paragraph(notice) if notice else "") + shown


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def numbers(stats: Stats, rows: Counted, growth: DatasetGrowth) -> str:
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
    lines = "".join(_row(stats, i) for i in order)
    head = (
        "<tr><th>Class</th><th>Photos</th><th>Share of photos</th>"
        "<th>Pixels in all corrections</th></tr>"
    )
    table = f"<table class='counts'><thead>{head}</thead><tbody>{lines}</tbody></table>"
    plot = f"<div class='growth'>{growth_svg(stats.weeks)}</div>" if len(stats.weeks) > 1 else ""
    return f"{lead}{plot}{_rare_classes(stats, rows, growth)}{table}"


def _rare_classes(stats: Stats, rows: Counted, growth: DatasetGrowth) -> str:
    """Returns how the rows with each rare class grew, small and side by side."""
    if len(stats.weeks) < 2 and growth.release is None:
        return ""
    parts = []
    for index, new in _new_rows(stats, rows, growth).items():
        totals = stats.tail_weeks[index]
        name = escape(title(stats.schema.names[index]))
        text = f"<b>{name}</b> {counted(totals[-1], 'row')}, {new}"
        spark = _spark(totals, stats.schema.colors[index])
        parts.append(f"<figure><figcaption>{text}</figcaption>{spark}</figure>")
    last = growth.release
    made = f"{last} was trained on {counted(len(last.rows), 'row')}." if last else ""
    lead = f"<h3>Rare classes</h3>{_paragraph(made) if made else ''}"
    return f"{lead}<div class='rare'>{''.join(parts)}</div>" if parts else ""


def _new_rows(stats: Stats, rows: Counted, growth: DatasetGrowth) -> dict[int, str]:
    """Says by rare class what is new: since the last checkpoint, or else in the last weeks."""
    if growth.release is None:
        back = max(0, len(stats.weeks) - 1 - _WEEKS)
        since = f"since {stats.weeks[back + 1][0]:%d %b %Y}"
        return {i: f"{t[-1] - t[back]:,} {since}" for i, t in stats.tail_weeks.items()}
    columns = rows.columns(["content_id", "areas_after"])
    areas = [row["areas_after"] for row in columns if row["content_id"] not in growth.trained]
    return {i: f"{sum(a[i] > 0 for a in areas):,} not trained on yet" for i in stats.tail_weeks}


def _spark(totals: Sequence[int], color: RGB) -> str:
    """Draws running totals as steps in a small picture."""
    most, across = max(*totals, 1), 200 / len(totals)
    path = "M0 40"
    for index, total in enumerate(totals):
        y = round(38 - 34 * total / most, 1)
        path += f"L{across * index:.1f} {y}L{across * (index + 1):.1f} {y}"
    fill = "rgb({},{},{})".format(*color)
    return (
        '<svg viewBox="0 0 200 40" preserveAspectRatio="none" aria-hidden="true">'
        f'<path d="{path}L200 40Z" fill="{fill}"/></svg>'
    )


def gate_section(gate: GateResult | None) -> str:
    """Returns the last gate's verdict and, folded, its report; nothing without a gate."""
    if gate is None:
        return ""
    rows = "".join(
        f"<tr><td>{escape(name)}{' <small>fell</small>' if fell else ''}</td><td>{photos:,}</td>"
        f"<td>{_signed(difference)}</td><td>{_signed(low)} to {_signed(high)}</td></tr>"
        for name, photos, difference, low, high, fell in gate.changes
    )
    head = "<tr><th>F1 of</th><th>Photos</th><th>Difference</th><th>95 %</th></tr>"
    names = f"{escape(gate.candidate)} against {escape(gate.current)}"
    return (
        f"<h3>The last gate</h3>{_paragraph(parse.as_sentence(gate.sentence))}"
        f"<details><summary>{names}, {counted(gate.photos, 'photo')}</summary>"
        f"<table><thead>{head}</thead><tbody>{rows}</tbody></table></details>"
    )


def _signed(value: float) -> str:
    return f"{value:+.3f}" if isfinite(value) else ""


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
