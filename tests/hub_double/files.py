"""Routes that read and write files: trees, downloads, large-file storage, commits."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tests.hub_double.server import REPO, Request, Response, Route
from tests.hub_double.state import Blob, Commit, Discussion, HubError, Repo

WEB = r"/(?P<prefix>datasets/|spaces/)?(?P<repo_id>[^/]+/[^/]+)"
KINDS = {"datasets/": "dataset", "spaces/": "space"}
LARGE = ("png", "jpg", "parquet", "bin", "safetensors", "tar", "npz", "pt", "onnx")
LARGE_SIZE = 10 * 2**20


def _blob_id(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def entry(path: str, blob: Blob) -> dict[str, Any]:
    """Returns the JSON of one file as the Hub writes it."""
    if isinstance(blob, tuple):
        lfs = {"oid": blob[0], "size": blob[1], "pointerSize": 130}
        oid = _blob_id(repr(blob).encode())
        return {"type": "file", "path": path, "size": blob[1], "oid": oid, "lfs": lfs}
    return {"type": "file", "path": path, "size": len(blob), "oid": _blob_id(blob)}


def _folder(path: str) -> dict[str, Any]:
    oid = hashlib.sha1(path.encode()).hexdigest()
    return {"type": "directory", "oid": oid, "size": 0, "path": path}


def _tree(request: Request) -> Response:
    files = request.repo(files=True).tree(request.params["revision"])
    path = request.params.get("path", "").strip("/")
    prefix = f"{path}/" if path else ""
    deep = request.query.get("recursive", "").lower() in ("1", "true")
    found: dict[str, dict[str, Any]] = {}
    for name, blob in sorted(files.items()):
        parts = name.removeprefix(prefix).split("/") if name.startswith(prefix) else []
        for depth in range(1, len(parts)):
            if deep or depth == 1:
                folder = prefix + "/".join(parts[:depth])
                found.setdefault(folder, _folder(folder))
        if parts and (deep or len(parts) == 1):
            found[name] = entry(name, blob)
    if path and not found:
        raise HubError(404, f"{path} does not exist", code="EntryNotFound")
    return _page(request, list(found.values()))


def _page(request: Request, items: list[dict[str, Any]]) -> Response:
    limit, start = int(request.query.get("limit", 1000)), int(request.query.get("cursor", 0))
    headers = {}
    if start + limit < len(items):
        query = urlencode({**request.query, "cursor": start + limit})
        headers["Link"] = f'<{request.hub.url}{request.path}?{query}>; rel="next"'
    return Response(items[start : start + limit], headers=headers)


def _paths_info(request: Request) -> Response:
    files = request.repo(files=True).tree(request.params["revision"])
    if "json" in request.headers.get("Content-Type", ""):
        paths = request.json()["paths"]
    else:
        paths = [v for k, v in parse_qsl(request.body.decode()) if k == "paths"]
    found = []
    for path in (p.strip("/") for p in ([paths] if isinstance(paths, str) else paths)):
        if path in files:
            found.append(entry(path, files[path]))
        elif any(name.startswith(f"{path}/") for name in files):
            found.append(_folder(path))
    return Response(found)


def _resolve(request: Request) -> Response:
    request.params["kind"] = KINDS.get(request.params["prefix"], "model")
    repo = request.repo(files=True)
    sha, path = repo.resolve(request.params["revision"]), request.params["path"]
    blob = repo.commits[sha].files.get(path)
    headers = {"X-Repo-Commit": sha, "Accept-Ranges": "bytes"}
    if blob is None:
        missing = {"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found"}
        return Response(b"Entry not found", 404, {**headers, **missing}, "text/plain")
    data = request.hub.content(blob)
    if isinstance(blob, tuple):
        tag = f'"{blob[0]}"'
        headers.update({"X-Linked-Etag": tag, "X-Linked-Size": str(blob[1]), "ETag": tag})
    else:
        headers["ETag"] = f'"{_blob_id(blob)}"'
    wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("Range", ""))
    if wanted and request.method == "GET":
        first, last = int(wanted[1] or 0), min(int(wanted[2] or len(data)), len(data) - 1)
        if not wanted[1]:  # a suffix: the last N bytes
            first, last = max(0, len(data) - int(wanted[2])), len(data) - 1
        headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
        return Response(data[first : last + 1], 206, headers, "application/octet-stream")
    return Response(data, 200, headers, "application/octet-stream")


def _lfs_batch(request: Request) -> Response:
    request.params["kind"] = KINDS.get(request.params["prefix"], "model")
    request.repo()
    request.signed_in()
    objects = []
    for wanted in request.json()["objects"]:
        answer = {"oid": wanted["oid"], "size": wanted["size"], "authenticated": True}
        if wanted["oid"] not in request.hub.large_files:
            href = f"{request.hub.url}/_lfs/{wanted['oid']}"
            answer["actions"] = {"upload": {"href": href, "header": {}}}
        objects.append(answer)
    body = {"transfer": "basic", "objects": objects}
    return Response(body, type="application/vnd.git-lfs+json")


def _lfs_put(request: Request) -> Response:
    if hashlib.sha256(request.body).hexdigest() != request.params["oid"]:
        raise HubError(400, "checksum mismatch")
    request.hub.large_files[request.params["oid"]] = request.body
    return Response()


def _preupload(request: Request) -> Response:
    repo = request.repo()
    revision = request.params["revision"]
    pull_request = "create_pr" in request.query or revision.startswith("refs/pr/")
    request.writer(repo, pull_request=pull_request)
    present, answers = repo.tree(revision), []
    for file in request.json()["files"]:
        large = file["size"] > LARGE_SIZE or file["path"].rsplit(".", 1)[-1] in LARGE
        mode = "lfs" if large else "regular"
        answer = {"path": file["path"], "uploadMode": mode, "shouldIgnore": False}
        if (blob := present.get(file["path"])) is not None:
            answer["oid"] = blob[0] if isinstance(blob, tuple) else _blob_id(blob)
        answers.append(answer)
    return Response({"files": answers})


def _commit(request: Request) -> Response:
    repo, revision = request.repo(), request.params["revision"]
    opens = request.query.get("create_pr") == "1"
    author = request.writer(repo, pull_request=opens or revision.startswith("refs/pr/")).name
    lines = [json.loads(line) for line in request.body.splitlines() if line.strip()]
    head = lines[0]["value"]
    with repo.lock:
        tip = repo.resolve(revision)
        if head.get("parentCommit") not in (None, "", tip):
            raise HubError(412, "A commit has happened since. Please refresh and try again.")
        files = _applied(request, repo.commits[tip].files, lines[1:])
        new = Commit(tip, files, head["summary"], author, head.get("description", ""))
        sha = repo.add(new)
        prefix = {v: k for k, v in KINDS.items()}.get(repo.kind, "")
        url = f"{request.hub.url}/{prefix}{repo.id}"
        answer = {
            "success": True,
            "commitOid": sha,
            "commitUrl": f"{url}/commit/{sha}",
            "hookOutput": "",
        }
        if opens:
            answer["pullRequestUrl"] = f"{url}/discussions/{_open(repo, new, sha=sha)}"
        else:
            (repo.branches if revision in repo.branches else repo.pull_refs)[revision] = sha
    return Response(answer)


def _open(repo: Repo, commit: Commit, *, sha: str) -> int:
    number = len(repo.discussions) + 1
    repo.pull_refs[f"refs/pr/{number}"] = sha
    repo.discussions[number] = Discussion(
        number, commit.title, commit.author, True, commit.description, parent=commit.parent or ""
    )
    return number


def _applied(request: Request, files: dict[str, Blob], operations: list[Any]) -> dict[str, Blob]:
    files = dict(files)
    for operation in operations:
        key, value = operation["key"], operation["value"]
        path = value["path"]
        if key == "file":
            files[path] = base64.b64decode(value["content"])
        elif key == "lfsFile":
            if value["oid"] not in request.hub.large_files:
                raise HubError(400, f"LFS pointer {value['oid']} points to no file")
            files[path] = (value["oid"], len(request.hub.large_files[value["oid"]]))
        elif key == "deletedFile" and path not in files:
            raise HubError(404, "A file with this name doesn't exist", code="EntryNotFound")
        else:
            prefix = path.rstrip("/") + "/"
            files = {p: b for p, b in files.items() if p != path and not p.startswith(prefix)}
    return files


ROUTES: list[Route] = [
    ("GET", REPO + r"/tree/(?P<revision>[^/]+)(?:/(?P<path>.*))?", _tree),
    ("POST", REPO + r"/paths-info/(?P<revision>[^/]+)", _paths_info),
    ("POST", REPO + r"/preupload/(?P<revision>[^/]+)", _preupload),
    ("POST", REPO + r"/commit/(?P<revision>[^/]+)", _commit),
    ("POST", WEB + r"\.git/info/lfs/objects/batch", _lfs_batch),
    ("PUT", r"/_lfs/(?P<oid>\w+)", _lfs_put),
    ("GET", WEB + r"/resolve/(?P<revision>[^/]+)/(?P<path>.+)", _resolve),
]
