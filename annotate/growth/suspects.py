"""Rows of a dataset whose masks are probably wrong, by what a model sees in their photos."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from annotate.correction import Correction
from annotate.errors import RecordError
from segface_hf.evaluation.suspects import SUSPECT, Suspicion, suspicion_score, suspicions
from segface_hf.faces import FaceParse
from segface_hf.parser import FaceParser


@dataclass(frozen=True)
class JudgedRow:
    """One row, judged.

    Attributes:
        content_id: The row.
        found: What is odd in its mask, the surest first.
    """

    content_id: str
    found: tuple[Suspicion, ...]

    @property
    def score(self) -> float:
        """The highest score, 0 where nothing is odd."""
        return suspicion_score(self.found)

    @property
    def is_suspect(self) -> bool:
        """Whether the model contradicts the mask so strongly that it is probably wrong."""
        return self.score >= SUSPECT

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values."""
        return {
            "content_id": self.content_id,
            "score": round(self.score, 3),
            "suspect": self.is_suspect,
            "found": [asdict(each) for each in self.found],
        }


def judge_rows(corrections: Iterable[Correction], parser: FaceParser) -> Iterator[JudgedRow]:
    """Parses the photo of every row and compares its mask with the parse.

    Args:
        corrections: The rows; they are read one by one.
        parser: Of a model with the same classes; better one that was not trained on these rows.

    Raises:
        RecordError: The rows have other classes than the model.
    """
    for correction in corrections:
        if correction.schema != parser.schema:
            raise RecordError(
                f"the rows have '{correction.schema.name}' classes and the model has "
                f"'{parser.schema.name}' classes: name a model of the same classes with --model"
            )
        yield judge(correction, parser.parse(correction.image, confidence=True))


def judge(correction: Correction, parse: FaceParse) -> JudgedRow:
    """Compares the mask of a row with a parse of its photo that has a confidence."""
    assert parse.confidence is not None
    found = suspicions(correction.mask, parse.mask, parse.confidence, correction.schema)
    return JudgedRow(correction.content_id, found)


def worst_first(rows: Iterable[JudgedRow]) -> list[JudgedRow]:
    """Returns rows by score, highest first; equal ones by id."""
    return sorted(rows, key=lambda row: (-row.score, row.content_id))
