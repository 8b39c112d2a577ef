"""What the next growth of a checkpoint will do: its options, where it starts, and its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from annotate.dataset import layout
from annotate.dataset.base import DatasetFiles
from annotate.dataset.card import read_block
from annotate.dataset.refresh import Counted
from annotate.growth.selection import COLUMNS, RowLimits, Selection, select, validation_hashes
from annotate.growth.selection import taken_down as taken_down_in
from annotate.growth.trained_rows import TrainedRows, read_trained_rows
from segface_hf.checkpoints import files, find
from segface_hf.checkpoints.licenses import license_of, strictest
from segface_hf.config import SegFaceConfig
from segface_hf.errors import ConfigError
from segface_hf.parser import build_model

# A tenth of the default rates, and 3,200 views, a fourth of them or more of new rows.
CONTINUATION: Mapping[str, Any] = {
    "steps": 400,
    "batch_size": 8,
    "learning_rate": 1.2e-4,
    "backbone_rate": 4e-5,
    "warmup_steps": 40,
    "ema": 0.99,
    "checkpoint_every": 50,
    "evaluate_every": 0,
}


@dataclass(frozen=True)
class GrowthOptions:
    """What a growth was asked to do.

    Attributes:
        model: The checkpoint to train on from: `embedded`, a folder or `org/name`.
        val: Data folder of the gate.
        data: `DIR:WEIGHT` of old photos to replay.
        config: YAML file of recipe options.
        classes: Classes that must rise; none takes the tail.
        keep_suspects: Whether rows whose masks are probably wrong are trained on too.
        publish: Model repository on the Hub; empty publishes nothing.
        tag: Tag of the new revision; empty counts the growths.
        device: Where the models run.
    """

    model: str
    val: str
    data: tuple[str, ...] = ()
    config: Path | None = None
    classes: tuple[str, ...] = ()
    keep_suspects: bool = False
    publish: str = ""
    tag: str = ""
    device: str = "cpu"

    def recipe(self) -> dict[str, Any]:
        """Returns the options of the recipe that don't come from the model.

        Raises:
            ConfigError: The file can't be read.
        """
        try:
            given = yaml.safe_load(self.config.read_text(encoding="utf-8")) if self.config else {}
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise ConfigError(f"can't read the recipe {self.config}: {error}") from error
        if not isinstance(given or {}, Mapping):
            raise ConfigError(f"{self.config} must hold options of a recipe, such as steps: 800")
        return {**CONTINUATION, **(given or {})}

    def identity(self) -> dict[str, Any]:
        """Returns the options that a run can't change when it is resumed, as plain values."""
        names = ("model", "val", "data", "classes", "keep_suspects")
        values = {name: getattr(self, name) for name in names}
        return {**values, "data": list(self.data), "classes": list(self.classes)} | {
            "recipe": self.recipe()
        }


@dataclass(frozen=True)
class GrowthBase:
    """The checkpoint that a growth starts from.

    Attributes:
        name: As it was named.
        folder: Its files.
        commit: Its commit on the Hub; empty elsewhere.
        config: Its configuration.
        digest: Digest of its weights.
        growths: The rows that it was trained on.
    """

    name: str
    folder: Path
    commit: str
    config: SegFaceConfig
    digest: str
    growths: tuple[TrainedRows, ...]

    @classmethod
    def find(cls, name: str, *, commit: str = "") -> GrowthBase:
        """Finds a checkpoint, downloading it where needed.

        Raises:
            CheckpointError: It does not exist, or can't be used.
        """
        folder = find.checkpoint_folder(name, build=build_model, revision=commit or None)
        return cls(
            name,
            folder,
            files.commit_of(folder) or "",
            files.load_config(folder, source=name),
            files.file_digest(folder / files.WEIGHTS_FILE),
            read_trained_rows(folder),
        )

    @property
    def source(self) -> str:
        """What loads exactly these weights, also after the repository got newer ones."""
        return str(self.folder) if self.commit else self.name

    def __str__(self) -> str:
        return f"{self.name} at {self.commit[:8]}" if self.commit else self.name


@dataclass(frozen=True)
class GrowthPlan:
    """What a growth does. It is made once and kept, so that a resumed run does the same.

    Attributes:
        options: See `GrowthOptions.identity`.
        dataset: Name of the dataset.
        commit: Commit of the dataset; empty in a folder.
        base: Digest of the weights to start from.
        base_commit: Their commit on the Hub; empty elsewhere.
        created_at: Date and time in UTC, as text.
        validation: Number of validation photos.
        selection: The rows.
    """

    options: Mapping[str, Any]
    dataset: str
    commit: str
    base: str
    base_commit: str
    created_at: str
    validation: int
    selection: Selection

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> GrowthPlan:
        """Reads what `to_dict` gave, also after JSON."""
        return cls(**{**values, "selection": Selection.from_dict(values["selection"])})

    def license(self, base: GrowthBase) -> str:
        """Returns the license of the weights that follow from the base and the rows."""
        return strictest([license_of(base.config), self.rows_license()])

    def rows_license(self) -> str:
        """Returns the license of the rows together, empty where one states none."""
        licenses = self.selection.licenses
        texts = [text for key in licenses for text in licenses[key] or ("",)]
        return strictest(texts)


def make_plan(
    options: GrowthOptions,
    dataset: DatasetFiles,
    rows_at: Callable[[str], Counted],
    base: GrowthBase,
    *,
    name: str,
) -> GrowthPlan:
    """Reads validation photos and the columns of the rows that are no images, and chooses rows.

    Args:
        options: What to do.
        dataset: The dataset.
        rows_at: Gives the rows of a commit.
        base: The checkpoint to start from.
        name: What to call the dataset, also in public.

    Raises:
        RecordError: It is not a dataset of corrections, has no rows, or has other classes.
        DataError: The validation photos can't be used.
        RemoteError: The Hub refuses or can't be asked.
    """
    schema = base.config.labels
    commit = dataset.head()
    card = (dataset.read(layout.CARD, revision=commit) or b"").decode("utf-8", "replace")
    read_block(card, source=name)
    limits = RowLimits(
        schema=schema,
        trained=frozenset(key for each in base.growths for key in each.rows),
        taken_down=taken_down_in(dataset.paths(revision=commit)),
        validation=validation_hashes(options.val, schema, options.classes),
        license=license_of(base.config),
        shared=bool(options.publish),
    )
    return GrowthPlan(
        options=options.identity(),
        dataset=name,
        commit=commit if dataset.id else "",
        base=base.digest,
        base_commit=base.commit,
        created_at=datetime.now(UTC).replace(microsecond=0).isoformat(),
        validation=len(limits.validation),
        selection=select(rows_at(commit).columns(COLUMNS), limits),
    )
