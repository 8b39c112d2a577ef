"""The named endpoints, for scripts and as MCP tools; everything else of the app is private."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from segface_hf.errors import SegFaceError
from segface_hf.labels import SCHEMAS
from space.handlers import api, parse
from space.handlers.save import ConsentForm
from space.handlers.services import Services
from space.state.saving import resolve_contributor
from space.ui.events import IN_LINE, asking, contributing, true_or_false
from space.web.uploads import UploadedFile

NAMES = ("parse", "parse_many", "list_classes", "save_correction")


def layout(services: Services) -> None:
    """Adds the endpoints; none of their components shows."""
    with gr.Row(visible=False):
        image = UploadedFile(label="image", type="filepath")
        images = UploadedFile(label="images", type="filepath", file_count="multiple")
        model = gr.Textbox(services.settings.model, label="model")
        whole = gr.Checkbox(False, label="whole_image")
        summary, mask = gr.JSON(label="summary"), UploadedFile(label="mask")
        summaries = gr.JSON(label="summaries")
        masks = UploadedFile(label="masks", file_count="multiple")
        schema, classes = gr.Textbox(next(iter(SCHEMAS)), label="schema"), gr.JSON(label="classes")
        statements = [gr.Textbox(label=label) for label in ("photo", "right", "people")] + [
            gr.Textbox("", label=label) for label in ("photo_licence", "source")
        ]
        agrees = gr.Checkbox(False, label="agrees")
        corrected, saved = UploadedFile(label="mask", type="filepath"), gr.JSON(label="saved")
        buttons = [gr.Button() for _ in NAMES]
    made = _endpoints(services)
    wiring: tuple[tuple[list[Any], list[Any], bool], ...] = (
        ([image, model, whole], [summary, mask], True),
        ([images, model], [summaries, masks], True),
        ([schema], [classes], False),
        ([statements[0], corrected, *statements[1:], agrees], [saved], False),
    )
    for name, button, (inputs, outputs, heavy) in zip(NAMES, buttons, wiring, strict=True):
        limits: dict[str, Any] = IN_LINE if heavy else {}
        button.click(
            made[name], inputs, outputs, api_name=name, api_description=made[name].__doc__, **limits
        )


def _endpoints(services: Services) -> dict[str, Callable]:
    def parse(image: str, model: str, whole_image: bool, request: gr.Request) -> tuple:
        """Labels every part of every face in a photo.

        Args:
            image: The photo, a file.
            model: A checkpoint: embedded, synthetic, or a Hub id such as org/name.
            whole_image: Takes the whole picture for one face instead of looking for faces.
        """

        def work() -> api.Answer:
            whole = true_or_false(whole_image, "whole_image")
            asked = asking(request, services, model=model, whole_image=whole)
            return api.parse(services, image, request=asked)

        answer = _typed(work)
        return answer.summary, str(answer.mask)

    def parse_many(images: list[str], model: str, request: gr.Request) -> tuple:
        """Labels every part of every face in several photos.

        Args:
            images: The photos, files.
            model: A checkpoint: embedded, synthetic, or a Hub id such as org/name.
        """
        asked = asking(request, services, model=model)
        summaries, masks = _typed(lambda: api.parse_many(services, images, request=asked))
        return summaries, [str(path) for path in masks]

    def list_classes(schema: str) -> list[dict[str, Any]]:
        """Lists the classes of a label schema with their ids, names and colors.

        Args:
            schema: celebamask_hq, lapa or helen.
        """
        return _typed(lambda: api.list_classes(schema))

    return {
        "parse": parse,
        "parse_many": parse_many,
        "list_classes": list_classes,
        "save_correction": _saver(services),
    }


def _saver(services: Services) -> Callable:
    def save_correction(
        photo: str,
        mask: str,
        right: str,
        people: str,
        photo_licence: str,
        source: str,
        agrees: bool,
        token: gr.OAuthToken | None,
        request: gr.Request,
    ) -> dict[str, Any]:
        """Saves a corrected mask of a photo that was parsed a while ago and is still kept.

        Args:
            photo: The "photo" of the parse's summary.
            mask: The corrected mask, a gray PNG of class ids as large as the photo.
            right: Why the photo may be shared: own, public_domain or licensed.
            people: Why its people may be shown: agreed or public.
            photo_licence: The photo's own license, where right is licensed.
            source: Where the photo comes from, such as an address.
            agrees: Whether photo and mask may be published under the dataset's license.
        """

        def work() -> dict[str, Any]:
            form = ConsentForm.claimed(right, people, photo_licence, agrees, source)
            own, asked = contributing(token, request, services), asking(request, services)
            who, _ = resolve_contributor(own, dataset=services.settings.dataset)
            return api.save(services, photo, mask, form=form, who=who, asked=asked)

        return _typed(work)

    return save_correction


def _typed(work: Callable[[], Any]) -> Any:
    """Runs an endpoint's work; its error carries a type and a sentence to every client."""
    try:
        return work()
    except SegFaceError as error:
        raise gr.Error(
            parse.as_sentence(error), title=type(error).__name__, print_exception=False
        ) from error
