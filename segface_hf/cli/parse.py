"""`segface parse`: photos to masks, overlays and reports, or to parquet."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from segface_hf.cli.arguments import whole
from segface_hf.errors import ConfigError, SegFaceError

if TYPE_CHECKING:
    from segface_hf.jobs.inputs import Input
    from segface_hf.jobs.photos import Photo
    from segface_hf.jobs.tally import ParseResult, Tally
    from segface_hf.jobs.work import Job
    from segface_hf.parser import FaceParser

HELP = "parse photos, tables or datasets of photos: writes masks and reports, or parquet"
FORMATS = ("files", "parquet")
ENGINES = ("local", "ray")

Item = TypeVar("Item")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the photos, the model, where results go, and what does the work."""
    parser.add_argument(
        "photos",
        nargs="*",
        metavar="PHOTO",
        help="files, folders or patterns of pictures or of parquet files (also hf://...), "
        "or hf://datasets/org/name",
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="the folder to write, or hf://")
    parser.add_argument(
        "--model", metavar="M", help="a folder, org/name or hub:org/repo/folder; embedded if absent"
    )
    parser.add_argument("--revision", help="branch, tag or commit of a model on the Hub")
    parser.add_argument("--torch", action="store_true", help="run the model with torch")
    parser.add_argument("--device", default="cpu", help="where the model runs (default: cpu)")
    parser.add_argument("--classes", metavar="A,B", help="keep only these classes")
    parser.add_argument(
        "--raw", action="store_true", help="keep specks and parts that can't be there"
    )
    parser.add_argument(
        "--whole-image",
        action="store_true",
        help="take each picture as one face, without looking for any",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="parse again what is there already"
    )
    tables = parser.add_argument_group("tables and datasets")
    tables.add_argument("--dataset", metavar="ORG/NAME", help="stream a dataset of the Hub")
    tables.add_argument("--subset", metavar="NAME", help="of the dataset (default: its default)")
    tables.add_argument("--split", default="train", help="of the dataset (default: train)")
    tables.add_argument(
        "--image-column", default="image", metavar="NAME", help="of the photos (default: image)"
    )
    tables.add_argument(
        "--format", choices=FORMATS, help="of the results (default: parquet for tables, else files)"
    )
    tables.add_argument(
        "--rows",
        type=whole(1),
        metavar="N",
        help="rows of a result file, about (default: 100, and 1000 on the Hub)",
    )
    machines = parser.add_argument_group("many machines")
    machines.add_argument(
        "--engine", choices=ENGINES, default="local", help="what does the work (default: local)"
    )
    machines.add_argument("--workers", type=whole(1), help="of Ray (default: one a processor)")
    machines.add_argument(
        "--address", help="of a Ray cluster, or auto (default: start one on this machine)"
    )


def run(args: argparse.Namespace) -> int:
    """Parses every photo; 1 where some failed."""
    from segface_hf.jobs.inputs import find_input, require_tables
    from segface_hf.jobs.tally import Tally

    found = find_input(args.photos, dataset=args.dataset, split=args.split, subset=args.subset)
    how = args.format or ("files" if found.photos else "parquet")
    if how == "parquet" or not found.photos:
        require_tables()
    tally = Tally(note=found.note)
    try:
        if how == "files":
            _to_files(args, found, tally)
        else:
            _to_table(args, found, tally)
    except (SegFaceError, KeyboardInterrupt):
        if not tally.is_empty:
            tally.print_summary(args.out)
        raise
    tally.print_summary(args.out)
    return int(bool(tally.failed))


def _to_files(args: argparse.Namespace, found: Input, tally: Tally) -> None:
    from segface_hf.jobs.files import Results, is_done
    from segface_hf.jobs.photos import check_output
    from segface_hf.jobs.tally import ParseResult

    if args.engine == "ray" or "://" in args.out:
        raise ConfigError("Ray and the Hub take parquet: add --format parquet")
    out = Path(args.out)
    check_output(out)
    job = _job(args)

    def todo() -> Iterator[Photo]:
        for item in found.items(column=args.image_column, rows=100):
            photo = item.photo
            try:
                if isinstance(photo, SegFaceError):
                    raise photo
                results = Results.of(out, photo)
                if not args.overwrite and is_done(results, photo, job.settings):
                    tally.skipped += 1
                else:
                    yield photo
            except SegFaceError as error:
                named = f"{item.shard.source}#{item.row}"
                named = named if isinstance(photo, SegFaceError) else str(photo.path)
                tally.add(ParseResult(named, error=str(error)))

    if found.photos:  # a list is short, so the bar can count only the photos that are not done
        photos = list(todo())
        outcomes = _with_progress(job.to_files(photos, out), len(photos))
    else:
        outcomes = _with_progress(job.to_files(todo(), out), found.count(column=args.image_column))
    _add_all(tally, found, outcomes)


def _to_table(args: argparse.Namespace, found: Input, tally: Tally) -> None:
    from segface_hf.jobs.inputs import plan
    from segface_hf.jobs.storage import StoragePath
    from segface_hf.jobs.tally import ParseResult

    out = StoragePath.of(args.out)
    length = args.rows if args.rows is not None else (1000 if out.is_remote else 100)
    out.check()
    job = _job(args)
    work = plan(
        found,
        out,
        job.settings,
        column=args.image_column,
        rows=length,
        overwrite=args.overwrite,
        split=args.engine == "ray",
    )
    for row in work.done:
        tally.skip(ParseResult.of_row(row))
    if args.engine == "ray":
        from segface_hf.jobs.on_ray import parse_on_ray

        rows = parse_on_ray(
            job,
            work.shards,
            out,
            column=args.image_column,
            workers=args.workers,
            address=args.address,
        )
    else:
        rows = job.to_table(work.items(column=args.image_column, rows=length), out)
    _add_all(tally, found, _with_progress((ParseResult.of_row(row) for row in rows), work.count))


def _add_all(tally: Tally, found: Input, outcomes: Iterable[ParseResult]) -> None:
    for outcome in outcomes:
        tally.add(outcome)
    tally.failed += [(name, str(error)) for name, error in found.failed.items()]


def _job(args: argparse.Namespace) -> Job:
    from segface_hf.jobs.work import Job
    from segface_hf.parser import FaceParser

    parser = FaceParser.from_pretrained(
        args.model,
        revision=args.revision,
        device=args.device,
        engine="torch" if args.torch else None,
    )
    return Job(
        parser,
        whole_image=args.whole_image,
        classes=_classes(args.classes, parser),
        raw=args.raw,
    )


def _classes(text: str | None, parser: FaceParser) -> tuple[str, ...] | None:
    if text is None:
        return None
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise ConfigError(f"--classes names none: choose from {', '.join(parser.schema.names)}")
    for name in names:
        parser.schema.id_of(name)
    return names


def _with_progress(items: Iterable[Item], total: int | None) -> Iterable[Item]:
    from segface_hf._progress import MedianBar

    short = total is not None and total < 2
    return MedianBar(items, total=total, unit="photo", disable=short)
