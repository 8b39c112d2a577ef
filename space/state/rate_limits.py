"""How much one visitor may ask for in a minute, by session and by address."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

from space.errors import TooFastError

_WINDOW = 60.0
_REMEMBERED = 10_000
_NETWORK_BITS = 64


class RateLimit:
    """Counts photos, or saves, over a sliding minute; remembers the most recent visitors only.

    Visitors choose the names of their sessions, so the limit of a session keeps honest visitors
    apart; the limit of an address also holds those who open a new session for every photo.

    Args:
        per_visitor: How many one session may have in a minute.
        per_address: How many all sessions of one address may have in a minute.
        what: What is counted, for the message to the visitor.
        clock: Seconds that never run backwards.
    """

    def __init__(
        self,
        per_visitor: int,
        *,
        per_address: int,
        what: str = "photos",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what = what
        self._limits = {"visitor": per_visitor, "address": per_address}
        self._clock = clock
        self._seen: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def spend(self, visitor: str, address: str = "") -> None:
        """Counts one.

        Args:
            visitor: The session; empty where there is none.
            address: Where the request comes from; empty where it is unknown.

        Raises:
            TooFastError: It would exceed a limit; nothing is counted.
        """
        now = self._clock()
        who = [(kind, name) for kind, name in (("visitor", visitor), ("address", address)) if name]
        with self._lock:
            self._forget(now)
            recent = [self._recent(key, now) for key in who]
            for (kind, _), times in zip(who, recent, strict=True):
                self._check(kind, times, now)
            for times in recent:
                times.append(now)

    def sweep(self) -> None:
        """Forgets every visitor without a request in the last minute."""
        with self._lock:
            self._forget(self._clock())

    def _forget(self, now: float) -> None:
        # Visitors are in the order of their last request.
        while self._seen:
            times = next(iter(self._seen.values()))
            if times and now - times[-1] < _WINDOW and len(self._seen) < _REMEMBERED:
                return
            self._seen.popitem(last=False)

    def _recent(self, key: tuple[str, str], now: float) -> deque[float]:
        times = self._seen.setdefault(key, deque())
        self._seen.move_to_end(key)
        while times and now - times[0] >= _WINDOW:
            times.popleft()
        return times

    def _check(self, kind: str, times: deque[float], now: float) -> None:
        limit = self._limits[kind]
        if len(times) < limit:
            return
        wait = int(_WINDOW - (now - times[0])) + 1
        raise TooFastError(
            f"At most {limit} {self._what} a minute for each {kind}: try again in {wait} seconds."
        )


class UploadBudget:
    """Counts the bytes that visitors send: by session and address, and all that is kept at once.

    Bytes are counted in steps of a second, so that memory does not grow with the number of chunks.

    Args:
        per_address: Most bytes of one address in a minute.
        per_session: Most bytes of one session in a minute; no limit by default.
        total: Most bytes of all visitors within `keep_seconds`, the time that uploads are kept.
        keep_seconds: How long uploads are kept.
        clock: Seconds that never run backwards.
    """

    def __init__(
        self,
        per_address: float,
        *,
        per_session: float = math.inf,
        total: float,
        keep_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = {"session": per_session, "address": per_address}
        self._total, self._keep = total, keep_seconds
        self._clock = clock
        self._all = _Window()
        self._senders: OrderedDict[tuple[str, str], _Window] = OrderedDict()

    def spend(self, size: int, address: str = "", *, session: str = "") -> None:
        """Counts some bytes.

        Args:
            size: How many.
            address: Where they come from.
            session: The browser that sends them; empty where it is unknown, as for scripts.

        Raises:
            TooFastError: They would exceed a limit; nothing is counted.
        """
        now = self._clock()
        self._forget(now)
        self._all.forget(now - self._keep)
        kinds = {"session": session, "address": address} if session else {"address": address}
        windows = {kind: self._window((kind, name), now) for kind, name in kinds.items()}
        for kind, window in windows.items():
            _check_bytes(window.total + size, self._limits[kind], f"one {kind}", _WINDOW)
        _check_bytes(self._all.total + size, self._total, "all visitors together", self._keep)
        for window in (*windows.values(), self._all):
            window.add(now, size)

    def sweep(self) -> None:
        """Forgets everyone without an upload in the last minute."""
        self._forget(self._clock())

    def _window(self, sender: tuple[str, str], now: float) -> _Window:
        window = self._senders.setdefault(sender, _Window())
        self._senders.move_to_end(sender)
        window.forget(now - _WINDOW)
        return window

    def _forget(self, now: float) -> None:
        # In the order of their last upload.
        while self._senders:
            oldest = next(iter(self._senders.values()))
            oldest.forget(now - _WINDOW)
            if oldest.total and len(self._senders) < _REMEMBERED:
                return
            self._senders.popitem(last=False)


def _check_bytes(size: float, most: float, whose: str, seconds: float) -> None:
    if size > most:
        raise TooFastError(
            f"At most {most / 1e6:,.0f} MB are accepted from {whose} in "
            f"{seconds / 60:,.0f} minutes: try again later or send smaller photos."
        )


class _Window:
    """Amounts with the time at which they were counted, in steps of a second."""

    def __init__(self) -> None:
        self.total = 0
        self._steps: deque[tuple[int, int]] = deque()

    def add(self, now: float, amount: int) -> None:
        second = int(now)
        if self._steps and self._steps[-1][0] == second:
            amount_before = self._steps.pop()[1]
            self._steps.append((second, amount_before + amount))
        else:
            self._steps.append((second, amount))
        self.total += amount

    def forget(self, before: float) -> None:
        while self._steps and self._steps[0][0] < before:
            self.total -= self._steps.popleft()[1]


def address_of(host: str | None, forwarded: str | None, *, behind_proxy: bool) -> str:
    """Returns the address that a request is counted under.

    Args:
        host: The other end of the connection.
        forwarded: The header `X-Forwarded-For`.
        behind_proxy: Whether a trusted proxy writes that header, as on a Space. Elsewhere it is
            ignored, since every client can send it. Of several entries the last public one counts:
            a proxy appends, so earlier entries may be invented.

    Returns:
        An address, of IPv6 only the first 64 bits; empty where it is unknown.
    """
    if behind_proxy:
        for entry in reversed((forwarded or "").split(",")):
            found = _network(entry.strip())
            if found and ip_address(found.split("/")[0]).is_global:
                return found
    return _network(host or "")


def _network(text: str) -> str:
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    kept = int(address) >> (128 - _NETWORK_BITS) << (128 - _NETWORK_BITS)
    return f"{IPv6Address(kept)}/{_NETWORK_BITS}"
