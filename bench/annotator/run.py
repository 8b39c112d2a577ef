"""`python -m bench.annotator`: seconds of a simulated annotator, guided against brush-only.

The annotator runs under Node in the editor's own modules (bench/annotator/js/simulate.mjs), so
that what is measured is what the page does; this module predicts, hands over and reports.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from annotate.errors import AnnotateError
from bench.annotator.report import Outcome, table
from segface_hf.cli.arguments import check_files, whole

if TYPE_CHECKING:
    import numpy as np

    from segface_hf.labels import LabelSchema
    from segface_hf.parser import FaceParser

HELP = "measure how long a simulated annotator takes, guided against brush-only"
SCRIPT = Path(__file__).parent / "js" / "simulate.mjs"
ARMS = ("brush", "guided", "tools", "walk")


class SimulateError(AnnotateError):
    """The simulated annotator could not run."""


@dataclass(frozen=True)
class CostModel:
    """Seconds of an action.

    Attributes:
        click: Seconds of a click.
        key: Seconds of a class key or another key.
        stroke: Seconds of a stroke before its length counts.
        jump: Seconds of moving to another place of the picture.
        speed: Pixels a second along a stroke, of a picture 512 pixels wide.
    """

    click: float = 1.0
    key: float = 0.5
    stroke: float = 1.0
    jump: float = 1.0
    speed: float = 100.0

    def __post_init__(self) -> None:
        if min(asdict(self).values()) <= 0:
            raise SimulateError(f"every cost must be above 0, got {asdict(self)}")


@dataclass(frozen=True)
class Face:
    """One face to correct; the maps are (512, 512) uint8.

    Attributes:
        name: The photo's stem.
        maps: Prediction, confidence, runner-up and truth, in this order.
    """

    name: str
    maps: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("--data", required=True, help="folder with images/ and masks/")
    parser.add_argument("--model", help="checkpoint folder or org/name (default: the embedded one)")
    parser.add_argument("--faces", type=whole(1), default=60, help="how many faces (default: 60)")
    parser.add_argument("--arms", nargs="+", default=ARMS[:3], choices=ARMS, help="what to compare")
    parser.add_argument("--speed", type=float, default=100.0, help="stroke pixels a second at 512")
    parser.add_argument("--json", help="write every face's seconds to this file")


def run(args: argparse.Namespace) -> int:
    """Predicts, simulates and prints the table; returns 0."""
    from segface_hf.parser import FaceParser

    check_files(args.json)
    parser = FaceParser.from_pretrained(args.model)
    pairs = find_pairs(Path(args.data))[: args.faces]
    cost = CostModel(speed=args.speed)
    faces = (predicted(parser, photo, mask) for photo, mask in pairs)
    outcomes = []
    for outcome in simulate(faces, schema=parser.engine.config.labels, arms=args.arms, cost=cost):
        outcomes.append(outcome)
        print(f"{outcome.name} {outcome.arm}: {outcome.seconds:.0f} s", flush=True)
    print(table(outcomes))
    if args.json:
        rows = [asdict(outcome) for outcome in outcomes]
        Path(args.json).write_text(json.dumps({"cost": asdict(cost), "rows": rows}, indent=1))
    return 0


def find_pairs(folder: Path) -> list[tuple[Path, Path]]:
    """Photos and masks of equal stems, sorted.

    Raises:
        SimulateError: When there is none.
    """
    masks = {path.stem: path for path in sorted((folder / "masks").glob("*.png"))}
    photos = sorted((folder / "images").glob("*"))
    pairs = [(photo, masks[photo.stem]) for photo in photos if photo.stem in masks]
    if not pairs:
        raise SimulateError(
            f"{folder} holds no photo with a mask: expected images/NAME.jpg and masks/NAME.png"
        )
    return pairs


def predicted(parser: FaceParser, photo: Path, mask: Path) -> Face:
    """The model's parse of an already cropped face, with its doubt."""
    from segface_hf.data.folder import read_mask

    truth = read_mask(mask, parser.engine.config.labels)
    parse = parser.parse(photo, whole_image=True, doubt=True)
    if parse.confidence is None or parse.runner_up is None:
        raise SimulateError(f"the model gave no confidence for {photo.name}")
    return Face(photo.stem, (parse.mask, parse.confidence, parse.runner_up, truth))


def simulate(
    faces: Iterator[Face], *, schema: LabelSchema, arms: Sequence[str], cost: CostModel
) -> Iterator[Outcome]:
    """Corrects every face in every arm.

    Args:
        faces: All of one size.
        schema: Names, tail classes and mirror pairs of the ids.
        arms: Of `ARMS`.
        cost: Seconds of each action.

    Yields:
        One outcome an arm and a face, as they are reached.

    Raises:
        SimulateError: When Node is missing or fails.
    """
    node = shutil.which("node")
    if node is None:
        raise SimulateError("the simulation needs Node 20 or newer: get it from https://nodejs.org")
    for face in faces:
        with tempfile.TemporaryDirectory() as name:
            job = _job(face, Path(name), schema=schema, arms=arms, cost=cost)
            for line in _output(node, job):
                yield Outcome(**json.loads(line))


def _job(
    face: Face, folder: Path, *, schema: LabelSchema, arms: Sequence[str], cost: CostModel
) -> Path:
    height, width = face.maps[0].shape
    if any(one.shape != (height, width) for one in face.maps):
        raise SimulateError(f"{face.name}: photo and mask differ in size")
    file = folder / "face.bin"
    file.write_bytes(b"".join(one.tobytes() for one in face.maps))
    job: dict[str, Any] = {
        "width": width,
        "height": height,
        "classes": schema.num_classes,
        "tail": list(schema.tail),
        "pairs": [list(pair) for pair in schema.mirror_pairs],
        "cost": asdict(cost),
        "arms": list(arms),
        "faces": [{"name": face.name, "file": str(file)}],
    }
    path = folder / "job.json"
    path.write_text(json.dumps(job))
    return path


def _output(node: str, job: Path) -> list[str]:
    done = subprocess.run([node, str(SCRIPT), str(job)], capture_output=True, text=True)
    if done.returncode:
        raise SimulateError(f"the simulated annotator failed: {done.stderr.strip()[-500:]}")
    return done.stdout.splitlines()
