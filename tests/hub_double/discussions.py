"""Routes for discussions and pull requests: open, list, show, comment, close, merge."""

from __future__ import annotations

import time
from typing import Any

from tests.hub_double.server import REPO, Request, Response, Route
from tests.hub_double.state import Account, Blob, Commit, Discussion, HubError, Repo, now

PAGE = 20
NUMBER = r"/discussions/(?P<number>\d+)"


def _json(repo: Repo, discussion: Discussion) -> dict[str, Any]:
    return {
        "num": discussion.number,
        "author": {"name": discussion.author},
        "repo": {"name": repo.id, "type": repo.kind},
        "title": discussion.title,
        "status": discussion.status,
        "createdAt": discussion.created_at,
        "isPullRequest": discussion.is_pull_request,
        "numComments": len(discussion.events),
        "pinned": False,
    }


def _who(repo: Repo, account: Account) -> dict[str, Any]:
    owner = repo.id.split("/")[0]
    return {
        "name": account.name,
        "isOwner": account.name == owner,
        "isOrgMember": owner in account.organizations,
    }


def _comment_event(author: dict[str, Any], text: str) -> dict[str, Any]:
    latest = {"raw": text, "html": "", "updatedAt": now(), "author": author}
    return {
        "id": "c",
        "type": "comment",
        "createdAt": now(),
        "author": author,
        "data": {"edited": False, "hidden": False, "latest": latest, "numEdits": 0},
    }


def _status_event(author: str, status: str) -> dict[str, Any]:
    who = {"name": author}
    data = {"status": status}
    return {"id": "s", "type": "status-change", "createdAt": now(), "author": who, "data": data}


def _found(request: Request) -> tuple[Repo, Discussion]:
    repo = request.repo()
    discussion = repo.discussions.get(int(request.params["number"]))
    if discussion is None:
        raise HubError(404, "Discussion not found")
    return repo, discussion


def _create(request: Request) -> Response:
    repo, account, wanted = request.repo(), request.signed_in(), request.json()
    number = len(repo.discussions) + 1
    status = "draft" if wanted["pullRequest"] else "open"
    discussion = Discussion(
        number, wanted["title"], account.name, wanted["pullRequest"], wanted["description"], status
    )
    repo.discussions[number] = discussion
    if discussion.is_pull_request:
        repo.pull_refs[f"refs/pr/{number}"] = discussion.parent = repo.branches["main"]
    url = f"{request.hub.url}/{repo.id}/discussions/{number}"
    return Response(
        {"num": number, "title": discussion.title, "pullRequest": wanted["pullRequest"], "url": url}
    )


def _list(request: Request) -> Response:
    repo, query = request.repo(), request.query
    closed = {"open": ("open", "draft"), "closed": ("closed", "merged")}
    chosen = [
        discussion
        for discussion in sorted(repo.discussions.values(), key=lambda d: -d.number)
        if query.get("author") in (None, discussion.author)
        and time.monotonic() >= discussion.opened + request.hub.listing_lag
        and (query.get("type") != "pull_request" or discussion.is_pull_request)
        and discussion.status in closed.get(query.get("status", ""), (discussion.status,))
    ]
    start = int(query.get("p", 0)) * PAGE
    page = [_json(repo, discussion) for discussion in chosen[start : start + PAGE]]
    return Response({"discussions": page, "count": len(chosen), "start": start})


def _get(request: Request) -> Response:
    repo, discussion = _found(request)
    if time.monotonic() < discussion.opened + request.hub.details_lag:
        raise HubError(404, "Discussion not found")
    answer = _json(repo, discussion)
    first = _comment_event({"name": discussion.author}, discussion.description)
    answer.update(events=[first, *discussion.events], filesWithConflicts=[], changes=None)
    if discussion.is_pull_request:
        answer["changes"] = {"base": "refs/heads/main", "mergeCommitId": discussion.merge}
        answer["diff"] = _diff(repo, discussion)
    return Response(answer)


def _diff(repo: Repo, discussion: Discussion) -> str:
    base = repo.commits[discussion.parent].files
    new = repo.tree(f"refs/pr/{discussion.number}")
    lines = []
    for path in sorted(path for path in {*base, *new} if base.get(path) != new.get(path)):
        lines.append(f"diff --git a/{path} b/{path}")
        if path not in base:
            lines.append("new file mode 100644")
        elif path not in new:
            lines.append("deleted file mode 100644")
    return "\n".join(lines) + "\n"


def _merged_files(repo: Repo, discussion: Discussion) -> dict[str, Blob]:
    base = repo.commits[discussion.parent].files
    new = repo.tree(f"refs/pr/{discussion.number}")
    tip = dict(repo.tree())
    for path in {*base, *new}:
        if base.get(path) == new.get(path) or new.get(path) == tip.get(path):
            continue
        if base.get(path) != tip.get(path):
            raise HubError(409, f"merge conflict: {path}")
        if path in new:
            tip[path] = new[path]
        else:
            del tip[path]
    return tip


def _merge(request: Request) -> Response:
    repo, discussion = _found(request)
    author = request.writer(repo).name
    with repo.lock:
        if discussion.status not in ("open", "draft"):
            raise HubError(400, f"This pull request is {discussion.status}")
        files = _merged_files(repo, discussion)
        title = f"Merge PR {discussion.number}"
        merge = repo.add(Commit(repo.branches["main"], files, title, author))
        discussion.merge = repo.branches["main"] = merge
        discussion.status = "merged"
    return Response({})


def _status(request: Request) -> Response:
    repo, discussion = _found(request)
    account = request.signed_in()
    if account.name != discussion.author and not account.is_member(repo.id):
        raise HubError(403, "Forbidden: you can't change this discussion")
    wanted = request.json()
    if wanted.get("comment"):
        discussion.events.append(_comment_event(_who(repo, account), wanted["comment"]))
    discussion.status = wanted["status"]
    event = _status_event(account.name, discussion.status)
    discussion.events.append(event)
    return Response({"newStatus": event})


def _comment(request: Request) -> Response:
    repo, discussion = _found(request)
    event = _comment_event(_who(repo, request.signed_in()), request.json()["comment"])
    discussion.events.append(event)
    return Response({"newMessage": event})


ROUTES: list[Route] = [
    ("POST", REPO + r"/discussions", _create),
    ("GET", REPO + r"/discussions", _list),
    ("GET", REPO + NUMBER, _get),
    ("POST", REPO + NUMBER + r"/merge", _merge),
    ("POST", REPO + NUMBER + r"/status", _status),
    ("POST", REPO + NUMBER + r"/comment", _comment),
]
