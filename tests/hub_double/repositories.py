"""Routes for accounts and repositories: whoami, create, settings, refs, commits, branches."""

from __future__ import annotations

from typing import Any

from tests.hub_double.files import entry
from tests.hub_double.server import REPO, Request, Response, Route
from tests.hub_double.state import Commit, HubError

PREFIX = {"model": "", "dataset": "datasets/", "space": "spaces/"}
PAGE = 50
DATE = "2026-01-01T00:00:00.000Z"


def web_url(request: Request, kind: str, repo_id: str) -> str:
    """Returns the JSON of a repository."""
    return f"{request.hub.url}/{PREFIX[kind]}{repo_id}"


def _whoami(request: Request) -> Response:
    account = request.signed_in()
    token = {"displayName": "test", "role": account.role, "createdAt": "2026-01-01T00:00:00.000Z"}
    organizations = [
        {"type": "org", "name": o, "roleInOrg": "write"} for o in account.organizations
    ]
    return Response(
        {
            "type": "user",
            "id": f"id-{account.name}",
            "name": account.name,
            "fullname": account.name,
            "isPro": False,
            "avatarUrl": "",
            "orgs": organizations,
            "auth": {"type": "access_token", "accessToken": token},
        }
    )


def _create(request: Request) -> Response:
    account, wanted = request.signed_in(), request.json()
    owner, kind = wanted.get("organization") or account.name, wanted.get("type") or "model"
    repo_id = f"{owner}/{wanted['name']}"
    if account.role == "read" or not account.is_member(repo_id):
        raise HubError(403, f'You can\'t create a {kind} under the namespace "{owner}"')
    url = web_url(request, kind, repo_id)
    if (kind, repo_id) in request.hub.repos:
        message = "You already created this repo"
        return Response({"error": message, "url": url}, 409, {"X-Error-Message": message})
    private = wanted.get("visibility") == "private" or bool(wanted.get("private"))
    request.hub.create(kind, repo_id, private=private)
    return Response({"url": url, "name": repo_id, "id": "x"})


def _delete(request: Request) -> Response:
    wanted = request.json()
    owner = wanted.get("organization") or request.signed_in().name
    request.params.update(kind=wanted.get("type") or "model", repo_id=f"{owner}/{wanted['name']}")
    repo = request.repo()
    request.writer(repo)
    del request.hub.repos[repo.kind, repo.id]
    return Response({})


def _settings(request: Request) -> Response:
    repo = request.repo()
    request.writer(repo)
    wanted = request.json()
    repo.gated = wanted.get("gated", repo.gated)
    if "visibility" in wanted:
        repo.private = wanted["visibility"] == "private"
    return Response({})


def _variable(request: Request) -> Response:
    repo = request.repo()
    request.writer(repo)
    wanted = request.json()
    repo.variables[wanted["key"]] = {"value": wanted["value"], "updatedAt": DATE}
    return Response(repo.variables)


def _hardware(request: Request) -> Response:
    repo = request.repo()
    request.writer(repo)
    repo.hardware = request.json()["flavor"]
    return Response(
        {"stage": "BUILDING", "hardware": {"current": None, "requested": repo.hardware}}
    )


def _info(request: Request) -> Response:
    repo = request.repo()
    sha = repo.resolve(request.params.get("revision") or "main")
    commit = repo.commits[sha]
    siblings = []
    for path, blob in sorted(commit.files.items()):
        described: dict[str, Any] = {"rfilename": path}
        if "blobs" in request.query:
            full = entry(path, blob)
            described.update(size=full["size"], blobId=full["oid"])
            if "lfs" in full:
                described["lfs"] = {**full["lfs"], "sha256": full["lfs"]["oid"]}
        siblings.append(described)
    return Response(
        {
            "_id": "x",
            "id": repo.id,
            "modelId": repo.id,
            "author": repo.id.split("/")[0],
            "sha": sha,
            "lastModified": commit.date,
            "createdAt": commit.date,
            "private": repo.private,
            "gated": repo.gated,
            "disabled": False,
            "tags": [],
            "downloads": 0,
            "likes": 0,
            "cardData": {},
            "siblings": siblings,
        }
    )


def _refs(request: Request) -> Response:
    repo = request.repo()

    def listed(prefix: str, names: dict[str, str]) -> list[dict[str, str]]:
        return [{"name": n, "ref": prefix + n, "targetCommit": sha} for n, sha in names.items()]

    return Response(
        {
            "branches": listed("refs/heads/", repo.branches),
            "tags": listed("refs/tags/", repo.tags),
            "pullRequests": listed("", repo.pull_refs),
            "converts": [],
        }
    )


def _commits(request: Request) -> Response:
    repo = request.repo()
    sha: str | None = repo.resolve(request.params["revision"])
    history = []
    while sha:
        commit = repo.commits[sha]
        history.append(
            {
                "id": sha,
                "title": commit.title,
                "message": commit.description,
                "authors": [{"user": commit.author}],
                "date": commit.date,
            }
        )
        sha = commit.parent
    start = int(request.query.get("p", 0)) * PAGE
    return Response(history[start : start + PAGE], headers={"X-Total-Count": str(len(history))})


def _branch(request: Request) -> Response:
    repo, name = request.repo(), request.params["name"]
    request.writer(repo)
    if request.method == "DELETE":
        del repo.branches[name]
    elif name in repo.branches:
        raise HubError(409, "Reference already exists")
    else:
        repo.branches[name] = repo.resolve(request.json().get("startingPoint") or "main")
    return Response({})


def _tag(request: Request) -> Response:
    repo = request.repo()
    request.writer(repo)
    name = request.json()["tag"]
    if name in repo.tags:
        raise HubError(409, "Tag already exists")
    repo.tags[name] = repo.resolve(request.params["revision"])
    return Response({})


def _squash(request: Request) -> Response:
    repo, name = request.repo(), request.params["name"]
    author = request.writer(repo).name
    title = request.json().get("message", "squash")
    repo.branches[name] = repo.add(Commit(None, dict(repo.tree(name)), title, author))
    return Response({})


def _valid(request: Request) -> Response:
    return Response({"errors": [], "warnings": []})


def _auth_check(request: Request) -> Response:
    repo = request.repo(files=True)
    if request.params["write"]:
        request.writer(repo)
    return Response({})


ROUTES: list[Route] = [
    ("GET", r"/api/whoami-v2", _whoami),
    ("POST", r"/api/repos/create", _create),
    ("DELETE", r"/api/repos/delete", _delete),
    ("POST", r"/api/validate-yaml", _valid),
    ("PUT", REPO + r"/settings", _settings),
    ("POST", REPO + r"/variables", _variable),
    ("POST", REPO + r"/hardware", _hardware),
    ("GET", REPO, _info),
    ("GET", REPO + r"/revision/(?P<revision>[^/]+)", _info),
    ("GET", REPO + r"/auth-check(?P<write>/write)?", _auth_check),
    ("GET", REPO + r"/refs", _refs),
    ("GET", REPO + r"/commits/(?P<revision>[^/]+)", _commits),
    ("POST DELETE", REPO + r"/branch/(?P<name>.+)", _branch),
    ("POST", REPO + r"/tag/(?P<revision>[^/]+)", _tag),
    ("POST", REPO + r"/super-squash/(?P<name>[^/]+)", _squash),
]
