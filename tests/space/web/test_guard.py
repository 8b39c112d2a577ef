"""What the guard lets through, tested with a small ASGI app behind it."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from space.settings import Settings
from space.state.rate_limits import UploadBudget
from space.web.guard import UPLOAD, RequestGuard

HERE = Settings()
SPACE = Settings(space_id="owner/app", host="0.0.0.0")
HOST = {"host": "127.0.0.1:7860"}


async def echo(scope, receive, send):
    """Answers with the size of the body and the cookies."""
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    cookies = [value.decode() for name, value in scope["headers"] if name == b"cookie"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps([size, cookies]).encode()})


async def swallowing(scope, receive, send):
    """Answers although its body could not be received, as web frameworks do."""
    try:
        await receive()
    except Exception:
        await send({"type": "http.response.start", "status": 400, "headers": []})
        await send({"type": "http.response.body", "body": b"parsing failed"})


async def parsing(scope, receive, send):
    """Answers as web frameworks do that read JSON."""
    try:
        json.loads((await receive())["body"])
    except ValueError:
        await send({"type": "http.response.start", "status": 422, "headers": []})
        await send({"type": "http.response.body", "body": b"[]"})


def guard(settings=HERE, app=echo, *, budget=None, waiting=0, **options):
    budget = budget or UploadBudget(1e9, total=1e10, keep_seconds=3600)
    return RequestGuard(
        app, settings=settings, budget=budget, waiting=lambda address: waiting, **options
    )


def sent(guarded, *, path=UPLOAD, method="POST", client="127.0.0.1", chunks=(b"x",), **headers):
    """Sends one request; returns the status, the headers and the answer."""
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "client": (client, 1),
        "headers": [
            (name.replace("_", "-").encode(), value.encode())
            for name, value in {**HOST, **headers}.items()
        ],
    }
    bodies = [
        {"type": "http.request", "body": chunk, "more_body": number < len(chunks) - 1}
        for number, chunk in enumerate(chunks)
    ]
    answers = []

    async def receive():
        return bodies.pop(0) if bodies else await asyncio.sleep(3600)

    async def send(message):
        answers.append(message)

    with ThreadPoolExecutor(1) as pool:  # a browser of other tests may have a loop in this thread
        pool.submit(asyncio.run, guarded(scope, receive, send)).result()
    return answers[0]["status"], dict(answers[0]["headers"]), json.loads(answers[1]["body"])


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost", "[::1]:7860", "LOCALHOST:1"])
def test_an_app_on_loopback_serves_loopback_names(host):
    assert sent(guard(), method="GET", host=host)[0] == 200


@pytest.mark.parametrize(
    "host", ["evil.example:7860", "127.0.0.1.evil.example", "", "a]b", "10.0.0.2"]
)
def test_an_app_on_loopback_refuses_other_names_unless_they_are_allowed(host):
    status, _, answer = sent(guard(), method="GET", host=host)
    assert (status, answer["title"]) == (421, "NotAllowedError")
    allowing = guard(Settings(allowed_hosts=("Evil.Example",)))
    assert sent(allowing, method="GET", host=host)[0] == (200 if host.startswith("evil") else 421)
    open_to_others = guard(Settings(host="0.0.0.0"))
    assert sent(open_to_others, method="GET", host=host)[0] == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:8000", "null"])
def test_pages_of_other_origins_send_nothing_off_a_space(origin):
    status, _, answer = sent(guard(), origin=origin)
    assert (status, answer["title"]) == (403, "NotAllowedError")
    assert sent(guard(Settings(host="0.0.0.0")), origin=origin)[0] == 403
    assert sent(guard(), origin="http://127.0.0.1:7860")[0] == 200
    assert sent(guard())[0] == 200  # a script names no origin
    allowing = guard(Settings(allowed_hosts=("evil.example",)))
    assert sent(allowing, origin=origin)[0] == (200 if "evil" in origin else 403)


def test_on_a_space_pages_of_other_origins_lose_the_cookies_of_the_visitor():
    for origin, cookies in (("https://evil.example", []), ("https://127.0.0.1:7860", ["a=1"])):
        assert sent(guard(SPACE), origin=origin, cookie="a=1")[2] == [1, cookies]


@pytest.mark.parametrize(
    ("settings", "frames"), [(HERE, "'self'"), (SPACE, "'self' https://huggingface.co")]
)
def test_every_answer_says_who_may_frame_the_app(settings, frames):
    policy = f"frame-ancestors {frames}".encode()
    for answer in (
        sent(guard(settings), method="GET"),
        sent(guard(settings)),
        sent(guard(settings, waiting=50), path="/gradio_api/queue/join"),
    ):
        assert answer[1][b"content-security-policy"] == policy


def test_an_address_has_a_budget_of_bytes_and_so_have_all_together():
    now = [0.0]
    budget = UploadBudget(100, total=250, keep_seconds=600, clock=lambda: now[0])
    guarded = guard(Settings(host="0.0.0.0"), budget=budget)
    assert sent(guarded, chunks=[b"x" * 60, b"x" * 40], client="8.8.8.8")[0] == 200
    status, headers, answer = sent(guarded, chunks=[b"x"], client="8.8.8.8")
    assert (status, headers[b"connection"], answer["title"]) == (429, b"close", "TooFastError")
    assert "in 1 minutes" in answer["detail"]
    assert sent(guarded, chunks=[b"x" * 100], client="8.8.4.4")[0] == 200
    now[0] = 61.0
    assert sent(guarded, chunks=[b"x" * 51], client="8.8.8.8")[2]["title"] == "TooFastError"
    assert sent(guarded, chunks=[b"x" * 50], client="8.8.8.8")[0] == 200
    now[0] = 700.0
    assert sent(guarded, chunks=[b"x" * 100], client="8.8.8.8")[0] == 200
    assert set(budget._senders) == {("address", "8.8.8.8")}


def test_a_browser_has_a_budget_of_its_own_within_that_of_its_address():
    budget = UploadBudget(100, per_session=40, total=1000, keep_seconds=600)
    guarded = guard(budget=budget)
    first, second = (sent(guarded, method="GET", path="/")[1][b"set-cookie"] for _ in range(2))
    assert first != second
    assert b"; Path=/; HttpOnly; SameSite=Strict" in first
    cookie = first.decode().split(";")[0]
    assert b"set-cookie" not in sent(guarded, method="GET", path="/", cookie=f"a=b; {cookie}")[1]
    assert sent(guarded, chunks=[b"x" * 40], cookie=f"a=b; {cookie}")[0] == 200
    status, _, answer = sent(guarded, chunks=[b"x"], cookie=cookie)
    assert (status, answer["detail"][:53]) == (
        429,
        "At most 0 MB are accepted from one session in 1 minut",
    )
    assert sent(guarded, chunks=[b"x" * 40], cookie=second.decode())[0] == 200
    assert sent(guarded, chunks=[b"x" * 30])[0] == 429  # the address has sent 80
    assert sent(guarded, chunks=[b"x" * 20])[0] == 200
    on_space = sent(guard(SPACE), method="GET", path="/")[1][b"set-cookie"]
    assert on_space.endswith(b"SameSite=None; Secure; Partitioned")


def test_a_forwarded_address_off_a_space_does_not_lift_the_budget():
    guarded = guard(budget=UploadBudget(100, total=1000, keep_seconds=600))
    assert sent(guarded, chunks=[b"x" * 100], x_forwarded_for="8.8.8.1")[0] == 200
    assert sent(guarded, chunks=[b"x"], x_forwarded_for="8.8.8.2")[0] == 429


def test_a_refused_body_replaces_the_response_of_the_app():
    budget = UploadBudget(1, total=1, keep_seconds=600)
    status, _, answer = sent(guard(app=swallowing, budget=budget), chunks=[b"xx"])
    assert (status, answer["title"]) == (429, "TooFastError")


def test_a_request_that_is_too_large_is_refused_before_its_body_is_read():
    few = Settings(max_upload_mb=1, max_photos=2)
    budget = UploadBudget(0, total=0, keep_seconds=600)
    assert sent(guard(few, budget=budget), content_length="3000001")[0] == 413
    long = [b"x" * 1_000_000] * 4
    assert sent(guard(few), chunks=long)[0] == 413
    assert sent(guard(few), chunks=long, path="/gradio_api/queue/join")[0] == 413


def test_a_body_that_does_not_arrive_is_given_up():
    status, _, answer = sent(guard(pause_seconds=0.05), chunks=())
    assert (status, answer["detail"]) == (408, "The request did not arrive in time: send it again.")


@pytest.mark.parametrize("body", [b"[" * 200_000, b"[1, 2", b"9" * 9999])
def test_a_call_whose_json_cannot_be_read_gets_a_typed_answer(body):
    status, _, answer = sent(guard(app=parsing), chunks=[body], path="/gradio_api/call/parse")
    assert (status, answer["title"]) == (400, "VisitError")


def test_one_address_takes_half_of_the_queue():
    few = Settings(queue_size=9)
    for path in ("/gradio_api/queue/join", "/gradio_api/call/parse"):
        assert sent(guard(few, waiting=4), path=path)[0] == 200
        assert sent(guard(few, waiting=5), path=path)[0] == 503
    assert sent(guard(few, waiting=5))[0] == 200
