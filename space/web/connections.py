"""A time limit for connections on which no request arrives, which the web server doesn't have."""

from __future__ import annotations

import asyncio

import uvicorn.config
from uvicorn.protocols.http.h11_impl import H11Protocol

_HEADER_SECONDS = 20.0


class TimedProtocol(H11Protocol):
    """Uvicorn's HTTP protocol, which closes a connection whose request headers don't arrive.

    The time counts from the start of the connection, or from the first byte of a further request.
    More bytes don't prolong it. Bodies have limits of their own, in `RequestGuard`.

    Attributes:
        header_seconds: How long the headers of a request may take.
    """

    header_seconds = _HEADER_SECONDS
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Starts the time of the first request; see `asyncio.Protocol`."""
        super().connection_made(transport)
        self._start_timer()

    def data_received(self, data: bytes) -> None:
        """Ends the time where the headers are complete; see `asyncio.Protocol`."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_timer()
        elif self._timer is None:
            self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends the time; see `asyncio.Protocol`."""
        self._stop_timer()
        super().connection_lost(exc)

    def _start_timer(self) -> None:
        self._timer = self.loop.call_later(self.header_seconds, self._give_up)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        if self.transport.get_protocol() is self:  # another one holds a WebSocket
            self.transport.abort()


def limit_connections() -> None:
    """Makes every web server of this process use `TimedProtocol`.

    Gradio offers no option for it: it starts uvicorn with the protocol that is named "auto".
    """
    uvicorn.config.HTTP_PROTOCOLS["auto"] = f"{__name__}:{TimedProtocol.__name__}"
