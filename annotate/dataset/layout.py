"""Paths of the files of a dataset, the same in a folder and on the Hub."""

from __future__ import annotations

import re

CARD = "README.md"
FRESHNESS = ".huggingface.yaml"
COPY_OF = ".segface-copy-of"
GROWTH = "growth.svg"
ROWS = "data/train"
MERGED = "data/train/merged"
RELEASES = "releases/"
TOMBSTONES = "tombstones/"
_ROW = re.compile(r"data/train/([0-9a-f]{2})/(\1[0-9a-f]{30})\.parquet")
_ID = re.compile(r"[0-9a-f]{32}")


def is_content_id(text: str) -> bool:
    """Tells whether a text can be a content id: 32 hexadecimal digits."""
    return _ID.fullmatch(text) is not None


def row_path(content_id: str) -> str:
    """Returns the path of a contribution's own file."""
    return f"{ROWS}/{content_id[:2]}/{content_id}.parquet"


def id_at(path: str) -> str | None:
    """Returns the content id of a contribution's own file, or None for any other path."""
    match = _ROW.fullmatch(path)
    return match[2] if match else None


def tombstone_path(content_id: str) -> str:
    """Returns the path of the note that a contribution was taken down."""
    return f"{TOMBSTONES}{content_id[:2]}/{content_id}.json"


def accepted_path(content_id: str) -> str:
    """Returns the path of the note that a row of a local folder was reviewed and accepted."""
    return f"accepted/{content_id[:2]}/{content_id}.json"


def index_path(content_id: str) -> str:
    """Returns the path of the list of ids that compaction moved into merged files."""
    return f"index/{content_id[:2]}.txt"


def release_path(checkpoint: str, tag: str) -> str:
    """Returns the path of the list of rows that a published checkpoint was trained on."""
    return f"{RELEASES}{checkpoint.replace('/', '--')}/{tag}.json"
