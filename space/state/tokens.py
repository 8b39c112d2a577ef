"""Whose account contributions go under, and who may use the token of the app's own machine.

On a Space people sign in. On a private machine there is no sign-in; the machine's own Hugging Face
token is used there, for local requests only, and never where others can reach the app.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from space.settings import Settings, is_loopback

# Headers that a proxy adds: a request that came through one may come from another machine.
_FORWARDED = ("x-forwarded-for", "x-forwarded-host", "forwarded", "x-real-ip", "via")


@dataclass(frozen=True)
class SignInTexts:
    """How a contribution gets an account here, in the words of the app.

    Attributes:
        intro: What the Contribute view says, as Markdown.
        pending: Why a contribution without an account waits, and what to do.
        review: What to do in order to review.
    """

    intro: str
    pending: str
    review: str


_SIGN_IN = SignInTexts(
    "Each correction is sent as a pull request under your own name. Sign in, and it is sent at "
    "once. Without signing in it waits here until you sign in with this browser.",
    "sign in again to send it",
    "sign in under Contribute",
)
_NO_SIGN_IN = SignInTexts(
    "**This Space has no sign-in,** so nothing is sent. Its owner can set `hf_oauth: true` in "
    "README.md. Until then corrections wait here.",
    "this Space has no sign-in: its owner can set hf_oauth in README.md",
    "this Space has no sign-in: its owner can set hf_oauth in README.md",
)
_OWN_TOKEN = SignInTexts(
    "Each correction is sent at once as a pull request under the account of this machine's Hugging "
    "Face token, the one of `hf auth login` or `HF_TOKEN`. The token is used for pages and scripts "
    "of this machine only.",
    "open this app on the machine that runs it, and it is sent",
    "open this app on the machine that runs it",
)
_NO_TOKEN = SignInTexts(
    "**This machine has no Hugging Face token,** so nothing is sent: run `hf auth login`, then "
    "restart the app. Until then corrections wait here. Afterwards they are sent as pull requests "
    "under that account, once this page is opened again in this browser.",
    "this machine has no Hugging Face token: run `hf auth login`, then restart the app",
    "this machine has no Hugging Face token: run `hf auth login`, then restart the app",
)
_OPEN_TO_OTHERS = SignInTexts(
    "**Others can reach this app, so it does not use this machine's token,** and nothing is sent. "
    "Restart it with `SEGFACE_HOST=127.0.0.1` to send what you save under the account of `hf auth "
    "login`, or set `SEGFACE_DATASET_TOKEN` to send what every visitor saves. Until then "
    "corrections wait here.",
    "others can reach this app, so it uses no token: restart it with SEGFACE_HOST=127.0.0.1, "
    "or set SEGFACE_DATASET_TOKEN",
    "others can reach this app, so it uses no token: restart it with SEGFACE_HOST=127.0.0.1",
)


def sign_in_texts(settings: Settings, *, own_token: bool) -> SignInTexts:
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


def is_local_request(settings: Settings, *, client: str | None, headers: Mapping[str, str]) -> bool:
    """Tells whether a request comes from this machine, in an app that serves this machine only.

    A web page that the owner visits can send requests to this machine too. The browser names that
    page as the origin or, after DNS rebinding, as the host.

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
