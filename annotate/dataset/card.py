"""The dataset card: metadata for `load_dataset`, and counts and instructions for readers."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from annotate.dataset import layout
from annotate.errors import RecordError
from annotate.rows.record import RECORD_VERSION, features
from segface_hf._utils import counted
from segface_hf.labels import LabelSchema

BLOCK = "segface"
_BEGIN = "<!-- counted: generated section, edits up to the end mark are overwritten -->"
_OLD_BEGIN = "<!-- counted: what stands from here to the end mark is written anew -->"
_END = "<!-- counted: end -->"
_FRONT = re.compile(r"---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
_MARKED = re.compile(
    f"(?:{re.escape(_BEGIN)}|{re.escape(_OLD_BEGIN)})"
    f"(?:(?!{re.escape(_BEGIN)}|{re.escape(_OLD_BEGIN)}).)*?{re.escape(_END)}",
    re.DOTALL,
)
# The section as versions without markers wrote it.
_EARLIER = re.compile(
    r"^## Size\n\n(?:No contribution has|[\d,]+ contributions? by).*?"
    r"^## Classes\n\nLabel schema `[^\n]*\n\n\|[^\n]*\|(?:\n\|[^\n]*\|)*",
    re.DOTALL | re.MULTILINE,
)
_DECLARED = {"record_version", "schema", "schema_version", "licence", "title"}


@dataclass(frozen=True)
class CardFacts:
    """What a card declares and counts.

    Attributes:
        schema: The label schema of every row.
        license: License of the contributions.
        title: Heading of the page.
        rows: Number of contributions.
        contributors: Number of accounts behind them.
        images_by_class: In how many corrected masks each class is, by id.
        pixels_by_class: Pixels of each class in the corrected masks, by id.
    """

    schema: LabelSchema
    license: str
    title: str = "Face part corrections"
    rows: int = 0
    contributors: int = 0
    images_by_class: tuple[int, ...] = field(default=())
    pixels_by_class: tuple[int, ...] = field(default=())


def new_card(facts: CardFacts, *, repo_id: str = "") -> str:
    """Returns the README of a new dataset of contributions."""
    about = f"# {facts.title}\n\n{_about(repo_id)}"
    body = f"{about}\n\n{_counted(facts)}\n\n{_rights(facts)}"
    return f"{_front({**_first(facts), **_declared(facts)})}\n{body}\n"


def renewed_card(card: str, facts: CardFacts, *, source: str) -> str:
    """Returns a card with its metadata and counts updated, and everything else unchanged.

    A maintainer may add anything to it: access terms, a contact, sections. Metadata that declare
    the right values already are not changed. In the text only the section between two markers is
    replaced; a card without markers gets them.

    Args:
        card: The README as it is.
        facts: What to declare and count.
        source: What to call it in errors.

    Raises:
        RecordError: Its metadata are malformed.
    """
    front, body = _split(card)
    held = _metadata(front, source=source)
    declared = {**_first(facts), **held, **_declared(facts)}
    if not front or declared != held:
        front, body = _front(declared), body if front else f"\n{body}"
    numbers = _counted(facts)
    for pattern in (_MARKED, _EARLIER):
        renewed, times = pattern.subn(lambda found: numbers, body, count=1)
        if times:
            return front + renewed
    return f"{front}{body.rstrip()}\n\n{numbers}\n"


def set_up_card(card: str, facts: CardFacts, *, source: str) -> str:
    """Returns a card that declares rows: unchanged where it does already.

    Raises:
        RecordError: It names another license, or its metadata are malformed.
    """
    held = _metadata(_split(card)[0], source=source)
    if BLOCK in held:
        return card
    named = held.get("license", facts.license)
    if named != facts.license:
        raise RecordError(
            f"the README of {source} says 'license: {named}', and contributions would be under "
            f"{facts.license}: name that license, or change the README first"
        )
    return renewed_card(card, facts, source=source)


def _first(facts: CardFacts) -> dict[str, Any]:
    """Returns the metadata that a maintainer may change."""
    return {
        "license": facts.license,
        "pretty_name": facts.title,
        "task_categories": ["image-segmentation"],
        "tags": ["face-parsing", "segface"],
        "configs": [_config()],
    }


def _declared(facts: CardFacts) -> dict[str, Any]:
    """Returns the metadata that must match the rows."""
    return {
        "license": facts.license,
        # Counts by split would break the load with the next row, so there are none.
        "dataset_info": {"features": features()._to_yaml_list()},
        BLOCK: {
            "record_version": RECORD_VERSION,
            "schema": facts.schema.name,
            "schema_version": facts.schema.version,
            "licence": facts.license,
            "title": facts.title,
        },
    }


def _front(metadata: Mapping[str, Any]) -> str:
    return f"---\n{yaml.safe_dump(dict(metadata), sort_keys=False, allow_unicode=True)}---\n"


def _split(card: str) -> tuple[str, str]:
    """Returns the metadata of a card with their delimiters, and its text."""
    found = _FRONT.match(card)
    return (found[0], card[found.end() :]) if found else ("", card)


def _metadata(front: str, *, source: str) -> dict[str, Any]:
    found = _FRONT.match(front)
    try:
        held = yaml.safe_load(found[1]) if found else {}
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = "nested too deep" if isinstance(error, RecursionError) else str(error)
        raise RecordError(
            f"the dataset card of {source} has malformed metadata: {reason}"
        ) from error
    return held if isinstance(held, dict) else {}


def _counted(facts: CardFacts) -> str:
    return f"{_BEGIN}\n{_numbers(facts)}\n\n{_classes(facts)}\n{_END}"


def _config(**fields: str) -> dict[str, Any]:
    files = [{"split": "train", "path": f"{layout.ROWS}/**/*.parquet"}]
    return {"config_name": "default", "data_files": files, **fields}


def freshness() -> str:
    """Returns metadata that makes `load_dataset` read a folder again.

    For a folder whose card declares configs, `datasets` keys its cache by the folder's last name
    and the card, not by the files: without this, rows saved since the last load, or the rows of
    another folder of the same name, would not be loaded. On the Hub the key is the commit.
    """
    return yaml.safe_dump({"configs": [_config(description=uuid.uuid4().hex)]})


def read_block(card: str, *, source: str) -> Mapping[str, Any]:
    """Returns what a card declares: record version, schema and its version, license, title.

    Raises:
        RecordError: The card has no such block.
    """
    block = _metadata(_split(card)[0], source=source).get(BLOCK)
    if not isinstance(block, dict) or not block.keys() >= _DECLARED:
        raise RecordError(
            f"{source} is not set up for contributions: its maintainer runs "
            "`python -m annotate init` once"
        )
    return block


def check_block(block: Mapping[str, Any], schema_name: str, *, version: str, source: str) -> None:
    """Checks that rows of one label schema fit a dataset.

    Raises:
        RecordError: Another record version, or other labels.
    """
    if block["record_version"] != RECORD_VERSION:
        raise RecordError(
            f"{source} holds rows of version {block['record_version']}, this app writes "
            f"{RECORD_VERSION}: update whichever is older"
        )
    wanted = (block["schema"], block["schema_version"])
    if wanted != (schema_name, version):
        raise RecordError(
            f"{source} holds '{wanted[0]}' labels of version {wanted[1]}, this contribution has "
            f"'{schema_name}' labels of version {version}: it belongs in another dataset"
        )


def other_license(block: Mapping[str, Any], license: str) -> str:
    """Returns why a row's license contradicts the card, or ""."""
    promised = str(block["licence"])
    if license == promised:
        return ""
    return (
        f"its license is {license!r:.60}, but the card promises {promised} for every contribution"
    )


def _about(repo_id: str) -> str:
    name = repo_id or "path/to/this/folder"
    return (
        "Photos of faces with a mask of parts that a person has corrected, beside what the model "
        "had predicted.\n\n```python\nfrom datasets import load_dataset\n\n"
        f'rows = load_dataset("{name}", split="train")\n'
        'rows[0]["image"], rows[0]["mask"], rows[0]["prediction"]  # RGB, and class ids in mode L\n'
        f"```\n\nTrain from it with `segface train --dataset {name} --out runs/next`."
    )


def _numbers(facts: CardFacts) -> str:
    if not facts.rows:
        return "## Size\n\nNo contribution has been counted yet."
    return (
        f"## Size\n\n{counted(facts.rows, 'contribution')} by "
        f"{counted(facts.contributors, 'contributor')}.\n\n"
        f"![contributions over time]({layout.GROWTH})"
    )


def _classes(facts: CardFacts) -> str:
    lines = [
        f"## Classes\n\nLabel schema `{facts.schema.name}`; left and right are the subject's.\n",
        "| id | class | color | images | pixels |",
        "|---:|---|---|---:|---:|",
    ]
    images = facts.images_by_class or (0,) * facts.schema.num_classes
    pixels = facts.pixels_by_class or (0,) * facts.schema.num_classes
    for index, (name, color) in enumerate(
        zip(facts.schema.names, facts.schema.colors, strict=True)
    ):
        code = "#{:02x}{:02x}{:02x}".format(*color)
        lines.append(f"| {index} | {name} | `{code}` | {images[index]} | {pixels[index]} |")
    return "\n".join(lines)


def _rights(facts: CardFacts) -> str:
    return (
        f"## License\n\nContributions are under `{facts.license}`. Each row names why its photo "
        "may be shared (`consent_right`, `consent_people`, `photo_licence`) and where it comes "
        "from.\n\n## Contribute\n\nOpen the app, correct a mask, agree to share it and "
        "press Save: a pull request opens here under your own name. To have a contribution "
        "removed, open a discussion that names its `content_id`."
    )
