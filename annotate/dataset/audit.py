"""Audit of a dataset: every row is checked as untrusted input."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from annotate.dataset import layout
from annotate.dataset.base import DatasetFiles
from annotate.dataset.card import check_block, other_license, read_block
from annotate.dataset.ranged import rows_in
from annotate.errors import ConsentError, CorrectionError, RecordError
from annotate.rows.checks import Finding, check
from annotate.rows.record import from_row
from segface_hf.errors import LabelError


@dataclass(frozen=True)
class AuditFinding:
    """One thing that an audit found.

    Attributes:
        path: The file.
        content_id: The row; empty where it is about the file as a whole.
        check: Name of the check, as in `checks.Finding`; empty where the row is invalid.
        sentence: What is wrong, or unusual.
    """

    path: str
    content_id: str
    check: str
    sentence: str


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    Attributes:
        files: Files that were read.
        rows: Rows in them.
        wrong: What must be repaired, because it breaks readers or counts.
        odd: What a person should look at, because it is unusual.
    """

    files: int
    rows: int
    wrong: tuple[AuditFinding, ...]
    odd: tuple[AuditFinding, ...]

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON values."""
        lists = {"wrong": self.wrong, "odd": self.odd}
        return {
            "files": self.files,
            "rows": self.rows,
            **{name: [vars(found) for found in each] for name, each in lists.items()},
        }


def audit(dataset: DatasetFiles, *, shared: bool = True) -> Audit:
    """Reads every row of a dataset and changes nothing.

    Args:
        dataset: The dataset; of one on the Hub every file is fetched, so a local copy is better.
        shared: Whether others may read it, so that every row needs consent.

    Raises:
        RecordError: Its card is not that of a dataset of corrections.
        RemoteError: The Hub can't be asked.
    """
    head = dataset.head()
    present = set(dataset.paths(revision=head))
    block = read_block(
        (dataset.read(layout.CARD, revision=head) or b"").decode("utf-8", "replace"),
        source=dataset.id or "the folder",
    )
    held: dict[str, str] = {}  # by content id, the file that has the row
    files = rows = 0
    wrong: list[AuditFinding] = []
    odd: list[AuditFinding] = []
    for path in sorted(p for p in present if p.startswith("data/") and p.endswith(".parquet")):
        files += 1
        try:
            for row in rows_in(dataset, path, revision=head):
                rows += 1
                content_id = str(row["content_id"])
                wrong += _of_place(path, content_id, held=held, present=present)
                for finding in _of_row(row, block, shared=shared):
                    kind = odd if finding.check else wrong
                    kind.append(AuditFinding(path, content_id, finding.check, finding.sentence))
                held.setdefault(content_id, path)
        except RecordError as error:
            wrong.append(AuditFinding(path, "", "", str(error)))
    wrong += _of_indexes(dataset, held, revision=head, present=present)
    return Audit(files, rows, tuple(wrong), tuple(odd))


def _of_row(row: dict[str, Any], block: Any, *, shared: bool) -> Iterator[Finding]:
    """Yields why a row is invalid, under no check's name, or what the automatic checks notice."""
    try:
        correction = from_row(row)
        check_block(block, row["schema"], version=row["schema_version"], source="the card")
    except (RecordError, CorrectionError, ConsentError, LabelError) as error:
        yield Finding("", str(error))
        return
    if correction.consent is None:
        if shared:
            yield Finding("", "it has no consent, so it may not be shared: take it down")
    elif wrong := other_license(block, correction.consent.license):
        yield Finding("", wrong)
    yield from check(correction)


def _of_place(
    path: str, content_id: str, *, held: dict[str, str], present: Collection[str]
) -> Iterator[AuditFinding]:
    """Yields what is wrong with the file that a row is in."""
    if layout.tombstone_path(content_id) in present:
        sentence = "it was taken down but is still in the dataset: take it down again"
        yield AuditFinding(path, content_id, "", sentence)
    if other := held.get(content_id):
        sentence = f"it is also in {other} and counts twice: `compact` removes one of them"
        yield AuditFinding(path, content_id, "", sentence)
    if not path.startswith(f"{layout.MERGED}/") and layout.id_at(path) != content_id:
        sentence = "its file is not named by its id, so that it can't be found by its id"
        yield AuditFinding(path, content_id, "", sentence)


def _of_indexes(
    dataset: DatasetFiles, held: dict[str, str], *, revision: str, present: Collection[str]
) -> Iterator[AuditFinding]:
    """Yields the merged rows that no index lists; a retry would add them again."""
    listed: dict[str, set[str]] = {}
    for content_id, path in sorted(held.items()):
        if not path.startswith(f"{layout.MERGED}/") or not layout.is_content_id(content_id):
            continue
        index = layout.index_path(content_id)
        if index not in listed:
            text = dataset.read(index, revision=revision) if index in present else None
            listed[index] = set((text or b"").decode("utf-8", "replace").split())
        if content_id not in listed[index]:
            sentence = f"{index} doesn't list it, so that a retry would add it again"
            yield AuditFinding(path, content_id, "", sentence)
