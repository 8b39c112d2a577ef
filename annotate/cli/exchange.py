"""Commands that exchange rows: import and export files of other tools, and send to the Hub."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np

from annotate.cli import arguments
from annotate.correction import DEFAULT_LICENSE, PEOPLE, RIGHTS, Consent, Correction, ModelUsed
from annotate.dataset.base import retry
from annotate.dataset.folder import FolderStore
from annotate.dataset.proposals import ConsentedRow, Delivery, HubStore
from annotate.errors import (
    ConsentError,
    CorrectionError,
    ExchangeError,
    RemoteBusyError,
    RemoteRefusedError,
    RemoteUnconfirmedError,
    StoreError,
    TakenDownError,
)
from annotate.exchange import EXPORTS, NEXT_STEPS, READERS, read_export
from annotate.exchange.labeled import ImportedPhoto, LabeledPhoto
from annotate.outbox.queue import ContributorQueue, Entry, Outbox, State
from annotate.outbox.sender import UNCONFIRMED, Pace
from annotate.rows.record import from_row, rows_to_parquet
from segface_hf import __version__
from segface_hf._utils import counted
from segface_hf.cli.program import Functions
from segface_hf.errors import LabelError, SegFaceError
from segface_hf.labels import CELEBAMASK_HQ, SCHEMAS

_NOTES = ".segface-send"  # a folder in the dataset's folder


def _add_import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source",
        type=Path,
        help="the other tool's export: a folder, a .zip, or an annotation file beside its photos",
    )
    parser.add_argument("--format", required=True, choices=sorted(READERS))
    parser.add_argument("--folder", required=True, type=Path, metavar="DIR", help="the dataset")
    parser.add_argument("--schema", choices=sorted(SCHEMAS), default=CELEBAMASK_HQ.name)
    parser.add_argument(
        "--contributor", type=arguments.account_name, default="", help="account name"
    )
    parser.add_argument("--right", choices=sorted(RIGHTS), help="why the photos may be shared")
    parser.add_argument("--people", choices=sorted(PEOPLE), help="why the people may be shown")
    parser.add_argument(
        "--photo-license", "--photo-licence", default="", help="the photos' own license"
    )
    parser.add_argument(
        "--source",
        dest="origin",
        metavar="TEXT",
        help="where the photos come from, which everyone can read; {name} stands for a photo's "
        "file name, which is left out otherwise",
    )
    parser.add_argument(
        "--license", "--licence", default=DEFAULT_LICENSE, help="of the contributions"
    )


@dataclass
class _Tally:
    """Counts of the photos of an export."""

    read: int = 0
    new: int = 0
    left_out: int = 0
    refused: int = 0
    reasons: dict[str, list[str]] = field(default_factory=dict)

    def refuse(self, name: str, reason: str) -> None:
        """Counts a photo, and prints its reason unless another photo had the same."""
        self.refused += 1
        names = self.reasons.setdefault(reason, [])
        names.append(name)
        if len(names) == 1:
            print(f"{name}  {reason}", file=sys.stderr)

    def print_same(self) -> None:
        """Names the photos whose reason was printed for the first one only."""
        for first, *others in self.reasons.values():
            if others:
                print(f"as {first}: {', '.join(others)}", file=sys.stderr)

    def sentence(self, folder: Path) -> str:
        return (
            f"{counted(self.read, 'mask')} read, {self.new:,} of them new in {folder}; "
            f"{counted(self.left_out, 'photo')} without annotations left out, "
            f"{self.refused:,} refused"
        )


def _import(args: argparse.Namespace) -> int:
    """Saves every mask as a row; without consent the rows stay on this machine."""
    consent = None
    if args.right or args.people:
        consent = Consent(
            args.right or "", args.people or "", args.photo_license, license=args.license
        )
    store, tally = FolderStore(args.folder, license=args.license), _Tally()
    try:
        for photo in read_export(args.source, SCHEMAS[args.schema], format=args.format):
            _save(photo, args, consent=consent, store=store, tally=tally)
    finally:
        # Printed even if a full disk ends the import: the rows saved before remain.
        if tally != _Tally():
            tally.print_same()
            print(tally.sentence(args.folder))
    if not tally.read and not tally.refused:
        raise ExchangeError(
            f"none of the {counted(tally.left_out, 'photo')} of {args.source} has an annotation: "
            "draw the parts in the other tool, and export again"
        )
    return 1 if tally.refused else 0


def _save(
    photo: ImportedPhoto,
    args: argparse.Namespace,
    *,
    consent: Consent | None,
    store: FolderStore,
    tally: _Tally,
) -> None:
    """Saves one photo of the export, or counts it with its error."""
    error: SegFaceError | None = photo.error
    if photo.labeled is not None:
        try:
            saved = store.save(_correction(photo.labeled, args, consent=consent))
            tally.read, tally.new = tally.read + 1, tally.new + saved.created
        except (CorrectionError, LabelError, TakenDownError) as refused:
            error = refused
    elif error is None:
        tally.left_out += 1
    if error is not None:
        tally.refuse(photo.name, str(error))


def _correction(
    photo: LabeledPhoto, args: argparse.Namespace, *, consent: Consent | None
) -> Correction:
    """Returns an imported mask as a correction of an all-background prediction."""
    return Correction(
        image=photo.image,
        mask=photo.mask,
        prediction=np.zeros_like(photo.mask),
        schema=SCHEMAS[args.schema],
        model=ModelUsed("none"),
        contributor=args.contributor,
        consent=consent,
        source=(args.origin or f"import:{args.format}").replace("{name}", photo.name)[:500],
        app_version=__version__,
    )


def _add_export(parser: argparse.ArgumentParser) -> None:
    arguments.add_dataset(parser)
    parser.add_argument("--format", required=True, choices=sorted(EXPORTS))
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="a new folder")


def _export(args: argparse.Namespace) -> int:
    """Writes photos and annotations."""
    with arguments.local_rows(args) as rows:
        corrections = (from_row(row) for row in rows.rows())
        first = next(corrections, None)
        if first is None:
            dataset = args.folder or args.repo
            raise StoreError(f"{dataset} holds no contributions: nothing to export")
        count = EXPORTS[args.format](chain([first], corrections), args.out)
    print(f"{counted(count, 'contribution')} written to {args.out}")
    if args.format in NEXT_STEPS:
        print(f"Next: {NEXT_STEPS[args.format](args.out)}")
    return 0


def _add_send(parser: argparse.ArgumentParser) -> None:
    arguments.add_repo(parser)
    parser.add_argument(
        "--folder",
        type=arguments.folder_there,
        required=True,
        metavar="DIR",
        help="a dataset in a folder",
    )
    parser.add_argument(
        "--direct", action="store_true", help="commit in batches instead of pull requests"
    )


def _send(args: argparse.Namespace) -> int:
    """Sends every row with consent; sending again is harmless."""
    store = FolderStore(args.folder)
    _check_holds_rows(store, repo=args.repo)
    rows, kept = _consented_rows(store)
    target = arguments.hub_store(args)
    if args.direct:
        refused = _commit(target, rows)
    else:
        refused = _propose(target, rows, Outbox(store.root / _NOTES).queue(args.repo))
    print(f"{len(rows) - refused} sent, {kept} without consent stay here, {refused} refused")
    if args.direct:
        arguments.update_card(args)
    return 1 if refused else 0


def _check_holds_rows(store: FolderStore, *, repo: str) -> None:
    """Checks that a folder is a dataset and not the outbox of an app, from which the app sends.

    Raises:
        StoreError: The folder has no rows of a dataset.
    """
    queues = Outbox(store.root).queues()
    entries = [entry for queue in queues for entry in queue.entries()]
    waiting = sum(entry.state in (State.SAVED, State.WAITING) for entry in entries)
    text = f"{store.root} holds no contributions: nothing to send"
    if queues:
        text = (
            f"{store.root} is the outbox of an app, which has yet to send "
            f"{counted(waiting, 'contribution')}: run "
            f"`hf auth login`, start the app with SEGFACE_DATASET={repo} and "
            f"SEGFACE_CONTRIBUTIONS={store.root}, and open Contribute in the browser that saved "
            "them"
        )
    if not store.files():
        raise StoreError(text)
    if waiting:
        # The app was used first without a dataset on the Hub, and later with one.
        print(text, file=sys.stderr)


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


def _propose(store: HubStore, rows: list[ConsentedRow], notes: ContributorQueue) -> int:
    refused = 0
    for consented in rows:
        try:
            delivery = retry(partial(_propose_once, store, consented, notes))
            notes.forget(consented.id)
            print(f"{consented.id}  {delivery.url or 'is in the dataset already'}")
        except RemoteRefusedError as error:
            if error.held:
                raise
            notes.forget(consented.id)
            print(f"{consented.id}  {error}", file=sys.stderr)
            refused += 1
    return refused


def _propose_once(store: HubStore, consented: ConsentedRow, notes: ContributorQueue) -> Delivery:
    """Opens a pull request, or finds the one that an earlier attempt opened.

    A note is written before each request. Where the answer was lost, or the command was killed,
    the note stays, and no second request is sent while the Hub may still show the first one.

    Raises:
        RemoteBusyError: Try again after the seconds that it names.
    """
    entry = notes.entry(consented.id) if notes.knows(consented.id) else Entry(consented.id)
    confirm = Pace().confirm
    left = entry.unconfirmed_for(time.time(), confirm=confirm)
    if left > 0:
        delivery = store.find(consented, reread=True)
        if delivery is None:
            raise RemoteBusyError(UNCONFIRMED, retry_after=left)
        return delivery
    notes.note(Entry(consented.id, asked_at=time.time()))
    try:
        return store.propose(consented, reread=entry.asked_at > 0)
    except RemoteUnconfirmedError as error:
        wait = max(confirm / 8, error.retry_after or 0.0)
        raise RemoteBusyError(str(error), retry_after=wait) from error
    except (RemoteBusyError, RemoteRefusedError):  # answered: only an earlier request may be open
        notes.note(entry) if entry.asked_at else notes.forget(entry.id)
        raise


def _commit(store: HubStore, rows: list[ConsentedRow]) -> int:
    refused, pace = 0, Pace()
    for start in range(0, len(rows), pace.batch_rows):
        if start:
            time.sleep(pace.batch)
        batch = rows[start : start + pace.batch_rows]
        results = retry(partial(store.commit, batch))
        for content_id, result in results.items():
            if isinstance(result, RemoteRefusedError):
                print(f"{content_id}  {result}", file=sys.stderr)
                refused += 1
        print(f"{start + len(batch)} of {len(rows)}")
    return refused


COMMANDS = {
    "import": Functions(_add_import, _import),
    "export": Functions(_add_export, _export),
    "send": Functions(_add_send, _send),
}
