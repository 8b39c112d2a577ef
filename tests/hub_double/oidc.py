"""Routes of "Sign in with Hugging Face": an OpenID provider on the same address as the Hub.

The id token is signed with HMAC and a key that `jwks` publishes, so that a client can check it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from html import escape
from typing import Any
from urllib.parse import parse_qs, urlencode

from tests.hub_double.server import Request, Response, Route
from tests.hub_double.state import HubError

_KEY = b"a public key for all the tests !"
_LIFE = 8 * 3600


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _configuration(request: Request) -> Response:
    url = request.hub.url
    return Response(
        {
            "issuer": url,
            "authorization_endpoint": f"{url}/oauth/authorize",
            "token_endpoint": f"{url}/oauth/token",
            "userinfo_endpoint": f"{url}/oauth/userinfo",
            "jwks_uri": f"{url}/oauth/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["HS256"],
            "scopes_supported": ["openid", "profile", "write-discussions"],
        }
    )


def _jwks(request: Request) -> Response:
    key = {"kty": "oct", "kid": "test", "alg": "HS256", "use": "sig", "k": _base64url(_KEY)}
    return Response({"keys": [key]})


def _authorize(request: Request) -> Response:
    """Shows one button for each account that has a token, as the consent page does."""
    buttons = []
    for token, account in request.hub.accounts.items():
        code = secrets.token_hex(8)
        request.hub.sign_ins[code] = {**request.query, "token": token}
        back = urlencode({"code": code, "state": request.query["state"]})
        join = "&" if "?" in request.query["redirect_uri"] else "?"
        address = escape(f"{request.query['redirect_uri']}{join}{back}")
        buttons.append(
            f'<p><a id="authorize-{account.name}" href="{address}">{account.name}</a></p>'
        )
    page = f"<h1>{escape(request.query['client_id'])} wants</h1>" + escape(request.query["scope"])
    return Response((page + "".join(buttons)).encode(), type="text/html; charset=utf-8")


def _token(request: Request) -> Response:
    form = {key: values[0] for key, values in parse_qs(request.body.decode()).items()}
    sign_in = request.hub.sign_ins.pop(form.get("code", ""), None)
    if sign_in is None or sign_in["redirect_uri"] != form.get("redirect_uri"):
        raise HubError(400, "invalid_grant")
    profile = _profile(request, sign_in["token"])
    now = int(time.time())
    claims = {
        **profile,
        "iss": request.hub.url,
        "aud": sign_in["client_id"],
        "iat": now,
        "exp": now + _LIFE,
        "nonce": sign_in.get("nonce", ""),
    }
    return Response(
        {
            "access_token": sign_in["token"],
            "token_type": "bearer",
            "expires_in": _LIFE,
            "scope": sign_in["scope"],
            "id_token": _signed(claims),
        }
    )


def _signed(claims: dict[str, Any]) -> str:
    parts = ({"alg": "HS256", "kid": "test", "typ": "JWT"}, claims)
    text = ".".join(_base64url(json.dumps(part).encode()) for part in parts)
    return f"{text}.{_base64url(hmac.new(_KEY, text.encode(), hashlib.sha256).digest())}"


def _profile(request: Request, token: str) -> dict[str, str]:
    name = request.hub.accounts[token].name
    return {
        "sub": f"id-{name}",
        "name": name.title(),
        "preferred_username": name,
        "profile": f"{request.hub.url}/{name}",
        "picture": f"{request.hub.url}/{name}.png",
    }


def _userinfo(request: Request) -> Response:
    request.signed_in()
    return Response(_profile(request, request.headers["Authorization"].removeprefix("Bearer ")))


ROUTES: list[Route] = [
    ("GET", r"/.well-known/openid-configuration", _configuration),
    ("GET", r"/oauth/jwks", _jwks),
    ("GET", r"/oauth/authorize", _authorize),
    ("POST", r"/oauth/token", _token),
    ("GET", r"/oauth/userinfo", _userinfo),
]
