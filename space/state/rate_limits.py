"""How much one visitor may ask for in a minute, by session and by address."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

from space.errors import TooFastError

_WINDOW = 60.0
_REMEMBERED = 10_000
_HOME_NETWORK = 64


class RateLimit:
    """Counts photos, or saves, over a sliding minute; remembers the most recent visitors only.

    A session is named by whoever opens it, so it keeps honest visitors apart; the address also
    holds those who open a new session for every photo.

    Args:
        per_visitor: How many one session may have in a minute.
        per_address: How many all sessions of one address may have in a minute.
        what: What is counted, as the visitor is told.
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
            address: Where it comes from; empty where nobody can tell.

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
        """Forgets whoever asked for nothing in the last minute."""
        with self._lock:
            self._forget(self._clock())

    def _forget(self, now: float) -> None:
        """They are in the order in which they last came."""
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


def address_of(host: str | None, forwarded: str | None, *, behind_proxy: bool) -> str:
    """Returns the address that a request is counted under.

    Args:
        host: The other end of the connection.
        forwarded: The header `X-Forwarded-For`.
        behind_proxy: Whether a trusted proxy writes that header, as on a Space. Elsewhere it is
            ignored, since anybody can send it. Of several entries the last public one counts: a
            proxy appends, so what stands before may be invented.

    Returns:
        An address, of IPv6 only the home network; empty where nobody can tell.
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
    kept = int(address) >> (128 - _HOME_NETWORK) << (128 - _HOME_NETWORK)
    return f"{IPv6Address(kept)}/{_HOME_NETWORK}"
