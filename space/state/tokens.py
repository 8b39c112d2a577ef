"""Home: whose account contributions go under, and who may use the token of the app's own machine.

On a Space people sign in. On a machine of one's own there is no sign-in, but its token; that one is
used for visitors of that machine alone, and never where others can reach the app.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from space.settings import Settings
from space.state.rate_limits import is_loopback

# Headers that a proxy adds: whoever comes through one need not be at this machine.
_FORWARDED = ("x-forwarded-for", "x-forwarded-host", "forwarded", "x-real-ip", "via")


@dataclass(frozen=True)
class WayIn:
    """How a contribution gets an account here.

    Attributes:
        told: What the Contribute view says, as Markdown.
        waits: Why a contribution without an account waits, and what to do.
        review: What somebody is to do who wants to review.
    """

    told: str
    waits: str
    review: str


_SIGN_IN = WayIn(
    "Each is sent as a pull request under your own name: sign in, and it goes at once. Until then "
    "it waits here, for whoever signs in with this browser.",
    "sign in again to send it",
    "sign in under Contribute",
)
_NO_SIGN_IN = WayIn(
    "**This Space has no sign-in,** so nothing is sent: whoever runs it sets `hf_oauth: true` in "
    "its README.md. Until then corrections wait here.",
    "this Space has no sign-in: whoever runs it sets hf_oauth in its README.md",
    "this Space has no sign-in: whoever runs it sets hf_oauth in its README.md",
)
_OWN_TOKEN = WayIn(
    "Each is sent at once as a pull request under the account of this machine's Hugging Face "
    "token, the one of `hf auth login` or `HF_TOKEN`. It is used for pages and scripts of this "
    "machine only.",
    "open this app on the machine that runs it, and it is sent",
    "open this app on the machine that runs it",
)
_NO_TOKEN = WayIn(
    "**No Hugging Face token is on this machine,** so nothing is sent: run `hf auth login`, then "
    "restart the app. Until then corrections wait here; afterwards they go as pull requests under "
    "that account, once this page is opened again in this browser.",
    "no Hugging Face token is on this machine: run `hf auth login`, then restart the app",
    "no Hugging Face token is on this machine: run `hf auth login`, then restart the app",
)
_OPEN_TO_OTHERS = WayIn(
    "**Others can reach this app, so it uses nobody's token,** and nothing is sent. Restart it "
    "with `SEGFACE_HOST=127.0.0.1` to send what you save under the account of `hf auth login`, or "
    "set `SEGFACE_DATASET_TOKEN` to send what everybody saves. Until then corrections wait here.",
    "others can reach this app, so it uses nobody's token: restart it with SEGFACE_HOST=127.0.0.1, "
    "or set SEGFACE_DATASET_TOKEN",
    "others can reach this app, so it uses nobody's token: restart it with SEGFACE_HOST=127.0.0.1",
)


def way_in(settings: Settings, *, own_token: bool) -> WayIn:
    """Returns how a contribution gets an account in an app without a service token.

    Args:
        settings: Where the app runs, and who can reach it.
        own_token: Whether the machine has a token that the app uses.
    """
    if settings.on_space:
        return _SIGN_IN if settings.sign_in else _NO_SIGN_IN
    if not settings.for_this_machine:
        return _OPEN_TO_OTHERS
    return _OWN_TOKEN if own_token else _NO_TOKEN


def is_at_home(settings: Settings, *, client: str | None, headers: Mapping[str, str]) -> bool:
    """Tells whether a request comes from the machine on which only its own user is served.

    A page of the web that its owner visits can send requests to this machine too; the browser
    names that page as the origin, or, where a name of the web was pointed here, as the host.

    Args:
        settings: Where the app runs, and who can reach it.
        client: The other end of the connection.
        headers: Those of the request, by lower-case name.
    """
    if not settings.for_this_machine or any(headers.get(name) for name in _FORWARDED):
        return False
    host, origin = headers.get("host", ""), headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != host:
        return False
    return is_loopback(client or "") and is_loopback(urlsplit(f"//{host}").hostname or "")
