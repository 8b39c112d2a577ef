"""The app: its views, how they are wired together, and how it is launched."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

import gradio as gr
from starlette.middleware import Middleware
from starlette.routing import Route

from segface_hf.errors import SegFaceError
from space.handlers.parse import as_sentence
from space.handlers.services import Services, build_services
from space.handlers.visit import LiveVisit
from space.settings import Settings, trust_no_forwarded_address
from space.state.examples import list_examples
from space.state.photo_cache import sweep_regularly
from space.state.rate_limits import UploadBudget
from space.state.saving import HubCorrections
from space.state.showcase import Showcase
from space.ui import (
    about,
    api,
    contribute,
    correct,
    dataset,
    downloads,
    messages,
    models,
    next_photo,
    parse,
    queue,
    review,
    theme,
    why,
)
from space.ui.correct import CorrectPage
from space.ui.events import PRIVATE, QUIET, key_of
from space.ui.parse import ParsePage
from space.web.checked_blocks import CheckedBlocks
from space.web.components import PhotoDrop
from space.web.connections import limit_connections
from space.web.guard import UPLOAD, RequestGuard
from space.web.uploads import UnfinishedUploads, receive_files

_SWEEP = 600
_TITLE = "SegFace: parse, correct, contribute"
_BRAND = """<div class="row"><svg viewBox="0 0 34 34" aria-hidden="true">
<rect width="34" height="34" rx="10" fill="#0f766e"/>
<ellipse cx="17" cy="18" rx="8" ry="10" fill="#f0be96"/>
<path d="M9 16c0-7 3-10 8-10s8 3 8 10c-2-3-4-5-8-5s-6 2-8 5z" fill="#3b2a1e"/>
<circle cx="14" cy="18" r="1.3" fill="#005adc"/><circle cx="20" cy="18" r="1.3" fill="#5ab4ff"/>
<path d="M13.5 23c2 1.8 5 1.8 7 0-2-1-5-1-7 0z" fill="#e63c5a"/></svg>
<h1>SegFace</h1><p>Face parsing that you can correct</p></div>"""


def build_app(services: Services, showcase: Showcase | None = None) -> gr.Blocks:
    """Builds the app without launching it; the model is loaded by the first parse or `launch`.

    Args:
        services: What the app runs on.
        showcase: The examples to offer; by default those that come with it.
    """
    offered = showcase or Showcase(list_examples())
    keep = services.settings.keep_seconds
    with CheckedBlocks(
        title=_TITLE,
        analytics_enabled=False,
        fill_width=True,
        delete_cache=(min(keep, _SWEEP), keep),
    ) as app:
        visit = gr.State(LiveVisit(), time_to_live=keep)
        gr.HTML(_BRAND, elem_id="brand")
        file = downloads.layout()
        with gr.Tabs(elem_id="views", overflow_behavior="wrap") as tabs:
            with gr.Tab("Parse", id="parse") as parse_tab:
                model = gr.State(services.settings.model)
                parse_page = parse.layout(services, offered)
                picker = models.layout(services)
                reasons = why.layout()
            with gr.Tab("Correct", id="correct", render_children=True) as correct_tab:
                correct_page = correct.layout(services)
            with gr.Tab("Contribute", id="contribute") as contribute_tab:
                contribute_page = contribute.layout(services)
            with gr.Tab("Review", id="review") as review_tab:
                review_page = review.layout()
            with gr.Tab("Dataset", id="dataset") as dataset_tab:
                dataset_page = dataset.layout()
            with gr.Tab("About", id="about") as about_tab:
                about.layout(services)
        parse.wire(parse_page, services, offered, visit=visit, model=model)
        api.layout(services)
        models.wire(picker, parse_page, services, visit=visit, model=model)
        why.wire(reasons, services, visit=visit)
        saved = correct.wire(correct_page, services, visit=visit)
        parse.show_saved(parse_page, services, saved=saved, visit=visit)
        contribute.wire(contribute_page, services, saved=saved, tab=contribute_tab, visit=visit)
        around = {"correct": correct_page, "view": parse_page.view, "tabs": tabs}
        contribute.wire_rows(contribute_page, services, **around, visit=visit)
        review.wire(review_page, services, tab=review_tab)
        dataset.wire(dataset_page, services, tab=dataset_tab)
        for tab in (parse_tab, correct_tab, contribute_tab, review_tab, dataset_tab, about_tab):
            tab.select(None, None, None, js=f"() => window.segfaceView('{tab.id}')", **PRIVATE)
        for part, source, page in (
            (parse_page.view, downloads.as_shown, parse_page),
            (correct_page.editor, downloads.as_edited, correct_page),
            (contribute_page.receipts, downloads.as_saved, contribute_page),
        ):
            message = page.message
            downloads.wire(file, part.wanted, services, source=source, message=message, visit=visit)
        _wire_editor(correct_tab, services, page=correct_page, visit=visit)
        _wire_way(parse_page, tabs, visit=visit)
        next_photo.wire(correct_page, parse_page, services, visit=visit, model=model)
    return app


def _wire_editor(tab: gr.Tab, services: Services, *, page: CorrectPage, visit: gr.State) -> None:
    """Opening the view, by its tab or from a parse, opens the photo that is being looked at."""
    nothing = [gr.skip()] * len(page.opened)

    def on_open(live: LiveVisit) -> tuple:
        # The browser may announce the view twice. A second answer would come late and take back the
        # statements that the visitor has made meanwhile.
        now = live.claim()
        if now is None:
            return live, *nothing
        try:
            opened = correct.open_in_editor(services, now)
        except SegFaceError as error:
            live.change(lambda later: later.unopened(now.current))
            notice = messages.bad(as_sentence(error))
            return live, gr.skip(), notice, *nothing[2:]
        services.photos.touch(now.keys)
        return live, *opened

    tab.select(on_open, visit, [visit, *page.opened], **QUIET)


def _wire_way(parse: ParsePage, tabs: gr.Tabs, *, visit: gr.State) -> None:
    """Leads from a photo to its correction."""

    def on_correct(live: LiveVisit, event: gr.EventData) -> tuple:
        try:
            live.change(lambda now: now.to_correct(key_of(event)))
        except SegFaceError as error:
            return live, gr.skip(), messages.bad(as_sentence(error))
        return live, gr.Tabs(selected="correct"), messages.nothing()

    parse.view.correct(on_correct, visit, [visit, tabs, parse.message], **PRIVATE)


def _parse_examples(app: gr.Blocks, services: Services, showcase: Showcase) -> None:
    """Parses the examples, which also warms the model up, and shows them to the next visitors."""
    model = services.settings.model
    showcase.parse(partial(services.models.parse, model), model=model)
    for block in app.blocks.values():
        if isinstance(block, PhotoDrop):
            block.offer(showcase.cards)
    app.config = app.get_config_file()  # what every page is made of


def _admission(app: gr.Blocks, settings: Settings, budget: UploadBudget) -> dict[str, Any]:
    """Returns what puts the guard before Gradio's routes, and our upload in place of its own."""
    waiting = partial(queue.waiting, app, behind_proxy=settings.on_space)
    guard = Middleware(RequestGuard, settings=settings, budget=budget, waiting=waiting)
    return {"middleware": [guard], "routes": [Route(UPLOAD, receive_files, methods=["POST"])]}


def _announcements() -> gr.I18n:
    """Gives words to what Gradio announces to screen readers, where it has a key alone."""
    return gr.I18n(en={"common.complete": "Done"})


def launch(settings: Settings, **options: Any) -> Any:
    """Launches the app and returns what Gradio's `launch` does.

    Args:
        settings: The choices of the person who runs the app.
        options: Passed on to Gradio, such as `prevent_thread_lock`.

    Raises:
        CheckpointError: The first model can't be loaded.
        DataError: The queue of photos can't be read, or names photos elsewhere.
    """
    if not settings.on_space:
        trust_no_forwarded_address()
    limit_connections()
    services = build_services(settings)
    services.models.get(settings.model)
    if services.queue is not None:
        services.queue.load()
    showcase = Showcase(list_examples())
    app = build_app(services, showcase)
    queue.queue(app, max_size=settings.queue_size, default_concurrency_limit=4)
    if isinstance(services.corrections, HubCorrections):
        services.corrections.sender.start()
    returns_at_once = options.pop("prevent_thread_lock", False)
    launched = _serve(app, services, **options)
    if not settings.zero_gpu:  # There, a GPU is lent inside a visitor's request only.
        parsing = (app, services, showcase)
        threading.Thread(target=_parse_examples, args=parsing, name="examples", daemon=True).start()
    if not returns_at_once:
        app.block_thread()
    return launched


def _serve(app: gr.Blocks, services: Services, **options: Any) -> Any:
    """Starts the server and what drops expired content; returns when the server answers."""
    settings = services.settings
    budget = UploadBudget(
        settings.uploads_mb_per_address * 1e6,
        per_session=settings.uploads_mb_per_session * 1e6,
        total=settings.uploads_mb * 1e6,
        keep_seconds=settings.keep_seconds,
    )
    uploads = UnfinishedUploads(settings.keep_seconds)
    kept = (services.photos, services.limit, services.saves, budget, uploads)
    sweep_regularly(*kept, every=min(settings.keep_seconds, _SWEEP))
    return app.launch(
        prevent_thread_lock=True,
        server_name=settings.host,
        server_port=settings.port,
        max_file_size=settings.max_upload_mb * 1_000_000,
        state_session_capacity=500,
        allowed_paths=[str(settings.cache)],
        theme=theme.theme(),
        css=theme.style(),
        head=theme.head(),
        mcp_server=settings.mcp,
        i18n=_announcements(),
        app_kwargs=_admission(app, settings, budget),
        # Only sentences that are meant for visitors reach them: others may hold paths of this
        # machine.
        show_error=False,
        ssr_mode=False,
        # Its page prints its key to the log, and shows everyone how often each event was called.
        enable_monitoring=False,
        # Otherwise Gradio requests its own page once, and ends if that takes three seconds.
        _frontend=False,
        run_history=False,
        footer_links=["api"],
        **options,
    )
