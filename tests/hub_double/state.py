"""The state of the double: accounts, repositories, commits, discussions, files, requests."""

from __future__ import annotations

import hashlib
import itertools
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Blob = bytes | tuple[str, int]  # the bytes, or the (sha256, size) of a large file


def now() -> str:
    """Returns the time as the Hub writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


class HubError(Exception):
    """An error response of the Hub."""

    def __init__(self, status: int, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code


@dataclass
class Account:
    """A user behind a token; role "read" may only read."""

    name: str
    role: str = "write"
    organizations: tuple[str, ...] = ()
    admitted: tuple[str, ...] = ()

    def is_member(self, repo_id: str) -> bool:
        return repo_id.split("/")[0] in (self.name, *self.organizations)


@dataclass
class Commit:
    """One state of a repository's files."""

    parent: str | None
    files: dict[str, Blob]
    title: str
    author: str
    description: str = ""
    date: str = field(default_factory=now)


@dataclass
class Discussion:
    """A discussion or pull request."""

    number: int
    title: str
    author: str
    is_pull_request: bool
    description: str = ""
    status: str = "open"
    parent: str = ""
    merge: str | None = None
    events: list[dict[str, Any]] = field(default_factory=list)
    created_at: str = field(default_factory=now)
    opened: float = field(default_factory=time.monotonic)


@dataclass
class Fault:
    """An injected failure of one request.

    Attributes:
        status: Sent instead of the real response.
        headers: Sent with it.
        after: Fail after the work is done, not before.
        cut: Close the connection without a response.
        body: Sent instead of an error.
    """

    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    after: bool = False
    cut: bool = False
    body: bytes | None = None


class Repo:
    """A repository: branches, tags, pull requests, and every commit."""

    _serial = itertools.count()

    def __init__(self, kind: str, repo_id: str, *, private: bool = False) -> None:
        self.kind, self.id, self.private = kind, repo_id, private
        self.gated: bool | str = False
        self.variables: dict[str, dict[str, str]] = {}
        self.hardware = "cpu-basic"
        self.commits: dict[str, Commit] = {}
        self.tags: dict[str, str] = {}
        self.pull_refs: dict[str, str] = {}
        self.discussions: dict[int, Discussion] = {}
        self.lock = threading.RLock()
        first = Commit(None, {".gitattributes": b"*.png filter=lfs\n"}, "initial commit", "system")
        self.branches = {"main": self.add(first)}

    def add(self, commit: Commit) -> str:
        """Stores a commit and returns its id."""
        sha = hashlib.sha1(f"{self.id} {next(self._serial)}".encode()).hexdigest()
        self.commits[sha] = commit
        return sha

    def resolve(self, revision: str) -> str:
        """Returns the commit that a branch, tag, pull request or id names."""
        revision = revision.removeprefix("refs/heads/")
        for names in (self.branches, self.tags, self.pull_refs):
            if revision in names:
                return names[revision]
        if revision in self.commits:
            return revision
        raise HubError(404, f"Invalid rev id: {revision}", code="RevisionNotFound")

    def tree(self, revision: str = "main") -> dict[str, Blob]:
        """Returns the files of a revision by path."""
        return self.commits[self.resolve(revision)].files


class Hub:
    """The whole double; tests read `log` and `repos`, and inject faults with `fail` and `chaos`."""

    def __init__(self) -> None:
        self.url = ""
        self.lock = threading.RLock()
        self.reset()

    def reset(self) -> None:
        """Deletes all state, between tests."""
        self.accounts: dict[str, Account] = {}
        self.repos: dict[tuple[str, str], Repo] = {}
        self.large_files: dict[str, bytes] = {}
        self.sign_ins: dict[str, dict[str, str]] = {}
        self.log: list[dict[str, Any]] = []
        self.faults: list[tuple[re.Pattern[str], str, Fault, list[int]]] = []
        self.chaos: Any = None
        self.listing_lag = 0.0  # seconds until a list of discussions shows a new one
        self.details_lag = 0.0  # seconds until a new one is found by its number

    def token(self, name: str, **account: Any) -> str:
        """Creates an account and returns its token."""
        self.accounts[f"hf_{name}"] = Account(name, **account)
        return f"hf_{name}"

    def create(self, kind: str, repo_id: str, *, private: bool = False) -> Repo:
        """Creates a repository directly, without a request."""
        self.repos[kind, repo_id] = Repo(kind, repo_id, private=private)
        return self.repos[kind, repo_id]

    def files(self, kind: str, repo_id: str, *, revision: str = "main") -> dict[str, bytes]:
        """Returns the content of every file of a revision."""
        tree = self.repos[kind, repo_id].tree(revision)
        return {path: self.content(blob) for path, blob in tree.items()}

    def content(self, blob: Blob) -> bytes:
        """Returns the bytes of a file, small or large."""
        return self.large_files[blob[0]] if isinstance(blob, tuple) else blob

    def fail(
        self, pattern: str, status: int = 500, *, method: str = "", times: int = 1, **fault: Any
    ) -> None:
        """Makes the next requests fail whose path matches a pattern; see `Fault`."""
        entry = (re.compile(pattern), method, Fault(status=status, **fault), [times])
        self.faults.append(entry)

    def fault_for(self, method: str, path: str) -> Fault | None:
        """Returns the failure of a request, or None."""
        with self.lock:
            for pattern, only, fault, left in self.faults:
                if left[0] and pattern.search(path) and only in ("", method):
                    left[0] -= 1
                    return fault
        return self.chaos(method, path) if self.chaos else None

    def requests(self, pattern: str = "", *, method: str = "") -> list[dict[str, Any]]:
        """Returns the requests so far whose path matches."""
        return [
            r for r in self.log if re.search(pattern, r["path"]) and method in ("", r["method"])
        ]
