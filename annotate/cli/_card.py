"""The card of a dataset follows what a command has changed, without ever making it fail."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from annotate.cli import _places
from annotate.dataset.base import patiently
from annotate.dataset.folder import FolderStore
from annotate.dataset.index import MOST_AT_ONCE
from annotate.dataset.refresh import refresh_card
from annotate.dataset.repo import DatasetRepo
from annotate.errors import MergedError
from segface_hf.errors import SegFaceError

LONGEST = 30.0  # seconds that somebody at a command line is kept waiting for a busy Hub


def renew(args: argparse.Namespace) -> None:
    """Counts the card anew, or prints one line that says what to run.

    Args:
        args: `repo` or `folder` name the dataset; `mirror` is its local copy where there is one.
    """
    place = _places.place_of(args)
    name = f"--folder {args.folder}" if isinstance(place, FolderStore) else f"--repo {place.id}"
    try:
        why = _renewed(place, getattr(args, "mirror", None))
    except SegFaceError as error:
        why = str(error)
    if why:
        print(
            f"what was done stays, but the card is not renewed ({why}): whoever may write to the "
            f"dataset runs `python -m annotate card {name}`",
            file=sys.stderr,
        )


@contextmanager
def followed(args: argparse.Namespace) -> Iterator[None]:
    """Renews the card after what merges inside, also where it merged and then stopped."""
    try:
        yield
    except MergedError:
        renew(args)
        raise
    renew(args)


def _renewed(place: FolderStore | DatasetRepo, copy: Path | None) -> str:
    """Renews a card; returns why it would take too long, or ""."""
    ledger = _places.ledger_of(place)
    if isinstance(place, DatasetRepo) and not copy:
        left = patiently(partial(ledger.update, place, most=MOST_AT_ONCE), longest=LONGEST)
        if left:
            return f"{left} of its files are still to be read"
    rows_at = _places.rows_at(place, copy=copy, ledger=ledger)
    refresh_card(place, rows_at, longest=LONGEST)
    return ""
