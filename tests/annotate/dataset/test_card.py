"""A card counts and declares; everything else in it is its maintainer's."""

from __future__ import annotations

import pytest
import yaml

from annotate.dataset.card import CardFacts, new_card, read_block, renewed_card
from annotate.dataset.folder import FolderStore
from annotate.dataset.proposals import ConsentedRow
from annotate.errors import RecordError
from annotate.rows.record import rows_to_parquet, to_parquet, to_row
from segface_hf.labels import CELEBAMASK_HQ
from tests.annotate.conftest import REPO

FEW = CardFacts(schema=CELEBAMASK_HQ, license="cc-by-4.0", rows=3, contributors=2)
MANY = CardFacts(schema=CELEBAMASK_HQ, license="cc-by-4.0", rows=40, contributors=7)
TERMS = "# what they agree to\nextra_gated_prompt: Do not identify people.\n"
CONTACT = "\n## Contact for withdrawal\n\n| who | where |\n|---|---|\n| us | we@example.org |\n"


def own(card):
    """Returns a card as a maintainer has changed it."""
    return card.replace("pretty_name:", f"{TERMS}pretty_name:", 1) + CONTACT


def renewed(card):
    return renewed_card(card, MANY, source="x")


def test_renewing_a_card_keeps_the_maintainers_terms_and_sections_exactly():
    card = renewed(own(new_card(FEW)))
    assert card == own(new_card(MANY))
    assert "40 contributions by 7 contributors." in card
    assert renewed(card) == card


def test_a_merge_keeps_the_maintainers_text_in_the_card(guest, owner, hub, say, drawn):
    card = own(hub.files("dataset", REPO)["README.md"].decode())
    owner.repo.commit({"README.md": card.encode()}, title="terms")
    number = guest.propose(ConsentedRow(to_parquet(drawn(1)))).number
    assert say("accept", "--repo", REPO, number)[0] == 0
    card = hub.files("dataset", REPO)["README.md"].decode()
    assert "1 contribution by 1 contributor." in card
    assert (TERMS in card, CONTACT in card) == (True, True)


def test_an_older_card_gets_section_marks_around_its_numbers():
    lines = own(new_card(FEW)).splitlines(keepends=True)
    earlier = "".join(line for line in lines if not line.startswith("<!-- counted"))
    assert renewed(earlier) == own(new_card(MANY))


@pytest.mark.parametrize("front", ["", "---\nlicense: mit\ntags: [mine]\n---\n"])
def test_a_foreign_readme_keeps_its_text_and_gets_what_is_missing(front):
    card = renewed(f"{front}# Our faces\n\n## Size\n\nHuge.\n")
    assert "# Our faces\n\n## Size\n\nHuge.\n\n<!-- counted" in card
    assert read_block(card, source="x")["schema"] == "celebamask_hq"
    metadata = yaml.safe_load(card.split("---\n")[1])
    assert metadata["license"] == "cc-by-4.0"
    assert metadata["tags"] == (["mine"] if front else ["face-parsing", "segface"])
    assert renewed(card) == card


def test_a_start_mark_without_an_end_mark_removes_no_text():
    card = own(new_card(FEW)).replace("<!-- counted: end -->", "")
    again = renewed(renewed(card))
    assert (CONTACT in again, again.count("40 contributions by")) == (True, 1)


def test_malformed_metadata_are_reported_and_not_changed():
    with pytest.raises(RecordError, match="the dataset card of x has malformed metadata"):
        renewed("---\na: [\n---\n# Faces\n")


def test_texts_of_rows_reach_neither_the_card_nor_the_terminal(say, drawn, tmp_path):
    store, evil = FolderStore(tmp_path), "\x1b[2J\n---\nlicense: mit\n---\n# Owned"
    row = {**to_row(drawn(1)), "contributor": evil, "licence": evil, "model": evil, "source": evil}
    data = rows_to_parquet([row])
    store.save_row(drawn(1).content_id, data, schema=CELEBAMASK_HQ)
    before = read_block(store.read("README.md").decode(), source="x")
    assert say("card", "--folder", tmp_path)[0] == 0
    card = store.read("README.md").decode()
    assert "Owned" not in card
    assert read_block(card, source="x") == before
    code, out, _ = say("stats", "--folder", tmp_path)
    assert (code, "\x1b" in out, "\\x1b[2J" in out) == (0, False, True)


@pytest.mark.parametrize(
    "metadata", ["a: " + "[" * 5000, "date: 2024-13-45", "a: &x [*x]\nb: {<<: 1}", "\x00"]
)
def test_metadata_that_crash_the_parser_count_as_malformed(metadata):
    with pytest.raises(RecordError, match=r"malformed metadata|not set up"):
        read_block(f"---\n{metadata}\n---\n", source="x")
