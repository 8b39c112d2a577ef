"""`python -m annotate send`: the rows of a folder go to the dataset on the Hub."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

from annotate.cli import _places
from annotate.dataset.base import retry
from annotate.dataset.folder import FolderStore
from annotate.dataset.proposals import ConsentedRow, HubStore
from annotate.errors import ConsentError, RemoteRefusedError, StoreError
from annotate.outbox.queue import Outbox, State
from annotate.outbox.sender import Pace
from annotate.rows.record import rows_to_parquet
from segface_hf._utils import counted

HELP = "send the contributions of a folder to the dataset on the Hub"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    _places.add_repo(parser)
    parser.add_argument(
        "--folder",
        type=_places.folder_there,
        required=True,
        metavar="DIR",
        help="a dataset in a folder",
    )
    parser.add_argument(
        "--direct", action="store_true", help="commit in batches instead of pull requests"
    )


def run(args: argparse.Namespace) -> int:
    """Sends every row with consent; sending again is harmless."""
    store = FolderStore(args.folder)
    _check_holds_rows(store, repo=args.repo)
    rows, kept = _consented_rows(store)
    send = _commit if args.direct else _propose
    refused = send(_places.hub_store(args), rows, time.sleep)
    print(f"{len(rows) - refused} sent, {kept} without consent stay here, {refused} refused")
    if args.direct:
        _places.renew(args)
    return 1 if refused else 0


def _check_holds_rows(store: FolderStore, *, repo: str) -> None:
    """An app's outbox looks like an empty dataset; only the app may send from it, and only once.

    Raises:
        StoreError: The folder has no rows of a dataset.
    """
    queues = Outbox(store.root).queues()
    entries = [entry for queue in queues for entry in queue.entries()]
    waiting = sum(entry.state in (State.SAVED, State.WAITING) for entry in entries)
    told = f"{store.root} holds no contributions: nothing to send"
    if queues:
        told = (
            f"{store.root} is the outbox of an app, which has yet to send "
            f"{counted(waiting, 'contribution')}: run "
            f"`hf auth login`, start the app with SEGFACE_DATASET={repo} and "
            f"SEGFACE_CONTRIBUTIONS={store.root}, and open Contribute in the browser that saved "
            "them"
        )
    if not store.files():
        raise StoreError(told)
    if waiting:
        # The app was used without a dataset on the Hub first, and with one since.
        print(told, file=sys.stderr)


def _consented_rows(store: FolderStore) -> tuple[list[ConsentedRow], int]:
    rows, kept = [], 0
    for data in _single_rows(store):
        try:
            rows.append(ConsentedRow(data))
        except ConsentError:
            kept += 1
    return rows, kept


def _single_rows(store: FolderStore) -> Iterator[bytes]:
    for row in store.rows():
        yield rows_to_parquet([row])


def _propose(store: HubStore, rows: list[ConsentedRow], sleep: Callable[[float], None]) -> int:
    refused = 0
    for consented in rows:
        try:
            delivery = retry(partial(store.propose, consented), sleep=sleep)
            print(f"{consented.id}  {delivery.url or 'is there already'}")
        except RemoteRefusedError as error:
            if error.held:
                raise
            print(f"{consented.id}  {error}", file=sys.stderr)
            refused += 1
    return refused


def _commit(store: HubStore, rows: list[ConsentedRow], sleep: Callable[[float], None]) -> int:
    refused, pace = 0, Pace()
    for start in range(0, len(rows), pace.batch_rows):
        if start:
            sleep(pace.batch)
        batch = rows[start : start + pace.batch_rows]
        results = retry(partial(store.commit, batch), sleep=sleep)
        for content_id, result in results.items():
            if isinstance(result, RemoteRefusedError):
                print(f"{content_id}  {result}", file=sys.stderr)
                refused += 1
        print(f"{start + len(batch)} of {len(rows)}")
    return refused
