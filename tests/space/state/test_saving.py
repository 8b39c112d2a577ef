import inspect
from dataclasses import replace

import numpy as np
import pytest

from annotate.correction import Consent, Correction, ModelUsed
from annotate.dataset.card_updater import CardPace
from annotate.dataset.proposals import HubStore
from annotate.dataset.takedown import take_down
from annotate.errors import StoreError
from annotate.outbox.queue import Outbox
from annotate.outbox.sender import Sender
from segface_hf.labels import CELEBAMASK_HQ
from space.handlers import save
from space.handlers.services import build_services
from space.settings import Settings
from space.state.saving import (
    Contributor,
    FolderCorrections,
    HubCorrections,
    anonymous,
    resolve_contributor,
    secrets_of,
)
from space.ui import api
from tests.space.conftest import noise, painted_face


@pytest.fixture
def correction():
    mask = painted_face()
    image = np.asarray(noise(64, 64))
    return Correction(
        image=image,
        mask=mask,
        prediction=np.zeros_like(mask),
        schema=CELEBAMASK_HQ,
        model=ModelUsed("embedded"),
        consent=Consent(right="own", people="agreed"),
    )


@pytest.fixture
def corrections(tmp_path):
    outbox = Outbox(tmp_path / "outbox")
    return HubCorrections(outbox, Sender(outbox, "owner/faces"))


def test_a_folder_keeps_a_correction_once(tmp_path, correction):
    corrections = FolderCorrections(tmp_path / "rows", license="cc-by-4.0")
    who = anonymous()
    assert corrections.save(correction, who=who).created
    assert not corrections.save(correction, who=who).created
    assert corrections.state(correction.content_id, who=who) == "Saved here."


def test_the_card_of_a_folder_follows_what_is_saved_there(tmp_path, correction):
    pace = CardPace(soon=0.0, every=0.0)
    corrections, who = FolderCorrections(tmp_path, license="cc-by-4.0", pace=pace), anonymous()
    corrections.save(replace(correction, consent=None), who=who)
    assert corrections.card_updater.settled(timeout=20)
    assert b"\n1 contribution by 1" in (tmp_path / "README.md").read_bytes()
    assert b"<svg" in (tmp_path / "growth.svg").read_bytes()
    corrections.save(replace(correction, contributor="ada"), who=who)
    assert corrections.card_updater.settled(timeout=20)
    assert [
        row["contributor"] for row in corrections.card_updater.row_index.columns(["contributor"])
    ] == ["ada"]


def test_an_outbox_keeps_a_correction_once_and_says_where_it_is(corrections, correction):
    who = anonymous()
    assert corrections.save(correction, who=who).created
    assert not corrections.save(correction, who=who).created
    assert corrections.state(correction.content_id, who=who) == "Saved here."


def test_rows_without_an_account_share_one_limit(tmp_path, correction):
    outbox = Outbox(tmp_path / "outbox")
    corrections = HubCorrections(outbox, Sender(outbox, "owner/faces"), most_unclaimed=1)
    first, ada = anonymous(), Contributor("ada", "ada", "hf_ada")
    corrections.save(correction, who=first)
    other = replace(correction, mask=np.where(correction.mask == 17, 0, correction.mask))
    with pytest.raises(StoreError, match="1 corrections without an account wait here already"):
        corrections.save(other, who=anonymous())
    assert not corrections.save(correction, who=first).created
    assert corrections.save(other, who=ada).created


def test_consent_given_later_is_sent_from_the_outbox(hub, tmp_path, correction):
    HubStore("owner/faces", token=hub.token("owner")).create(CELEBAMASK_HQ)
    settings = Settings(dataset="owner/faces", contributions=tmp_path / "outbox")
    corrections, who = (
        build_services(settings).corrections,
        Contributor("ada", "ada", hub.token("ada")),
    )
    before = corrections.save(replace(correction, consent=None), who=who)
    assert (before.created, before.shareable) == (True, False)
    corrections.sender.step()
    message = corrections.state(correction.content_id, who=who)
    assert message == "Saved here: you have not agreed to share it."
    late = corrections.save(correction, who=who)
    assert (late.created, late.agreed, late.shareable) == (False, True, True)
    assert not corrections.save(replace(correction, consent=None), who=who).agreed
    corrections.sender.step()
    assert corrections.state(correction.content_id, who=who) == "Pull request #1 is open."


def test_a_similar_photo_of_any_contributor_is_reported(corrections, correction):
    other = replace(correction, mask=np.where(correction.mask == 17, 0, correction.mask))
    assert not corrections.save(correction, who=anonymous()).look_alike
    assert corrections.save(other, who=anonymous()).look_alike


def test_a_session_cannot_read_the_queue_of_another(corrections, correction):
    corrections.save(correction, who=anonymous())
    with pytest.raises(StoreError):
        corrections.state(correction.content_id, who=anonymous())
    assert anonymous().key != anonymous().key


def test_a_visit_keeps_its_secret_until_sign_in(hub):
    secret, _ = resolve_contributor(None, dataset="owner/faces")
    assert resolve_contributor(None, dataset="owner/faces", last=secret)[0] is secret
    ada, trouble = resolve_contributor(hub.token("ada"), dataset="owner/faces", last=secret)
    assert (ada.account, ada.key, trouble) == ("ada", "ada", "")
    assert resolve_contributor(None, dataset="owner/faces", last=ada)[0].account == ""


def test_rows_saved_before_sign_in_move_to_the_account(hub, tmp_path, correction):
    HubStore("owner/faces", token=hub.token("owner")).create(CELEBAMASK_HQ)
    settings = Settings(dataset="owner/faces", contributions=tmp_path / "outbox")
    corrections, before = build_services(settings).corrections, anonymous()
    corrections.save(correction, who=before)
    corrections.sender.step()
    ada, _ = resolve_contributor(hub.token("ada"), dataset="owner/faces", last=before)
    corrections.welcome(ada, secrets=[before.key])
    assert corrections.entries([before.key]) == ()
    assert corrections.outbox.queue("ada").load(correction.content_id).contributor == "ada"
    corrections.sender.step()
    assert [e.sentence for e in corrections.entries(["ada"])] == ["Pull request #1 is open."]
    assert hub.repos["dataset", "owner/faces"].discussions[1].author == "ada"


def test_after_a_restart_signing_in_is_enough(hub, tmp_path, correction):
    HubStore("owner/faces", token=hub.token("owner")).create(CELEBAMASK_HQ)
    settings = Settings(
        dataset="owner/faces", contributions=tmp_path / "outbox", space_id="owner/app", oauth=True
    )
    ada = Contributor("ada", "ada", hub.token("ada"))
    build_services(settings).corrections.save(correction, who=ada)
    restarted = build_services(settings).corrections
    restarted.sender.step()
    message = "Saved here and waiting to be sent: sign in again to send it."
    assert restarted.state(correction.content_id, who=ada) == message
    restarted.welcome(ada)
    restarted.sender.step()
    assert restarted.state(correction.content_id, who=ada) == "Pull request #1 is open."


@pytest.mark.parametrize(
    ("host", "remedy"),
    [("127.0.0.1", "run `hf auth login`, then restart"), ("0.0.0.0", "SEGFACE_HOST=127.0.0.1")],
)
def test_without_sign_in_waiting_rows_say_what_to_do_instead(tmp_path, correction, host, remedy):
    settings = Settings(dataset="owner/faces", contributions=tmp_path / "outbox", host=host)
    corrections, who = build_services(settings).corrections, anonymous()
    corrections.save(correction, who=who)
    corrections.sender.step()
    message = corrections.state(correction.content_id, who=who)
    assert remedy in message
    assert "sign in" not in message


@pytest.mark.parametrize("decision", ["merged", "rejected", "taken down"])
def test_a_photo_leaves_the_outbox_once_its_contribution_is_decided(
    hub, tmp_path, correction, decision
):
    owner = HubStore("owner/faces", token=hub.token("owner"))
    owner.create(CELEBAMASK_HQ)
    settings = Settings(dataset="owner/faces", contributions=tmp_path / "outbox")
    corrections, ada = (
        build_services(settings).corrections,
        Contributor("ada", "ada", hub.token("ada")),
    )
    corrections.save(correction, who=ada)
    if decision == "taken down":
        take_down(owner.repo, [correction.content_id])
    corrections.sender.step()
    if decision == "merged":
        owner.repo.merge(1)
    elif decision == "rejected":
        owner.repo.close(1, comment="No face.")
    corrections.sender.set_token("ada", ada.token)
    corrections.sender.step()
    assert list(tmp_path.rglob("*.parquet")) == []
    assert corrections.state(correction.content_id, who=ada).split()[0] in ("Merged", "Refused:")
    assert not corrections.save(correction, who=ada).created
    assert list(tmp_path.rglob("*.parquet")) == []


def test_an_interrupted_move_to_an_account_is_finished_by_the_next(corrections, correction):
    before, ada = anonymous(), Contributor("ada", "ada", "hf_ada")
    corrections.save(correction, who=before)
    corrections.outbox.queue("ada").put(replace(correction, contributor="ada"))
    corrections.welcome(ada, secrets=[before.key])
    assert corrections.entries([before.key]) == ()
    assert [entry.id for entry in corrections.entries(["ada"])] == [correction.content_id]


@pytest.mark.parametrize(
    "claimed",
    [
        "ada",
        ["ada"],
        ["session:../../ada"],
        [{"key": "ada"}],
        {"ada": 1},
        None,
        7,
        [["ada"]],
        ["session:" + "0" * 31],
        ["session:" + "0" * 33],
        ["session:" + "G" * 32],
    ],
)
def test_an_account_name_is_never_accepted_as_a_secret(claimed):
    assert secrets_of(claimed) == ()
    assert secrets_of([anonymous().key] * 30) != ()
    assert len(secrets_of([anonymous().key for _ in range(30)])) == 20


def test_an_account_is_looked_up_once_in_a_visit(hub):
    ada, _ = resolve_contributor(hub.token("ada"), dataset="owner/faces")
    asked = len(hub.requests())
    assert resolve_contributor(hub.token("ada"), dataset="owner/faces", last=ada)[0] is ada
    assert len(hub.requests()) == asked


def test_a_token_that_the_hub_refuses_does_not_stop_the_saving(hub, corrections, correction):
    who, trouble = resolve_contributor("hf_wrong", dataset="owner/faces")
    assert who.account == ""
    assert trouble
    assert corrections.save(correction, who=who).created
    ada = Contributor("ada", "ada", "hf_old")
    assert resolve_contributor("hf_wrong", dataset="owner/faces", last=ada)[0] is ada


def test_a_saved_contribution_becomes_a_pull_request(hub, tmp_path, correction):
    HubStore("owner/faces", token=hub.token("owner")).create(CELEBAMASK_HQ)
    settings = Settings(dataset="owner/faces", contributions=tmp_path / "outbox")
    corrections = build_services(settings).corrections
    who, _ = resolve_contributor(hub.token("ada"), dataset="owner/faces")
    corrections.save(correction, who=who)
    corrections.sender.step()
    assert corrections.state(correction.content_id, who=who) == "Pull request #1 is open."


def test_the_dataset_comes_from_the_settings_only():
    saved = inspect.signature(save.save_correction).parameters
    assert not {"dataset", "repo", "repo_id"} & set(saved)
    assert "settings.dataset" in inspect.getsource(api)


def test_a_contributors_token_never_shows_in_its_text():
    assert "hf_secret" not in repr(Contributor("ada", "ada", "hf_secret"))
