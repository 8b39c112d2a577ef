"""The HTTP server: it reads requests, finds their routes, injects faults and writes responses."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.hub_double.state import Account, Fault, Hub, HubError, Repo

REPO = r"/api/(?P<kind>model|dataset|space)s/(?P<repo_id>[^/]+/[^/]+)"


@dataclass
class Request:
    """One request, decoded."""

    hub: Hub
    method: str
    path: str
    query: dict[str, str]
    headers: Message
    body: bytes
    params: dict[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        return json.loads(self.body or b"{}")

    def account(self) -> Account | None:
        """Returns the account of the token, or None without a token.

        Raises:
            HubError: The token belongs to no account; the Hub answers expired tokens in this way.
        """
        bearer = self.headers.get("Authorization", "")
        if not bearer:
            return None
        account = self.hub.accounts.get(bearer.removeprefix("Bearer "))
        if account is None:
            raise HubError(401, "Invalid credentials in Authorization header")
        return account

    def signed_in(self) -> Account:
        account = self.account()
        if account is None:
            raise HubError(401, "Invalid username or password.")
        return account

    def repo(self, *, files: bool = False) -> Repo:
        """Returns the repository that the path names.

        Args:
            files: The request reads files, which a gated repository allows only some accounts.

        Raises:
            HubError: There is none, or the account may not see it.
        """
        repo_id, account = self.params["repo_id"], self.account()
        repo = self.hub.repos.get((self.params["kind"], repo_id))
        inside = account is not None and account.is_member(repo_id)
        if repo is None or (repo.private and not inside):
            status = 401 if account is None else 404
            raise HubError(status, "Repository not found", code="RepoNotFound")
        admitted = inside or (account is not None and repo_id in account.admitted)
        if files and repo.gated and not admitted:
            status = 401 if account is None else 403
            raise HubError(status, f"Access to {repo_id} is restricted.", code="GatedRepo")
        return repo

    def writer(self, repo: Repo, *, pull_request: bool = False) -> Account:
        """Returns the account of the token if it may write, or open a pull request.

        Args:
            pull_request: A pull request is enough.

        Raises:
            HubError: It may not.
        """
        account = self.signed_in()
        if account.role == "read":
            raise HubError(403, "Forbidden: you don't have sufficient rights (token role=read)")
        if not pull_request and not account.is_member(repo.id):
            raise HubError(403, "Forbidden: pass `create_pr=1` to create a Pull Request")
        return account


@dataclass
class Response:
    """One response; a dict or list becomes JSON."""

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    type: str = "application/json"


Route = tuple[str, str, Callable[[Request], Response]]


def _answer(routes: list[Route], request: Request) -> Response:
    method = "GET" if request.method == "HEAD" else request.method
    for methods, pattern, function in routes:
        match = re.fullmatch(pattern, request.path) if method in methods.split() else None
        if match:
            request.params.update({k: unquote(v or "") for k, v in match.groupdict().items()})
            return function(request)
    raise HubError(404, f"No such route {request.method} {request.path}")


def _as_error(error: HubError) -> Response:
    headers = {"X-Error-Message": error.message}
    if error.code:
        headers["X-Error-Code"] = error.code
    return Response({"error": error.message}, error.status, headers)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _serve(self) -> None:
        hub, body, url = self.server.hub, self._body(), urlsplit(self.path)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        request = Request(hub, self.command, url.path, query, self.headers, body)
        entry = {"method": self.command, "path": self.path, "sent": len(body), "status": 0}
        entry["at"] = time.monotonic()
        hub.log.append(entry)
        fault = hub.fault_for(self.command, self.path)
        if fault and not fault.after:
            return self._break(fault, entry)
        try:
            response = _answer(self.server.routes, request)
        except HubError as error:
            response = _as_error(error)
        if fault:
            return self._break(fault, entry)
        return self._send(response, entry)

    def _break(self, fault: Fault, entry: dict[str, Any]) -> None:
        if fault.cut:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        body = fault.body or {"error": f"injected {fault.status}"}
        self._send(Response(body, fault.status, fault.headers), entry)

    def _send(self, response: Response, entry: dict[str, Any]) -> None:
        body = response.body
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        headers = {"Content-Type": response.type, "Content-Length": str(len(body))}
        entry.update(status=response.status, received=len(body))
        try:
            self.send_response(response.status)
            for name, value in {**headers, **response.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
        except ConnectionError:
            self.close_connection = True  # a test killed the client

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _serve


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, hub: Hub, routes: list[Route], *, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.hub, self.routes = hub, routes

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Prints nothing: tests cut connections on purpose."""


def serve(hub: Hub, routes: list[Route], *, port: int = 0) -> ThreadingHTTPServer:
    """Starts a server thread on loopback, and sets the address of the hub."""
    server = _Server(hub, routes, port=port)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
