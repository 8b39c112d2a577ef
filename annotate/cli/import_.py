"""`python -m annotate import`: save masks of other tools as contributions in a folder."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from annotate.cli import _places
from annotate.correction import DEFAULT_LICENCE, PEOPLE, RIGHTS, Consent, Correction, ModelUsed
from annotate.dataset.folder import FolderStore
from annotate.errors import CorrectionError, ExchangeError, TakenDownError
from annotate.exchange import READERS, read_export
from annotate.exchange.labeled import ImportedPhoto, LabeledPhoto
from segface_hf import __version__
from segface_hf._utils import counted
from segface_hf.errors import LabelError, SegFaceError
from segface_hf.labels import CELEBAMASK_HQ, SCHEMAS

HELP = "import masks from folders, COCO, CVAT or Label Studio into a dataset folder"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    parser.add_argument(
        "source",
        type=Path,
        help="the other tool's export: a folder, a .zip, or an annotation file beside its photos",
    )
    parser.add_argument("--format", required=True, choices=sorted(READERS))
    parser.add_argument("--folder", required=True, type=Path, metavar="DIR", help="the dataset")
    parser.add_argument("--schema", choices=sorted(SCHEMAS), default=CELEBAMASK_HQ.name)
    parser.add_argument("--contributor", type=_places.account_name, default="", help="account name")
    parser.add_argument("--right", choices=sorted(RIGHTS), help="why the photos may be shared")
    parser.add_argument("--people", choices=sorted(PEOPLE), help="why the people may be shown")
    parser.add_argument("--photo-licence", default="", help="the photos' own licence")
    parser.add_argument(
        "--source",
        dest="origin",
        metavar="TEXT",
        help="where the photos come from, which everyone can read; {name} stands for a photo's "
        "file name, which is left out otherwise",
    )
    parser.add_argument("--licence", default=DEFAULT_LICENCE, help="of the contributions")


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


def run(args: argparse.Namespace) -> int:
    """Saves every mask as a row; without consent the rows stay on this machine."""
    consent = None
    if args.right or args.people:
        consent = Consent(
            args.right or "", args.people or "", args.photo_licence, licence=args.licence
        )
    store, tally = FolderStore(args.folder, licence=args.licence), _Tally()
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
