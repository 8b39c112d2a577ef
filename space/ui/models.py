"""The model picker: another checkpoint for the next photos, or beside the one in use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import gradio as gr

from annotate.label_maps import pack_label_map
from segface_hf.errors import SegFaceError
from space.handlers import parse
from space.handlers.services import Services
from space.handlers.visit import LiveVisit, Visit
from space.state.model_cache import loading_text
from space.state.model_list import allowed_model, describe_model, list_models, to_fetch
from space.ui import messages
from space.ui.events import PRIVATE, QUIET, asking
from space.ui.parse import ParsePage, finished, parsed_again, reopened, waiting
from space.web.components import parse_view

_PROGRESS = gr.Progress()
# The answer is above the picture, which may have scrolled out of sight.
_SHOW = "() => setTimeout(() => document.querySelector('.fv').__view.answered(), 200)"


@dataclass(frozen=True)
class ModelPicker:
    """The components of the picker."""

    box: gr.Accordion
    choice: gr.Dropdown
    use: gr.Button
    compare: gr.Button
    about: gr.Markdown


def layout(services: Services) -> ModelPicker:
    """Lays the picker out."""
    known = services.settings.model
    choices = [(entry.label, entry.id) for entry in list_models()]
    if known not in {entry.id for entry in list_models()}:
        choices.insert(0, (known, known))
    with gr.Accordion(_heading(known), open=False, elem_id="models") as box:
        choice = gr.Dropdown(
            choices,
            value=known,
            allow_custom_value=True,
            label="Checkpoint",
            elem_id="model",
            info="Choose one, or type org/name of any repository that holds our format.",
        )
        with gr.Row():
            use = gr.Button("Use this model", size="sm", elem_id="use-model")
            compare = gr.Button("Compare on the open photo", size="sm", elem_id="compare-model")
        about = gr.Markdown(describe_model(known), elem_id="model-about")
    return ModelPicker(box, choice, use, compare, about)


def _heading(model_id: str) -> str:
    return f"Model: {model_id.removeprefix('hub:')}"


def _parsed_by(services: Services, visit: Visit) -> str:
    return services.photos.get(visit.photo()).parse.model_id


def wire(
    picker: ModelPicker, page: ParsePage, services: Services, *, visit: gr.State, model: gr.State
) -> None:
    """Connects the picker; where a model can't be loaded, the former one stays."""

    def on_use(chosen: str, former: str, progress: gr.Progress = _PROGRESS) -> tuple:
        progress(0.1, desc="Asking for its size")
        try:
            wanted = allowed_model(chosen or "", configured=services.settings.model)
            size = to_fetch(wanted, services.admission)
            progress(0.3, desc=loading_text(wanted, size))
            parser = services.models.get(wanted)
        except SegFaceError as error:
            notice = f"{parse.as_sentence(error)} {former} stays in use."
            return former, former, gr.skip(), describe_model(former), messages.bad(notice)
        notice = f"Photos are now parsed by {wanted}."
        box = gr.update(label=_heading(wanted))
        return wanted, wanted, box, describe_model(wanted, parser), messages.good(notice)

    def on_again(chosen: str, live: LiveVisit, request: gr.Request) -> tuple:
        """Parses the open photo with a model that was just taken into use."""
        try:
            if not live.now.current or _parsed_by(services, live.now) == chosen:
                return live, gr.skip(), gr.skip(), finished()
            asked = asking(request, services, model=chosen)
            view = parse_view(parsed_again(services, live, request=asked), current=live.now.place)
            notice = f"This photo and the next are parsed by {chosen}."
            return live, view, messages.good(notice), finished()
        except SegFaceError as error:
            return live, gr.skip(), messages.bad(parse.as_sentence(error)), finished()

    picker.choice.input(
        lambda chosen: describe_model(chosen or ""), picker.choice, picker.about, **QUIET
    )
    picker.use.click(
        on_use,
        [picker.choice, model],
        [picker.choice, model, picker.box, picker.about, page.message],
        concurrency_limit=1,
        concurrency_id="download",
        **PRIVATE,
    ).then(
        on_again,
        [model, visit],
        [visit, page.view, page.message, page.drop],
        js=waiting("Parsing the photo again"),
        **page.in_line,
    ).then(None, None, None, js=_SHOW, **PRIVATE)
    _wire_compare(picker, page, services, visit=visit)


def _wire_compare(
    picker: ModelPicker, page: ParsePage, services: Services, *, visit: gr.State
) -> None:
    """Connects the button that shows another model's mask beside the one in use."""

    def on_compare(chosen: str, live: LiveVisit, request: gr.Request) -> Iterator[tuple]:
        try:
            wanted = allowed_model(chosen or "", configured=services.settings.model)
            if wanted not in services.models.loaded:
                yield gr.skip(), gr.skip(), gr.update(step=loading_text(wanted))
            asked, key = asking(request, services, model=wanted), live.now.photo()
            other = parse.compare_models(services, key, request=asked)
            live.change(lambda now: now.picked(key))  # the answer is about this photo
            view = parse_view(reopened(services, live), current=live.now.place)
        except SegFaceError as error:
            yield gr.skip(), messages.bad(parse.as_sentence(error)), finished()
            return
        view["photos"][view["current"]]["other"] = pack_label_map(other.mask)
        yield view, messages.good(other.sentence), finished()

    picker.compare.click(
        on_compare,
        [picker.choice, visit],
        [page.view, page.message, page.drop],
        js=waiting("Parsing the photo with the other model"),
        **page.in_line,
    ).then(None, None, None, js=_SHOW, **PRIVATE)
