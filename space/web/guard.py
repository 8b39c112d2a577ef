"""What every HTTP request must pass before Gradio sees it: host, origin, size, time and budget."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from space.errors import TooFastError
from space.settings import Settings, is_loopback
from space.state.rate_limits import UploadBudget, address_of

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

UPLOAD = "/gradio_api/upload"
_SESSION = "segface-session"
_COOKIE = re.compile(rf"(?:^|;\s*){_SESSION}=([0-9a-f]{{32}})(?:;|$)")
_QUEUED = ("/gradio_api/queue/join", "/gradio_api/call/")
_CALLS = (
    *_QUEUED,
    *(f"/gradio_api/{name}" for name in ("run/", "api/", "reset", "cancel", "component_server")),
)
_MALFORMED = 400, 422
# A body may pause for this long, and take this long in all: 20 MB at half a megabit a second.
_PAUSE_SECONDS, _BODY_SECONDS = 20.0, 320.0
# Bodies that may be on their way at once, from one address and from all.
_BODIES_PER_ADDRESS, _BODIES = 64, 256


class Refusal(Exception):
    """Why a request is refused.

    Attributes:
        status: HTTP status.
        title: The type that a script reads, as `docs/api.md` names it.
        detail: One sentence.
    """

    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.title, self.detail = status, title, detail


class RequestGuard:
    """An ASGI middleware that refuses requests before they reach the app.

    - Host: off a Space, an app that listens on loopback serves loopback names only, so that a web
      page whose name is pointed at this machine (DNS rebinding) can't use it.
    - Origin: off a Space, pages of other origins can't send anything. On a Space they can, but
      without cookies, so that they can't act for a visitor who is signed in.
    - Frames: only the app itself may frame the app; on a Space the Hub's page may, too.
    - Bodies: they have a size, a time limit and a budget of bytes by session, by address and in
      all. A session is a browser with the random cookie that the page sets.
    - Queue: the events of one address may take half of the places.
    - Calls whose JSON can't be read, such as one that is nested 90,000 deep, get a typed answer.

    Args:
        app: The app behind it.
        settings: The choices of the person who runs the app.
        budget: Counts the bytes that arrive.
        waiting: Returns how many events of an address wait in the queue.
        pause_seconds: How long a body may pause.
        clock: Seconds that never run backwards.
    """

    def __init__(
        self,
        app: App,
        *,
        settings: Settings,
        budget: UploadBudget,
        waiting: Callable[[str], int],
        pause_seconds: float = _PAUSE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._settings = settings
        self._budget = budget
        self._waiting = waiting
        self._pause, self._clock = pause_seconds, clock
        self._allowed = frozenset(host.lower() for host in settings.allowed_hosts)
        self._bodies: Counter[str] = Counter()
        frames = "'self' https://huggingface.co" if settings.on_space else "'self'"
        self._policy = (b"content-security-policy", f"frame-ancestors {frames}".encode())
        # On a Space the app is in a frame of another site.
        framed = "SameSite=None; Secure; Partitioned" if settings.on_space else "SameSite=Strict"
        self._cookie = f"{_SESSION}=%s; Path=/; HttpOnly; {framed}"

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Passes an admitted request on, or answers it with a refusal; see ASGI."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): v.decode("latin-1") for name, v in scope["headers"]}
        try:
            self._check_host(headers)
            self._check_origin(scope, headers)
            if scope["type"] == "websocket" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
                is_new = scope["path"] == "/" and not _session_of(headers)
                await self._app(scope, receive, self._with_policy(send, new_session=is_new))
                return
            address = self._address(scope, headers)
            self._check_queue(scope["path"], address)
            with self._one_body(address):
                body = self._body(scope["path"], headers, address, receive)
                await self._app(scope, body, self._answering(scope["path"], body, send))
        except Refusal as refusal:
            await _answer(self._with_policy(send), refusal)
        except RecursionError:
            await _answer(self._with_policy(send), _unreadable())

    def _check_host(self, headers: Mapping[str, str]) -> None:
        host = _name_of(f"//{headers.get('host', '')}")
        if not self._settings.for_this_machine or is_loopback(host) or self._is_allowed(host):
            return
        raise Refusal(
            421,
            "NotAllowedError",
            "This app serves its own machine: open it as http://127.0.0.1, or name this host in "
            "SEGFACE_ALLOWED_HOSTS.",
        )

    def _check_origin(self, scope: MutableMapping[str, Any], headers: Mapping[str, str]) -> None:
        origin = headers.get("origin")
        if origin is None or urlsplit(origin).netloc == headers.get("host", ""):
            return
        if self._is_allowed(_name_of(origin)):
            return
        if self._settings.on_space:
            scope["headers"] = [pair for pair in scope["headers"] if pair[0] != b"cookie"]
            return
        raise Refusal(
            403,
            "NotAllowedError",
            "Pages of other websites can't use this app: name their host in SEGFACE_ALLOWED_HOSTS "
            "to allow it.",
        )

    def _is_allowed(self, host: str) -> bool:
        return host in self._allowed

    def _address(self, scope: Mapping[str, Any], headers: Mapping[str, str]) -> str:
        host = scope["client"][0] if scope.get("client") else None
        forwarded = headers.get("x-forwarded-for")
        return address_of(host, forwarded, behind_proxy=self._settings.on_space)

    def _check_queue(self, path: str, address: str) -> None:
        most = -(-self._settings.queue_size // 2)
        if path.startswith(_QUEUED) and self._waiting(address) >= most:
            sentence = f"{most} requests of your address wait already: try again soon."
            raise Refusal(503, "TooFastError", sentence)

    @contextmanager
    def _one_body(self, address: str) -> Iterator[None]:
        """Counts a request that is being received and answered."""
        if self._bodies[address] >= _BODIES_PER_ADDRESS or self._bodies.total() >= _BODIES:
            raise Refusal(
                429, "TooFastError", "Too many requests arrive at once: try again in a minute."
            )
        self._bodies[address] += 1
        try:
            yield
        finally:
            self._bodies[address] -= 1
            self._bodies += Counter()  # drops the addresses that count zero

    def _body(self, path: str, headers: Mapping[str, str], address: str, receive: Receive) -> _Body:
        # A photo may come in JSON, too, as a `data:` address: a third longer.
        count = self._settings.max_photos if path == UPLOAD else 2
        most = (count * self._settings.max_upload_mb + 1) * 1_000_000
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length[:18]) > most:
            raise _too_large(most)

        def spend(size: int) -> None:
            self._budget.spend(size, address, session=_session_of(headers))

        return _Body(receive, most=most, spend=spend, pause=self._pause, clock=self._clock)

    def _with_policy(self, send: Send, *, new_session: bool = False) -> Send:
        added = [self._policy]
        if new_session:
            added.append((b"set-cookie", (self._cookie % secrets.token_hex(16)).encode()))

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *added]
            await send(message)

        return sent

    def _answering(self, path: str, body: _Body, send: Send) -> Send:
        """Replaces what the app answers where the body is refused or can't be read."""
        passed_on = self._with_policy(send)

        async def sent(message: Message) -> None:
            if body.refusal is not None:
                raise body.refusal
            if path.startswith(_CALLS) and message.get("status") in _MALFORMED:
                raise _unreadable()
            await passed_on(message)

        return sent


class _Body:
    """Receives the body of one request within its limits; afterwards it passes everything on.

    Attributes:
        refusal: Why the rest is not received; None where all is well.
    """

    def __init__(
        self,
        receive: Receive,
        *,
        most: int,
        spend: Callable[[int], None],
        pause: float,
        clock: Callable[[], float],
    ) -> None:
        self._receive, self._most, self._spend = receive, most, spend
        self._pause, self._clock = pause, clock
        self._ends = clock() + _BODY_SECONDS
        self._size = 0
        self._complete = False
        self.refusal: Refusal | None = None

    async def __call__(self) -> Message:
        """Returns the next message; see ASGI."""
        if self._complete:
            return await self._receive()
        try:
            return await self._next()
        except Refusal as refusal:
            self.refusal = refusal
            raise

    async def _next(self) -> Message:
        left = min(self._pause, self._ends - self._clock())
        try:
            message = await asyncio.wait_for(self._receive(), max(left, 0.0))
        except TimeoutError as error:
            raise Refusal(
                408, "TooFastError", "The request did not arrive in time: send it again."
            ) from error
        size = len(message.get("body", b""))
        self._size += size
        if self._size > self._most:
            raise _too_large(self._most)
        try:
            self._spend(size)
        except TooFastError as error:
            raise Refusal(429, "TooFastError", str(error)) from error
        self._complete = not message.get("more_body", False)
        return message


def _unreadable() -> Refusal:
    return Refusal(
        400,
        "VisitError",
        "The request can't be read: send JSON whose list `data` has the endpoint's fields.",
    )


def _too_large(most: int) -> Refusal:
    return Refusal(
        413, "VisitError", f"A request may have {most / 1e6:.0f} MB: send fewer or smaller photos."
    )


def _session_of(headers: Mapping[str, str]) -> str:
    """Returns the random name of a browser's session; empty where its cookie is absent."""
    found = _COOKIE.search(headers.get("cookie", ""))
    return found[1] if found else ""


def _name_of(address: str) -> str:
    """Returns the host name of an address, in lower case; empty where it has none."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


async def _answer(send: Send, refusal: Refusal) -> None:
    """Answers with a refusal and closes the connection, which may hold more of the body."""
    text = json.dumps({"detail": refusal.detail, "title": refusal.title}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(text)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": text})
