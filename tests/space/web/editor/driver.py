"""Drives the editor in Chromium by real mouse, touch and keyboard events."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

ROOT = "document.querySelector('#mask-editor .fme')"
Point = tuple[float, float]


@dataclass
class EditorPage:
    """One page with the editor on it."""

    page: Any
    folder: Path
    errors: list[str] = field(default_factory=list)

    @classmethod
    def start(
        cls,
        browser: Any,
        url: str,
        *,
        folder: Path,
        ratio: float = 1,
        width: int = 1280,
        height: int = 900,
        touch: bool = False,
        colors: str = "light",
    ) -> EditorPage:
        """Open the page with nothing loaded; nothing but this machine is reachable."""
        context = browser.new_context(
            viewport={"width": width, "height": height},
            device_scale_factor=ratio,
            has_touch=touch,
            color_scheme=colors,
        )
        context.route(lambda to: urlsplit(to).hostname != "127.0.0.1", lambda route: route.abort())
        page = context.new_page()
        page.set_default_timeout(20_000)
        editor = cls(page, folder)
        page.on("pageerror", lambda error: editor.errors.append(str(error)))
        editor.visit(url)
        return editor

    def visit(self, url: str) -> None:
        self.page.goto(url, wait_until="domcontentloaded")
        self.page.wait_for_function(f"{ROOT}?.__fme")

    def load(self, size: str) -> None:
        """Have the backend send the synthetic face of this size."""
        before = self.js("root.dataset.ready || ''")
        self.page.fill("#size textarea, #size input", size)
        # By script: a message of Gradio's may lie over the button for ten seconds.
        self.page.evaluate("document.querySelector('#load').click()")
        self.page.wait_for_function(
            f"(before) => ({ROOT}.dataset.ready || '') !== before", arg=before
        )
        self.page.locator(".fme-view").scroll_into_view_if_needed()

    def js(self, expression: str, argument: Any = None) -> Any:
        """Evaluate with ``root``, ``fme`` and ``arg`` in scope."""
        body = f"(arg) => {{ const root = {ROOT}; const fme = root.__fme; return ({expression}); }}"
        return self.page.evaluate(body, argument)

    def ids(self) -> NDArray[np.uint8]:
        """The label map as it is in the browser."""
        width, height = self.js("[fme.map.width, fme.map.height]")
        coded = self.js("btoa(Array.from(fme.map.data, (id) => String.fromCharCode(id)).join(''))")
        return np.frombuffer(b64decode(coded), np.uint8).reshape(height, width)

    def at(self, x: float, y: float) -> Point:
        left, top = self.js("fme.toScreen(arg[0], arg[1])", [x, y])
        return left, top

    def drag(self, points: Sequence[Point], *, button: str = "left") -> None:
        """Press at the first pixel of the map, move over the others, let go."""
        mouse = self.page.mouse
        mouse.move(*self.at(*points[0]))
        mouse.down(button=button)
        for point in points[1:]:
            mouse.move(*self.at(*point), steps=5)
        mouse.up(button=button)

    def click(self, x: float, y: float, **options: Any) -> None:
        self.page.mouse.click(*self.at(x, y), **options)

    def press(self, *keys: str) -> None:
        self.page.focus("#mask-editor .fme-view")
        for key in keys:
            self.page.keyboard.press(key)

    def touch(self, *frames: Sequence[Point]) -> None:
        """Fingers down at the first frame, moved through the others, then up; window points."""
        session = self.page.context.new_cdp_session(self.page)
        for number, frame in enumerate(frames):
            kind = "touchMove" if number else "touchStart"
            fingers = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(frame)]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        session.detach()

    def color(self, x: float, y: float) -> tuple[int, int, int]:
        """What the canvas shows in the middle of a pixel of the map, once it is drawn."""
        shown = self.js(
            """new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
              const { canvas, context } = fme.app.stage;
              const { left, top, width } = canvas.getBoundingClientRect();
              const [px, py] = fme.toScreen(arg[0], arg[1]);
              const ratio = canvas.width / width;
              const at = [Math.round((px - left) * ratio), Math.round((py - top) * ratio)];
              done([...context.getImageData(at[0], at[1], 1, 1).data].slice(0, 3));
            })))""",
            [x, y],
        )
        return tuple(shown)

    def save(self, mood: str = "accept", *, until: str = "saved") -> None:
        """Press Save, confirm a mask without a change, and wait for the answer."""
        self.page.fill("#mood textarea, #mood input", mood)
        self.page.click("[data-act=save]")
        if self.js("root.querySelector('.fme-ask').open"):
            self.page.click("[data-act=save-unchanged]")
        self.page.wait_for_function(f"(state) => {ROOT}.dataset.state === state", arg=until)

    def reload(self, size: str | None = None) -> None:
        """Leave without saving and come back, at once on a photo when ``size`` is given."""
        self.js("fme.app.drafts.flush()")
        self.page.once("dialog", lambda dialog: dialog.accept())
        self.page.reload(wait_until="domcontentloaded")
        self.page.wait_for_function("document.querySelector('.fme')?.__fme")
        if size:
            self.load(size)

    def offered(self) -> str:
        """What the offer of unsaved work says, once there is one."""
        self.page.wait_for_selector(".fme-draft:not([hidden])")
        return self.text(".fme-draft")

    def nothing_offered(self) -> bool:
        self.js("fme.app.drafts.writing")
        self.page.wait_for_timeout(300)
        return bool(self.page.locator(".fme-draft").is_hidden())

    def bring_back(self) -> NDArray[np.uint8]:
        """Take the unsaved work that is offered; its ids."""
        self.offered()
        self.page.click("[data-act=draft-restore]")
        self.page.wait_for_function(
            "document.querySelector('.fme-message').textContent === 'Unsaved work restored.'"
        )
        return self.ids()

    def saved(self) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """What arrived at the backend: ids and claims."""
        claims = json.loads((self.folder / "saved.json").read_text(encoding="utf-8"))
        return np.load(self.folder / "saved.npy"), claims

    def text(self, selector: str) -> str:
        return self.page.locator(f"#mask-editor {selector}").inner_text()
