"""`init` sets up what is missing and says what is there, not what was asked for."""

from __future__ import annotations

import pytest

from annotate.dataset.proposals import HubStore
from tests.annotate.conftest import REPO


@pytest.fixture
def web(hub, owner):
    """A dataset with a README that was written on its page."""
    hub.create("dataset", "owner/web")
    store = HubStore("owner/web", token="hf_owner")
    store.repo.commit({"README.md": b"---\nlicense: mit\n---\n# Ours\n"}, title="x")
    return store


def test_init_prints_the_state_of_a_dataset_that_was_set_up_before(say, owner, hub):
    before = hub.files("dataset", REPO)
    asked = ("--schema", "lapa", "--license", "cc0-1.0", "--private")
    code, out, complaint = say("init", "--repo", REPO, *asked)
    assert out == (
        "owner/faces takes contributions of 'celebamask_hq' masks under cc-by-4.0, and is public.\n"
    )
    assert (code, "without --schema lapa, --license cc0-1.0, --private:" in complaint) == (1, True)
    assert say("init", "--repo", REPO)[0] == 0
    assert hub.files("dataset", REPO) == before


def test_init_says_that_a_new_dataset_is_private(say):
    code, out, _ = say("init", "--repo", "owner/new", "--private", "--license", "cc0-1.0")
    assert (code, out.endswith("masks under cc0-1.0, and is private.\n")) == (0, True)


def test_an_existing_readme_gets_the_missing_metadata(say, web, hub):
    assert say("init", "--repo", "owner/web", "--license", "mit")[0] == 0
    assert web.block["licence"] == "mit"
    assert b"\n# Ours\n" in hub.files("dataset", "owner/web")["README.md"]


def test_a_readme_under_another_license_is_not_changed(say, web, hub):
    before = hub.files("dataset", "owner/web")
    code, _, complaint = say("init", "--repo", "owner/web")
    assert (code, "says 'license: mit', and contributions would be under" in complaint) == (2, True)
    assert hub.files("dataset", "owner/web") == before
