"""`segface parse`: photos to masks, overlays and reports; resumes, and survives bad files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segface_hf.errors import OutputError, SegFaceError

if TYPE_CHECKING:
    from PIL import Image

    from segface_hf.files import Photo
    from segface_hf.parser import FaceParser

HELP = "parse photos: writes a mask, an overlay and a JSON report for each"
# Photos that are decoded ahead of the model, and results that wait to be written.
_AHEAD = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the photos, the model and where results go."""
    parser.add_argument("photos", nargs="+", metavar="PHOTO", help="files, folders or patterns")
    parser.add_argument("--out", required=True, metavar="DIR", help="the folder to write")
    parser.add_argument(
        "--model", metavar="M", help="a folder, org/name or hub:org/repo/folder; embedded if absent"
    )
    parser.add_argument("--revision", help="branch, tag or commit of a model on the Hub")
    parser.add_argument("--device", default="cpu", help="where the model runs (default: cpu)")
    parser.add_argument("--classes", metavar="A,B", help="keep only these classes")
    parser.add_argument(
        "--whole",
        action="store_true",
        help="take each picture as one face, without looking for any",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="parse again what is there already"
    )


def run(args: argparse.Namespace) -> int:
    """Parses every photo; 1 where some failed."""
    from segface_hf.files import Results, check_output, find_photos, is_done
    from segface_hf.parser import FaceParser

    photos = find_photos(args.photos)
    out = Path(args.out)
    check_output(out)
    parser = FaceParser.from_pretrained(args.model, revision=args.revision, device=args.device)
    job = Job(parser, out, whole=args.whole, classes=_classes(args.classes, parser))
    todo = photos
    if not args.overwrite:
        todo = [photo for photo in photos if not is_done(Results.of(out, photo), job.settings)]
    tally = Tally(skipped=len(photos) - len(todo))
    for photo, outcome in _with_progress(job.parse(todo), len(todo)):
        tally.add(photo, outcome)
    tally.tell(out)
    return int(bool(tally.failed))


def _classes(text: str | None, parser: FaceParser) -> tuple[str, ...] | None:
    if text is None:
        return None
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        parser.schema.id_of(name)
    return names


def _with_progress(
    outcomes: Iterable[tuple[Photo, int | SegFaceError]], total: int
) -> Iterable[tuple[Photo, int | SegFaceError]]:
    from tqdm import tqdm

    return tqdm(outcomes, total=total, unit="photo", disable=total < 2)


@dataclass(frozen=True)
class Job:
    """How photos are parsed and where the results go."""

    parser: FaceParser
    out: Path
    whole: bool = False
    classes: tuple[str, ...] | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """What makes two runs give equal results."""
        return {
            "model": self.parser.model_id,
            "revision": self.parser.revision,
            "digest": self.parser.digest,
            "whole_image": self.whole,
            "only_classes": None if self.classes is None else list(self.classes),
        }

    def parse(self, photos: list[Photo]) -> Iterator[tuple[Photo, int | SegFaceError]]:
        """Yields each photo with its number of faces, or with what went wrong.

        One thread decodes ahead, one writes behind; the model runs in between.
        """
        with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
            written: list[tuple[Photo, Future[int]]] = []
            for photo, decoded in _ahead(reader, photos):
                written.append((photo, self._started(writer, photo, decoded)))
                while len(written) > _AHEAD:
                    yield _outcome(*written.pop(0))
            for photo, future in written:
                yield _outcome(photo, future)

    def _started(
        self, writer: ThreadPoolExecutor, photo: Photo, decoded: Future[Image.Image]
    ) -> Future[int]:
        """Parses a decoded photo and starts to write its results."""
        from segface_hf.files import Results, report, write_results

        failed: Future[int] = Future()
        try:
            image = decoded.result()
            parse = self.parser.parse(image, whole_image=self.whole, classes=self.classes)
        except SegFaceError as error:
            failed.set_exception(error)
            return failed

        def write() -> int:
            content = report(photo, parse, self.settings)
            write_results(Results.of(self.out, photo), image, parse, content)
            return len(parse.faces)

        return writer.submit(write)


def _ahead(
    reader: ThreadPoolExecutor, photos: list[Photo]
) -> Iterator[tuple[Photo, Future[Image.Image]]]:
    """Yields photos in order while the next ones are being decoded."""
    from segface_hf.images import load_image

    waiting: list[tuple[Photo, Future[Image.Image]]] = []
    for photo in photos:
        waiting.append((photo, reader.submit(load_image, photo.path)))
        if len(waiting) > _AHEAD:
            yield waiting.pop(0)
    yield from waiting


def _outcome(photo: Photo, future: Future[int]) -> tuple[Photo, int | SegFaceError]:
    """A photo's number of faces or its error; a folder that can't be written ends the run."""
    try:
        return photo, future.result()
    except OutputError:
        raise
    except SegFaceError as error:
        return photo, error


@dataclass
class Tally:
    """What happened to the photos of a run."""

    skipped: int = 0
    parsed: int = 0
    faces: int = 0
    faceless: list[Path] = field(default_factory=list)
    failed: list[tuple[Path, SegFaceError]] = field(default_factory=list)

    def add(self, photo: Photo, outcome: int | SegFaceError) -> None:
        """Counts one photo."""
        if isinstance(outcome, SegFaceError):
            self.failed.append((photo.path, outcome))
            return
        self.parsed += 1
        self.faces += outcome
        if not outcome:
            self.faceless.append(photo.path)

    def tell(self, out: Path) -> None:
        """Prints what was done; failures and photos without a face go to stderr."""
        skipped = f", {self.skipped} done before" if self.skipped else ""
        print(f"{self.parsed} photos parsed, {self.faces} faces{skipped}: {out}")
        for path in self.faceless:
            print(
                f"no face found in {path}: parse it as one face with --whole --overwrite",
                file=sys.stderr,
            )
        for path, error in self.failed:
            print(f"failed: {path}: {error}", file=sys.stderr)
