"""Connections that never finish a request, opened as raw sockets on a real web server."""

import contextlib
import socket
import threading
import time
import urllib.request

import pytest
import uvicorn

from space.settings import Settings
from space.state.rate_limits import UploadBudget
from space.web.connections import TimedProtocol, limit_connections
from space.web.guard import UPLOAD, RequestGuard
from tests.space.web.test_guard import echo

LIMIT = 1.5
HALF_HEADERS = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Half: "
HALF_UPLOAD = (
    f"POST {UPLOAD} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n".encode() + b"half"
)


@pytest.fixture
def address(monkeypatch):
    """A web server that Gradio would start, with short limits."""
    monkeypatch.setattr(TimedProtocol, "header_seconds", LIMIT)
    monkeypatch.setitem(uvicorn.config.HTTP_PROTOCOLS, "auto", "")
    limit_connections()
    budget = UploadBudget(1e9, total=1e9, keep_seconds=60)
    options = {"settings": Settings(), "budget": budget, "waiting": lambda address: 0}
    guarded = RequestGuard(echo, **options, pause_seconds=LIMIT)
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
        server = uvicorn.Server(uvicorn.Config(guarded, log_level="critical", lifespan="off"))
        run = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        run.start()
        yield listening.getsockname()
        server.should_exit = True
        run.join()


def opened(address, begin, stack):
    connection = stack.enter_context(socket.create_connection(address))
    connection.sendall(begin)
    return connection


def end_of(connection):
    """Reads until the server closes the connection; returns what it said."""
    connection.settimeout(30)
    said = b""
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(4096):
            said += part
    return said


def test_half_sent_headers_and_uploads_are_closed_and_others_are_served(address):
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        headers = [opened(address, HALF_HEADERS, stack) for _ in range(100)]
        uploads = [opened(address, HALF_UPLOAD, stack) for _ in range(300)]
        with urllib.request.urlopen(f"http://127.0.0.1:{address[1]}/", timeout=30) as answer:
            assert answer.status == 200
        assert {end_of(connection) for connection in headers} == {b""}
        statuses = [end_of(connection).split()[1] for connection in uploads]
    assert set(statuses) == {b"408", b"429"}
    assert time.monotonic() - started < 60


def test_bytes_that_drip_do_not_prolong_the_time_of_a_request(address):
    with contextlib.ExitStack() as stack:
        connection = opened(address, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", stack)
        connection.settimeout(30)
        assert b"200 OK" in connection.recv(4096)  # a further request may follow
        started = time.monotonic()
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - started < 20 * LIMIT:
                connection.sendall(b"X")
                time.sleep(LIMIT / 10)
        assert time.monotonic() - started < 10 * LIMIT


def test_a_body_that_takes_longer_than_the_headers_may_is_received(address):
    with contextlib.ExitStack() as stack:
        connection = opened(address, HALF_UPLOAD.replace(b"1000", b"8"), stack)
        time.sleep(0.7 * LIMIT)
        connection.sendall(b"ha")
        time.sleep(0.7 * LIMIT)
        connection.sendall(b"lf")
        connection.settimeout(30)
        assert b"200 OK" in connection.recv(4096)
