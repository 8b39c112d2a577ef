"""Options that several commands share, and the datasets that they name."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from annotate.correction import is_account_name
from annotate.dataset.base import retry, retry_on_head
from annotate.dataset.folder import FolderStore
from annotate.dataset.index import MOST_AT_ONCE, RowIndex
from annotate.dataset.proposals import HubStore
from annotate.dataset.refresh import Counted, mirror, refresh_card
from annotate.dataset.repo import DatasetRepo, saved_token
from annotate.errors import MergedError
from segface_hf.errors import SegFaceError

LONGEST = 30.0  # seconds that a command waits at most for a busy Hub


def update_card(args: argparse.Namespace) -> None:
    """Updates the card of a dataset, or prints one line that says what to run.

    Args:
        args: `repo` or `folder` name the dataset; `mirror` is its local copy where there is one.
    """
    dataset = dataset_of(args)
    name = f"--folder {args.folder}" if isinstance(dataset, FolderStore) else f"--repo {dataset.id}"
    try:
        why = _reason_not_updated(dataset, getattr(args, "mirror", None))
    except SegFaceError as error:
        why = str(error)
    if why:
        print(
            f"the change is made, but the card is not updated ({why}): someone who may write to "
            f"the dataset must run `python -m annotate card {name}`",
            file=sys.stderr,
        )


@contextmanager
def card_updated_after(args: argparse.Namespace) -> Iterator[None]:
    """Updates the card after a merge in the block, also where the block merged and then failed."""
    try:
        yield
    except MergedError:
        update_card(args)
        raise
    update_card(args)


def _reason_not_updated(dataset: FolderStore | DatasetRepo, copy: Path | None) -> str:
    """Updates a card; returns "", or why it would take too long."""
    row_index = index_of(dataset)
    if isinstance(dataset, DatasetRepo) and not copy:
        left = retry(partial(row_index.update, dataset, most=MOST_AT_ONCE), longest=LONGEST)
        if left:
            return f"{left} of its files are still to be read"
    at = rows_at(dataset, copy=copy, row_index=row_index)
    refresh_card(dataset, at, longest=LONGEST)
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
    """Adds the option that binds a decision to the commit that was shown."""
    count = "+" if many > 1 else many
    parser.add_argument(
        "--head",
        type=commit_id,
        nargs=count,
        default=[""] * many,
        metavar="COMMIT",
        help="decide only if this is still its commit, as `show` or `compare` printed it",
    )


def add_mirror(parser: argparse.ArgumentParser) -> None:
    """Adds the option for a local copy of the dataset."""
    parser.add_argument(
        "--mirror",
        type=Path,
        metavar="DIR",
        help="local copy of the dataset, updated first: recognises photos that it has",
    )


def add_dataset(parser: argparse.ArgumentParser) -> None:
    """Adds the options for a dataset on the Hub or in a folder."""
    named = parser.add_mutually_exclusive_group(required=True)
    named.add_argument(
        "--repo", type=repo_name, metavar="OWNER/NAME", help="the dataset on the Hub"
    )
    named.add_argument("--folder", type=folder_there, metavar="DIR", help="the dataset in a folder")
    parser.add_argument(
        "--mirror",
        type=Path,
        metavar="DIR",
        help="with --repo: keep the local copy here, so that the next run downloads what is new",
    )


def hub_store(args: argparse.Namespace) -> HubStore:
    """Returns the dataset on the Hub, with the token that `hf auth login` saved."""
    return HubStore(args.repo, token=saved_token())


def dataset_of(args: argparse.Namespace) -> FolderStore | DatasetRepo:
    """Returns the dataset that the options name."""
    if not args.repo:
        return FolderStore(args.folder)
    return DatasetRepo(args.repo, token=saved_token())


def index_of(dataset: FolderStore | DatasetRepo, *, reread: bool = False) -> RowIndex:
    """Returns the index of a dataset's rows; what it reads on the Hub is kept on this machine.

    Args:
        dataset: The dataset.
        reread: Ignore what was kept: it may be of a repository that was deleted since.
    """
    cache = dataset.shelf() if isinstance(dataset, DatasetRepo) else None
    return RowIndex(cache / "counted.parquet" if cache else None, reread=reread)


def rows_at(
    dataset: FolderStore | DatasetRepo, *, copy: Path | None, row_index: RowIndex
) -> Callable[[str], Counted]:
    """Returns a function that gives the rows of a commit, from a local copy if there is one."""
    if isinstance(dataset, FolderStore):
        return lambda head: dataset
    if copy:
        return lambda head: mirror(dataset, copy, head=head)
    return partial(row_index.at, dataset)


def row_columns(args: argparse.Namespace) -> Counted:
    """Returns the columns of every row that are not images, by small requests where on the Hub."""
    dataset = dataset_of(args)
    row_index = index_of(dataset, reread=True)
    return retry_on_head(dataset, rows_at(dataset, copy=args.mirror, row_index=row_index))


@contextmanager
def local_rows(args: argparse.Namespace) -> Iterator[FolderStore]:
    """Yields the rows of the dataset that the options name, downloading what is missing."""
    if args.folder:
        yield FolderStore(args.folder)
    elif args.mirror:
        yield mirror(hub_store(args).repo, args.mirror)
    else:
        with TemporaryDirectory() as folder:
            yield mirror(hub_store(args).repo, Path(folder))
