"""Only what was uploaded is opened: no address is fetched, no file of the machine is read."""

from __future__ import annotations

import base64
import json
import re
import threading
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from PIL import Image

from tests.space.conftest import noise, png

FILE = {"_type": "gradio.FileData"}
REFUSED = "Upload the file itself"


@pytest.fixture
def canary():
    """A server on this machine that serves a photo and remembers who asked for it."""
    asked = []

    class Canary(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "image/png")
            self.end_headers()
            self.wfile.write(png(noise()))

        do_HEAD = do_GET

        def log_message(self, *_):
            """Stays silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Canary)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.asked, server.address = asked, f"http://127.0.0.1:{server.server_port}/a.png"
    yield server
    server.shutdown()
    server.server_close()


def post(url, body, **headers):
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json", **headers}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read().decode()


def called(server, name, data):
    """Calls a named endpoint and returns its event stream."""
    event = json.loads(post(f"{server.url}gradio_api/call/{name}", {"data": data}))["event_id"]
    with urllib.request.urlopen(f"{server.url}gradio_api/call/{name}/{event}", timeout=60) as found:
        return found.read().decode()


def asked_of_tool(server, tool, arguments):
    message = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": tool, "arguments": arguments},
    }
    return post(
        f"{server.url}gradio_api/mcp/",
        message,
        Accept="application/json, text/event-stream",
    )


def tools_of(server):
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    text = post(
        f"{server.url}gradio_api/mcp/", message, Accept="application/json, text/event-stream"
    )
    return json.loads(text[text.index("{") :])["result"]["tools"]


def tool_named(server, ending):
    return next(t["name"] for t in tools_of(server) if t["name"].endswith(ending))


def told_by_tool(server, tool, arguments):
    """Calls a tool that must not fail; returns what it says."""
    text = asked_of_tool(server, tool_named(server, tool), arguments)
    result = json.loads(text[text.index("{") :])["result"]
    assert not result.get("isError"), result
    return "\n".join(part.get("text", "") for part in result["content"])


def as_data(content):
    return "data:image/png;base64," + base64.b64encode(content).decode()


def dropped(server, value, *, event="submit"):
    """Sends a value to one of the drop's private events, as a page does that was tampered with."""
    with urllib.request.urlopen(f"{server.url}config", timeout=30) as answer:
        config = json.loads(answer.read())
    drop = next(c["id"] for c in config["components"] if c["props"].get("elem_id") == "drop")
    number = next(d["id"] for d in config["dependencies"] if [drop, event] in d["targets"])
    join = {"data": [value, None, None], "fn_index": number, "session_hash": f"s{id(value)}"}
    post(f"{server.url}gradio_api/queue/join", join)
    address = f"{server.url}gradio_api/queue/data?session_hash=s{id(value)}"
    with urllib.request.urlopen(address, timeout=60) as answer:
        return answer.read().decode()


@pytest.mark.parametrize("extra", [{}, {"url": "CANARY"}, {"is_stream": True}], ids=repr)
def test_no_endpoint_fetches_an_address(server, canary, extra):
    extra = {k: canary.address if v == "CANARY" else v for k, v in extra.items()}
    file = {"path": canary.address, "meta": FILE, **extra}
    answers = [
        called(server, "parse", [file, "embedded", False]),
        called(server, "parse_many", [[file, file], "embedded"]),
        called(server, "save_correction", ["0" * 32, file, "own", "agreed", "", "", True]),
    ]
    for answer in answers:
        assert "event: error" in answer
        assert REFUSED in answer
        assert "NotUploadedError" in answer
    assert canary.asked == []


def test_an_address_beside_an_uploaded_path_is_not_fetched(server, canary):
    file = {"path": "/etc/hostname", "url": canary.address, "meta": FILE}
    assert "event: error" in called(server, "parse", [file, "embedded", False])
    assert canary.asked == []


def test_no_tool_of_mcp_fetches_an_address(server, canary):
    answer = asked_of_tool(
        server,
        tool_named(server, "parse"),
        {"image": canary.address, "model": "embedded", "whole_image": True},
    )
    assert REFUSED in answer
    assert canary.asked == []


def test_no_list_of_addresses_is_fetched_for_a_tool_of_mcp(server, canary):
    for address in (canary.address, "/etc/hostname", "data:image/png;base64,x"):
        answer = asked_of_tool(
            server,
            tool_named(server, "parse_many"),
            {"images": [as_data(png(noise())), address], "model": "embedded"},
        )
        assert '"isError":true' in answer
        assert REFUSED in answer or "This data: address holds no file" in answer
    assert canary.asked == []


def served_address(server, content):
    """Uploads a file as a script does; returns where the app serves it."""
    boundary = "xxxx"
    body = (
        (
            f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n'
            "Content-Type: image/png\r\n\r\n"
        ).encode()
        + content
        + f"\r\n--{boundary}--\r\n".encode()
    )
    request = urllib.request.Request(
        f"{server.url}gradio_api/upload",
        body,
        {"Content-Type": f"multipart/form-data; boundary={boundary}"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        (path,) = json.loads(answer.read())
    return f"{server.url}gradio_api/file={urllib.parse.quote(path)}"


def test_each_tool_of_mcp_answers(server):
    photo = png(noise(seed=5))
    sentence = told_by_tool(
        server,
        "parse",
        {"image": served_address(server, photo), "model": "embedded", "whole_image": True},
    )
    assert "celebamask_hq" in sentence
    photos = [as_data(photo), served_address(server, png(noise(seed=6)))]
    sentence = told_by_tool(server, "parse_many", {"images": photos, "model": "embedded"})
    assert sentence.count("celebamask_hq") == 2
    assert sentence.count("'orig_name': 'mask.png'") == 2
    key = re.search(r"'photo': '([0-9a-f]{32})'", sentence)[1]
    assert "earring" in told_by_tool(server, "list_classes", {"schema": "celebamask_hq"})
    mask = Image.new("L", noise().size, 14)
    saved = told_by_tool(
        server,
        "save_correction",
        {
            "photo": key,
            "mask": as_data(png(mask)),
            "right": "own",
            "people": "agreed",
            "photo_licence": "",
            "source": "",
            "agrees": True,
        },
    )
    assert "created" in saved


def references(node, root):
    """Yields every reference of a JSON schema with what it leads to, or None."""
    if isinstance(node, dict) and isinstance(pointer := node.get("$ref"), str):
        found = root
        for part in pointer.removeprefix("#/").split("/"):
            found = found.get(part) if isinstance(found, dict) else None
        yield pointer, found
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from references(part, root)


def test_every_reference_in_a_tool_schema_resolves(server):
    tools = tools_of(server)
    assert len(tools) == 4
    for tool in tools:
        schema = tool["inputSchema"]
        assert [name for name, found in references(schema, schema) if found is None] == []


@pytest.mark.parametrize("meta", [{}, {"meta": FILE}], ids=["bare", "as a file"])
@pytest.mark.parametrize("path", ["CANARY", "/etc/hostname", "examples/astronaut.jpg", "a\0b"])
def test_the_page_can_open_only_uploaded_files(server, canary, path, meta):
    path = canary.address if path == "CANARY" else path
    answer = dropped(server, {"files": [{"path": path, **meta}], "example": None})
    assert "parse.json" not in answer
    assert '"photos"' not in answer
    assert canary.asked == []


@pytest.mark.parametrize("name", ["../app.py", "/etc/hostname", "astronaut"])
def test_an_example_must_be_in_the_list(server, name):
    answer = dropped(server, {"files": [], "example": name}, event="example")
    assert "no such example" in answer
