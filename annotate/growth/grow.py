"""From merged rows to the next checkpoint, in stages that survive a kill."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from annotate._files import only_one, write_durably
from annotate.correction import Correction
from annotate.dataset.base import retry
from annotate.dataset.folder import FolderStore
from annotate.dataset.refresh import Counted, mirror
from annotate.dataset.releases import Release, record_release
from annotate.dataset.repo import DatasetRepo
from annotate.errors import RecordError, ReviewError, StoreError
from annotate.growth.checks import (
    RECIPE_FILE,
    check_publication,
    check_shared,
    check_training,
    read_growth_recipe,
)
from annotate.growth.plan import GrowthBase, GrowthOptions, GrowthPlan, make_plan
from annotate.growth.selection import taken_down
from annotate.growth.suspects import judge_rows, worst_first
from annotate.growth.trained_rows import TrainedRows, card_section, write_trained_rows
from annotate.rows.record import from_row
from segface_hf._utils import atomic_write, counted
from segface_hf.checkpoints import files
from segface_hf.cli.train import path_and_weight
from segface_hf.errors import ConfigError

STATE_FILE, SUSPECTS_FILE = "grow.json", "suspects.json"
NEW, EARLIER, TRAINING, CANDIDATE, COPY = "rows", "earlier", "training", "candidate", "dataset"
DONE, NOT_PASSED = 0, 1
DEFAULT_WEIGHT = 3.0


class GrowthState:
    """The plan of a growth and the stages that are done, in a file that is replaced as a whole.

    Args:
        out: Folder of the growth.
    """

    def __init__(self, out: Path) -> None:
        self._file = out / STATE_FILE
        try:
            self._values: dict[str, Any] = json.loads(self._file.read_text(encoding="utf-8"))
            plan = self._values.get("plan")
            self.plan = GrowthPlan.from_dict(plan) if plan else None
        except FileNotFoundError:
            self._values, self.plan = {"done": {}}, None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"{self._file} can't be read ({error}): choose another --out, or remove the folder"
            ) from error

    @property
    def done(self) -> dict[str, Any]:
        """Stage -> what it found, in the order in which they ended."""
        found: dict[str, Any] = self._values["done"]
        return found

    def begin(self, plan: GrowthPlan) -> None:
        """Keeps the plan."""
        self.plan = plan
        self._write({**self._values, "plan": plan.to_dict()})

    def finish(self, stage: str, found: Any) -> None:
        """Notes that a stage is done, and what it found as plain values."""
        self._write({**self._values, "done": {**self.done, stage: found}})

    def _write(self, values: dict[str, Any]) -> None:
        write_durably(self._file, (json.dumps(values, indent=1) + "\n").encode())
        self._values = values


class _Stopped(Exception):
    """A stage ended the growth, with the command's exit code."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


class Growth:
    """One growth in its folder.

    Args:
        out: Its folder.
        options: What to do.
        base: The checkpoint to start from.
        dataset: The dataset.
        state: With a plan.
    """

    def __init__(
        self,
        out: Path,
        options: GrowthOptions,
        base: GrowthBase,
        dataset: FolderStore | DatasetRepo,
        state: GrowthState,
    ) -> None:
        assert state.plan is not None
        self.out, self.options, self.base = out, options, base
        self.dataset, self.state, self.plan = dataset, state, state.plan
        self.candidate = out / CANDIDATE
        self.tag = options.tag or default_tag(base)

    def run(self, say: Callable[[str], None] = print) -> int:
        """Runs the stages that are left; returns 0, or 1 if it stopped or the gate said no.

        Raises:
            SegFaceError: A stage can't be done; what was done before is kept.
        """
        stages: dict[str, Callable[[], Any]] = {
            "rows": self._unpack,
            "suspects": self._set_suspects_aside,
            "training": self._train,
            "candidate": self._make_candidate,
            "gate": self._judge,
            "card": self._write_card,
        }
        if repo := self.options.publish:
            stages |= {f"publication to {repo}": self._publish, f"record of {repo}": self._record}
        if left := {name: work for name, work in stages.items() if name not in self.state.done}:
            self._check_takedowns()
        try:
            for name, work in left.items():
                found = work()
                self.state.finish(name, found)
                say(f"{name}: {_shown(found)}")
        except _Stopped as end:
            say(str(end))
            return end.code
        gate = self.state.done["gate"]
        say(f"{self.candidate}: {gate['sentence']}")
        return DONE if gate["verdict"] == "passed" else NOT_PASSED

    def _check_takedowns(self) -> None:
        """Checks that no row was taken down since the plan was made."""
        if gone := taken_down(retry(self.dataset.paths)) & {*self._ids()}:
            raise ReviewError(
                f"{', '.join(sorted(gone)[:5])} of {self.plan.dataset} was taken down after this "
                f"growth began: remove {self.out} and begin again"
            )

    def _ids(self) -> tuple[str, ...]:
        return (*self.plan.selection.new, *self.plan.selection.earlier)

    def _store(self) -> FolderStore:
        if isinstance(self.dataset, FolderStore):
            return self.dataset
        return mirror(self.dataset, self.out / COPY, head=self.plan.commit)

    def _corrections(self, ids: set[str]) -> Iterator[tuple[dict[str, Any], Correction]]:
        """Yields the rows with these ids, checked as untrusted input."""
        left = set(ids)
        for row in self._store().rows() if left else ():
            if row["content_id"] in left:
                left.discard(row["content_id"])
                yield row, from_row(row, schema=self.base.config.labels)
        if left:
            raise RecordError(
                f"{self.plan.dataset} has no row {min(left)} any more: remove {self.out} and begin "
                "again"
            )

    def _unpack(self) -> dict[str, int]:
        """Writes photos and masks of the rows as data folders."""
        selection = self.plan.selection
        folders = {**dict.fromkeys(selection.new, NEW), **dict.fromkeys(selection.earlier, EARLIER)}
        for row, correction in self._corrections(set(folders)):
            folder, name = self.out / folders[correction.content_id], f"{correction.content_id}.png"
            for part in ("image", "mask"):  # as bytes: they were checked to be plain PNG files
                data = row[part]
                atomic_write(folder / f"{part}s" / name, partial(Path.write_bytes, data=data))
        return {"new": len(selection.new), "earlier": len(selection.earlier)}

    def _set_suspects_aside(self) -> list[str]:
        """Removes rows whose masks the base contradicts strongly; returns their ids."""
        if self.options.keep_suspects:
            return []
        from segface_hf.parser import FaceParser

        parser = FaceParser.from_pretrained(self.base.source, device=self.options.device)
        corrections = (c for _, c in self._corrections(set(self.plan.selection.new)))
        judged = worst_first(judge_rows(corrections, parser))
        text = json.dumps([row.to_dict() for row in judged], indent=2) + "\n"
        write_durably(self.out / SUSPECTS_FILE, text.encode())
        suspects = [row.content_id for row in judged if row.is_suspect]
        if len(suspects) == len(judged):
            raise _Stopped(
                DONE,
                f"nothing to train on: each of the {counted(len(judged), 'new row')} is a suspect. "
                f"Look at {self.out / SUSPECTS_FILE}, and use --keep-suspects for good masks",
            )
        for content_id in suspects:
            for part in ("masks", "images"):
                (self.out / NEW / part / f"{content_id}.png").unlink(missing_ok=True)
        return suspects

    def _rows(self) -> TrainedRows:
        """Returns what the candidate records: the new rows that it was trained on."""
        suspects = {*self.state.done["suspects"]}
        new = tuple(key for key in self.plan.selection.new if key not in suspects)
        plan = self.plan
        return TrainedRows(plan.dataset, plan.commit, plan.base, plan.created_at, new)

    def trained_on(self) -> tuple[str, ...]:
        """Returns the ids of all rows that the candidate was trained on, sorted."""
        return tuple(sorted({*self._ids()} - {*self.state.done["suspects"]}))

    def _train(self) -> dict[str, int]:
        """Trains on, or resumes; the last averaged weights count, since the gate has its photos."""
        import torch

        from segface_hf.training.loop import start, train
        from segface_hf.training.prepare import DataFolder, prepare
        from segface_hf.training.report import Progress
        from segface_hf.training.run import Run

        recipe = read_growth_recipe(self.out / RECIPE_FILE, self.options, self.plan, self.base)
        own = [self.out / name for name in (NEW, EARLIER) if (self.out / name / "masks").is_dir()]
        folders = [DataFolder(path, 1.0) for path in own]
        for text in self.options.data:
            path, weight = path_and_weight(text)
            folders.append(DataFolder(path, weight or DEFAULT_WEIGHT))
        data = prepare(folders, recipe, progress=True)
        device = torch.device(self.options.device)
        run = Run(recipe, data, self.out / TRAINING, device=device)
        start(run)
        with Progress(run.step, recipe.steps, recipe.batch_size) as progress:
            if not train(run, progress=progress, stop=progress.stopped):
                raise _Stopped(NOT_PASSED, f"stopped at step {run.step}: run it again to resume")
        return {"steps": run.step, "photos": len(data.photos)}

    def _make_candidate(self) -> str:
        """Copies the trained weights, lists the rows, and exports ONNX if the base has it."""
        from segface_hf.training.run import LAST

        part = self.out / f".{CANDIDATE}"
        for folder in (part, self.candidate):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.out / TRAINING / LAST, part)
        write_trained_rows(part, (*self.base.growths, self._rows()))
        if (self.base.folder / files.ONNX_FILE).is_file():
            from segface_hf.export.save import export_checkpoint

            export_checkpoint(part)
        part.rename(self.candidate)
        return files.file_digest(self.candidate / files.WEIGHTS_FILE)

    def _judge(self) -> dict[str, Any]:
        """Compares the candidate with the base."""
        from segface_hf.evaluation.gate_report import write_report
        from segface_hf.evaluation.promote import promote

        options = self.options
        values = promote(
            str(self.candidate),
            self.base.source,
            options.val,
            self.candidate,
            chosen=options.classes,
            device=options.device,
        )
        values["current"]["name"] = str(self.base)
        write_report(self.candidate, values)
        return {key: values[key] for key in ("verdict", "sentence", "photos")}

    def _write_card(self) -> str:
        """Adds the rows, their licenses and the gate to the card that the training wrote."""
        from segface_hf.training.run import LAST

        card = (self.out / TRAINING / LAST / files.CARD_FILE).read_text(encoding="utf-8")
        trained = set(self.trained_on())
        licenses = {k: v for k, v in self.plan.selection.licenses.items() if k in trained}
        growths = (*self.base.growths, self._rows())
        section = card_section(growths, licenses, gate=self.state.done["gate"])
        text = f"{card.replace(self.base.source, str(self.base)).rstrip()}\n\n{section}"
        write_durably(self.candidate / files.CARD_FILE, text.encode())
        return files.CARD_FILE

    def _publish(self) -> str:
        """Uploads the candidate as a new revision with a tag, if the gate let it pass."""
        from segface_hf.checkpoints.publish import check_gate, publish
        from segface_hf.modeling.segface import SegFace

        gate = self.state.done["gate"]
        if gate["verdict"] != "passed":
            raise _Stopped(NOT_PASSED, f"not published: {gate['sentence']}")
        self._check_takedowns()
        check_gate(self.candidate)
        check_shared(self.plan, self.base)
        title = f"Grow by {counted(len(self._rows().rows), 'row')} of {self.plan.dataset}"
        return publish(
            self.candidate, self.options.publish, build=SegFace, commit_message=title, tag=self.tag
        )

    def _record(self) -> str:
        """Says in the dataset which rows made the checkpoint."""
        digest = self.state.done["candidate"]
        before = {key for each in self.base.growths for key in each.rows}
        rows = tuple(sorted({*self.trained_on(), *before}))
        release = Release(self.options.publish, self.tag, digest, self.plan.created_at, rows)
        record_release(self.dataset, release)
        return str(release)


def default_tag(base: GrowthBase) -> str:
    """Returns the tag of the next revision: growths are counted."""
    return f"growth-{len(base.growths) + 1}"


def _shown(found: Any) -> str:
    """Returns what a stage found, for a person."""
    if isinstance(found, list):
        return f"{counted(len(found), 'row')} set aside"
    if isinstance(found, dict):
        return str(found.get("sentence") or ", ".join(f"{v:,} {k}" for k, v in found.items()))
    return str(found)


def grow(
    out: Path,
    options: GrowthOptions,
    dataset: FolderStore | DatasetRepo,
    rows_at: Callable[[str], Counted],
    *,
    at_least: int = 1,
    say: Callable[[str], None] = print,
) -> int:
    """Makes the next checkpoint from a dataset, or goes on with a growth that was interrupted.

    Args:
        out: Folder of the growth; created.
        options: What to do.
        dataset: The dataset.
        rows_at: Gives the rows of a commit.
        at_least: With fewer new rows nothing is done.
        say: Takes each line for a person.

    Returns:
        0, or 1 if it was stopped or the gate did not let the candidate pass.

    Raises:
        SegFaceError: It can't be done; what was done before is kept.
    """
    state, base, plan = planned(out, options, dataset, rows_at)
    if options.publish:
        check_publication(options, plan, base, dataset)
    if state.plan is None:
        if len(plan.selection.new) < max(1, at_least):
            found = counted(len(plan.selection.new), "new row")
            say(f"nothing to do: {found} in {plan.dataset} since {base} was trained")
            return DONE
        check_training(options, plan, base)
    with only_one(out / ".lock", threading.Event()):
        state = GrowthState(out)  # another process may have worked on it meanwhile
        if state.plan is None:
            state.begin(plan)
        return Growth(out, options, base, dataset, state).run(say)


def planned(
    out: Path,
    options: GrowthOptions,
    dataset: FolderStore | DatasetRepo,
    rows_at: Callable[[str], Counted],
) -> tuple[GrowthState, GrowthBase, GrowthPlan]:
    """Returns the state of a growth, its base, and its plan, which is kept or made; writes nothing.

    Raises:
        ConfigError: The folder holds a growth with other options.
    """
    name = dataset.root.resolve().name if isinstance(dataset, FolderStore) else dataset.id
    state = GrowthState(out)
    held = state.plan
    base = GrowthBase.find(options.model, commit=held.base_commit if held else "")
    if held is None:
        return state, base, retry(lambda: make_plan(options, dataset, rows_at, base, name=name))
    old = {**held.options, "dataset": held.dataset, "weights of the model": held.base}
    new = {**options.identity(), "dataset": name, "weights of the model": base.digest}
    if changed := [key for key in new if old.get(key) != new[key]]:
        raise ConfigError(
            f"{out} holds a growth with other values of {changed}: choose another --out, or "
            "restore the old values"
        )
    return state, base, held
