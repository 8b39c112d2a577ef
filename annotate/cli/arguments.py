"""Options that several commands share, and the datasets that they name."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from annotate.correction import is_account_name
from annotate.dataset.base import retry, retry_on_head
from annotate.dataset.folder import FolderStore
from annotate.dataset.index import MOST_AT_ONCE, RowIndex
from annotate.dataset.layout import is_content_id
from annotate.dataset.proposals import HubStore
from annotate.dataset.refresh import Counted, mirror, refresh_card
from annotate.dataset.repo import DatasetRepo, saved_token
from annotate.errors import MergedError, ReviewError
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
    try:
        found = Path(text).is_dir()
    except OSError:  # a name that is too long
        found = False
    if not found:
        raise argparse.ArgumentTypeError(
            f"expected the folder of a dataset, found none at {text[:200]}"
        )
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


_PREFIX = re.compile(r"[0-9a-f]{8,32}")


def request_or_id(text: str) -> int | str:
    """An argument type: a pull request's number, or the first 8 or more digits of a content id."""
    if _PREFIX.fullmatch(text):
        return text
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(
            f"expected the number of a pull request or the first 8 to 32 hexadecimal digits of a "
            f"content id, got '{text[:48]}'"
        )
    return int(text)


def id_prefix(text: str) -> str:
    """An argument type: the first 8 or more digits of a content id, as the app shows them."""
    if not _PREFIX.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"expected the first 8 to 32 hexadecimal digits of a content id, got '{text[:48]}'"
        )
    return text


def whole_id(prefix: str, ids: Iterable[str], *, among: str) -> str:
    """Returns the one content id that starts with some digits; a whole id is returned as it is.

    Args:
        prefix: As from `id_prefix`.
        ids: The ids to choose from.
        among: What they are, for messages: "rows of DIR".

    Raises:
        ReviewError: None of the ids, or several, start with them.
    """
    if is_content_id(prefix):
        return prefix
    found = sorted({content_id for content_id in ids if content_id.startswith(prefix)})
    if not found:
        raise ReviewError(f"none of the {among} starts with {prefix}")
    if len(found) > 1:
        raise ReviewError(
            f"{len(found)} of the {among} start with {prefix}: give more digits of one of "
            f"{', '.join(found[:5])}"
        )
    return found[0]


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


def add_repo_or_folder(parser: argparse.ArgumentParser) -> None:
    """Adds the options for a dataset on the Hub or in a folder."""
    named = parser.add_mutually_exclusive_group(required=True)
    named.add_argument(
        "--repo", type=repo_name, metavar="OWNER/NAME", help="the dataset on the Hub"
    )
    named.add_argument("--folder", type=folder_there, metavar="DIR", help="the dataset in a folder")


def add_mirror(parser: argparse.ArgumentParser) -> None:
    """Adds the option for a local copy of the dataset."""
    parser.add_argument(
        "--mirror",
        type=Path,
        metavar="DIR",
        help="local copy of the dataset, updated first: recognizes photos that it has",
    )


def add_dataset(parser: argparse.ArgumentParser) -> None:
    """Adds the options for a dataset on the Hub or in a folder."""
    add_repo_or_folder(parser)
    parser.add_argument(
        "--mirror",
        type=Path,
        metavar="DIR",
        help="with --repo: keep the local copy here, so that the next run downloads what is new",
    )


def printable(text: str) -> str:
    """Returns an untrusted text for a terminal: control characters escaped, at most 200 long."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text[:200])


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
    cache = dataset.cache_folder() if isinstance(dataset, DatasetRepo) else None
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
