"""`python -m annotate import`: masks made elsewhere become contributions in a folder."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from annotate.consent import DEFAULT_LICENCE, PEOPLE, RIGHTS, Consent
from annotate.correction import Correction, ModelUsed
from annotate.exchange import READERS
from annotate.exchange.labelled import Labelled
from annotate.store import FolderStore
from segface_hf import __version__
from segface_hf.labels import CELEBAMASK_HQ, SCHEMAS

HELP = "import masks from folders, CVAT or Label Studio into a dataset folder"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    parser.add_argument("source", type=Path, help="folder of the other tool's export")
    parser.add_argument("--format", required=True, choices=sorted(READERS))
    parser.add_argument("--folder", required=True, type=Path, metavar="DIR", help="the dataset")
    parser.add_argument("--schema", choices=sorted(SCHEMAS), default=CELEBAMASK_HQ.name)
    parser.add_argument("--contributor", default="", help="account name")
    parser.add_argument("--right", choices=sorted(RIGHTS), help="why the photos may be shared")
    parser.add_argument("--people", choices=sorted(PEOPLE), help="why the people may be shown")
    parser.add_argument("--photo-licence", default="", help="the photos' own licence")
    parser.add_argument("--licence", default=DEFAULT_LICENCE, help="of the contributions")


def run(args: argparse.Namespace) -> int:
    """Saves every mask as a row; without consent the rows stay on this machine."""
    consent = None
    if args.right or args.people:
        consent = Consent(
            args.right or "", args.people or "", args.photo_licence, licence=args.licence
        )
    schema, store = SCHEMAS[args.schema], FolderStore(args.folder, licence=args.licence)
    created = total = 0
    for item in READERS[args.format](args.source, schema):
        saved = store.save(_correction(item, args, consent=consent))
        created, total = created + saved.created, total + 1
    print(f"{total} masks read, {created} of them new in {args.folder}")
    return 0


def _correction(item: Labelled, args: argparse.Namespace, *, consent: Consent | None) -> Correction:
    """A mask from elsewhere corrects no prediction, so the prediction is all background."""
    return Correction(
        image=item.image,
        mask=item.mask,
        prediction=np.zeros_like(item.mask),
        schema=SCHEMAS[args.schema],
        model=ModelUsed("none"),
        contributor=args.contributor,
        consent=consent,
        source=f"import:{args.format}:{item.name}"[:500],
        app_version=__version__,
    )
