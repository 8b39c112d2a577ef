"""`python -m bench.annotator`: seconds of a simulated annotator, guided against brush-only.

The annotator runs under Node in the editor's own modules (bench/annotator/js/simulate.mjs), so
it measures what the page does. This module predicts, starts Node and reports.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from annotate.errors import AnnotateError
from segface_hf.cli.arguments import check_files, whole
from segface_hf.data.folder import Pair, find_pairs, read_mask

if TYPE_CHECKING:
    import numpy as np

    from segface_hf.labels import LabelSchema
    from segface_hf.parser import FaceParser


@dataclass(frozen=True)
class Outcome:
    """One face corrected in one arm.

    Attributes:
        name: The photo's stem.
        arm: How it was corrected.
        seconds: All seconds under the cost model.
        by_tool: Seconds by what they were spent on.
        actions: Actions taken.
        reached: Did every class reach its target?
    """

    name: str
    arm: str
    seconds: float
    by_tool: dict[str, float]
    actions: int
    reached: bool


TITLES = {
    "brush": "brush only",
    "walk": "uncertain regions, then brush",
    "tools": "all tools, no guidance",
    "guided": "guided: uncertain regions, all tools",
}


def table(outcomes: Sequence[Outcome]) -> str:
    """Two Markdown tables: seconds by arm, and where they go."""
    arms = [arm for arm in TITLES if any(outcome.arm == arm for outcome in outcomes)]
    by_arm = {arm: [one for one in outcomes if one.arm == arm] for arm in arms}
    return "\n".join(["", *_seconds(by_arm), "", *_shares(by_arm)])


def _seconds(by_arm: dict[str, list[Outcome]]) -> list[str]:
    lines = [
        "| arm | faces | median s | quartiles | mean s | of brush-only | reached |",
        "|---|---|---|---|---|---|---|",
    ]
    base = {one.name: one.seconds for one in by_arm.get("brush", [])}
    for arm, found in by_arm.items():
        seconds = [one.seconds for one in found]
        low, middle, high = _quartiles(seconds)
        reached = sum(one.reached for one in found)
        lines.append(
            f"| {TITLES[arm]} | {len(found)} | {middle:.0f} | {low:.0f} to {high:.0f} "
            f"| {statistics.fmean(seconds):.0f} | {_ratio(found, base)} "
            f"| {reached} of {len(found)} |"
        )
    return lines


def _ratio(found: Sequence[Outcome], base: dict[str, float]) -> str:
    """Ratio of all seconds, and the quartiles of the ratio by face."""
    shared = [one for one in found if base.get(one.name)]
    if not shared:
        return "-"
    whole = sum(one.seconds for one in shared) / sum(base[one.name] for one in shared)
    low, _, high = _quartiles([one.seconds / base[one.name] for one in shared])
    return f"{whole:.2f} ({low:.2f} to {high:.2f})"


def _quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    if len(values) < 2:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def _shares(by_arm: dict[str, list[Outcome]]) -> list[str]:
    """Mean seconds a face by what they were spent on."""
    tools = sorted({tool for found in by_arm.values() for one in found for tool in one.by_tool})
    lines = [
        "| seconds a face | " + " | ".join(tools) + " |",
        "|---|" + "---|" * len(tools),
    ]
    for arm, found in by_arm.items():
        means = [statistics.fmean(one.by_tool.get(tool, 0.0) for one in found) for tool in tools]
        lines.append(f"| {TITLES[arm]} | " + " | ".join(f"{mean:.1f}" for mean in means) + " |")
    return lines


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
class SimulatedFace:
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
    pairs = find_pairs(args.data)[: args.faces]
    cost = CostModel(speed=args.speed)
    faces = (predicted(parser, pair) for pair in pairs)
    outcomes = []
    for outcome in simulate(faces, schema=parser.engine.config.labels, arms=args.arms, cost=cost):
        outcomes.append(outcome)
        print(f"{outcome.name} {outcome.arm}: {outcome.seconds:.0f} s", flush=True)
    print(table(outcomes))
    if args.json:
        rows = [asdict(outcome) for outcome in outcomes]
        Path(args.json).write_text(json.dumps({"cost": asdict(cost), "rows": rows}, indent=1))
    return 0


def predicted(parser: FaceParser, pair: Pair) -> SimulatedFace:
    """The model's parse of an already cropped face, with its confidence."""
    truth = read_mask(pair.mask, parser.engine.config.labels)
    parse = parser.parse(pair.image, whole_image=True, confidence=True)
    if parse.confidence is None or parse.runner_up is None:
        raise SimulateError(f"the model gave no confidence for {pair.image.name}")
    return SimulatedFace(pair.stem, (parse.mask, parse.confidence, parse.runner_up, truth))


def simulate(
    faces: Iterator[SimulatedFace], *, schema: LabelSchema, arms: Sequence[str], cost: CostModel
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
    face: SimulatedFace, folder: Path, *, schema: LabelSchema, arms: Sequence[str], cost: CostModel
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
