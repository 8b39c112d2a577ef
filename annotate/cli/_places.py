"""Options that say which dataset a command works on."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from annotate.cli import _places
from annotate.correction import is_account_name
from annotate.dataset.base import retry, retry_on_head
from annotate.dataset.folder import FolderStore
from annotate.dataset.index import MOST_AT_ONCE, RowIndex
from annotate.dataset.proposals import HubStore
from annotate.dataset.refresh import Counted, mirror, refresh_card
from annotate.dataset.repo import DatasetRepo, saved_token
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
    row_index = _places.index_of(place)
    if isinstance(place, DatasetRepo) and not copy:
        left = retry(partial(row_index.update, place, most=MOST_AT_ONCE), longest=LONGEST)
        if left:
            return f"{left} of its files are still to be read"
    rows_at = _places.rows_at(place, copy=copy, row_index=row_index)
    refresh_card(place, rows_at, longest=LONGEST)
    return ""


def folder_there(text: str) -> Path:
    """An argument type: a folder that exists."""
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"expected the folder of a dataset, found none at {text}")
    return Path(text)


def repo_name(text: str) -> str:
    """An argument type: a repository's name."""
    owner, _, name = text.partition("/")
    if not owner or not name or "/" in name:
        raise argparse.ArgumentTypeError(f"expected OWNER/NAME, got {text}")
    return text


def commit_id(text: str) -> str:
    """An argument type: the id of a commit, as `show` prints it."""
    if not re.fullmatch(r"[0-9a-f]{40}", text):
        raise argparse.ArgumentTypeError(f"expected 40 hexadecimal digits, got '{text[:48]}'")
    return text


def account_name(text: str) -> str:
    """An argument type: a name that an account on the Hub can have, or nothing."""
    if text and not is_account_name(text):
        raise argparse.ArgumentTypeError(f"expected the name of an account, got '{text[:40]}'")
    return text


def add_repo(parser: argparse.ArgumentParser) -> None:
    """Adds the option for a dataset on the Hub."""
    parser.add_argument(
        "--repo",
        required=True,
        type=repo_name,
        metavar="OWNER/NAME",
        help="the dataset on the Hub",
    )


def add_head(parser: argparse.ArgumentParser, *, many: int = 1) -> None:
    """Adds the option that binds a decision to the commit that was looked at."""
    count = "+" if many > 1 else many
    parser.add_argument(
        "--head",
        type=commit_id,
        nargs=count,
        default=[""] * many,
        metavar="COMMIT",
        help="decide only if that is what was looked at, as `show` or `compare` printed it",
    )


def add_mirror(parser: argparse.ArgumentParser) -> None:
    """Adds the option for a local copy of the dataset."""
    parser.add_argument(
        "--mirror",
        type=Path,
        metavar="DIR",
        help="local copy of the dataset, brought up to date first: recognises photos it has",
    )


def add_place(parser: argparse.ArgumentParser) -> None:
    """Adds the options for a dataset on the Hub or in a folder."""
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument(
        "--repo", type=repo_name, metavar="OWNER/NAME", help="the dataset on the Hub"
    )
    place.add_argument("--folder", type=folder_there, metavar="DIR", help="the dataset in a folder")
    parser.add_argument(
        "--mirror",
        type=Path,
        metavar="DIR",
        help="with --repo: keep the local copy here, so that the next run downloads what is new",
    )


def hub_store(args: argparse.Namespace) -> HubStore:
    """Returns the dataset on the Hub, with the token that `hf auth login` saved."""
    return HubStore(args.repo, token=saved_token())


def place_of(args: argparse.Namespace) -> FolderStore | DatasetRepo:
    """Returns the dataset that the options name."""
    if not args.repo:
        return FolderStore(args.folder)
    return DatasetRepo(args.repo, token=saved_token())


def index_of(place: FolderStore | DatasetRepo, *, anew: bool = False) -> RowIndex:
    """Returns the row_index of a dataset; what it reads on the Hub is kept on this machine.

    Args:
        place: The dataset.
        anew: Believes nothing that is kept: it may be of a repository that was deleted.
    """
    shelf = place.shelf() if isinstance(place, DatasetRepo) else None
    return RowIndex(shelf / "counted.parquet" if shelf else None, anew=anew)


def rows_at(
    place: FolderStore | DatasetRepo, *, copy: Path | None, row_index: RowIndex
) -> Callable[[str], Counted]:
    """Returns what gives the rows of a commit, from a local copy where there is one."""
    if isinstance(place, FolderStore):
        return lambda head: place
    if copy:
        return lambda head: mirror(place, copy, head=head)
    return partial(row_index.at, place)


def counted(args: argparse.Namespace) -> Counted:
    """Returns the facts of every row, for counting: of the Hub's by small requests each."""
    place = place_of(args)
    row_index = index_of(place, anew=True)
    return retry_on_head(place, rows_at(place, copy=args.mirror, row_index=row_index))


@contextmanager
def rows_of(args: argparse.Namespace) -> Iterator[FolderStore]:
    """Gives the rows of the dataset that the options name, downloading what is missing."""
    if args.folder:
        yield FolderStore(args.folder)
    elif args.mirror:
        yield mirror(hub_store(args).repo, args.mirror)
    else:
        with TemporaryDirectory() as folder:
            yield mirror(hub_store(args).repo, Path(folder))
