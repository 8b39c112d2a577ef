from dataclasses import replace

import numpy as np
import pytest
from datasets import load_dataset

from annotate.dataset.folder import FolderStore
from annotate.errors import ConsentError, WireError
from space.errors import PhotoGoneError, TooFastError
from space.handlers.parse import Request, parse_photo
from space.handlers.save import ConsentForm, save_correction
from space.state.rate_limits import RateLimit
from tests.space.conftest import CONSENT, WHO, noise, payload_of


@pytest.fixture
def opened(services, photo_file):
    """A photo that is open for correction."""
    return parse_photo(services, photo_file(noise()), request=Request("visitor", "embedded")).photo


def corrected(photo):
    mask = photo.parse.mask.copy()
    mask[:4, :6] = 16
    return mask


def rows(services):
    folder = services.settings.contributions
    return sorted(folder.rglob("*.parquet")) if folder.exists() else []


def test_a_saved_correction_is_a_row_that_load_dataset_reads_back(services, opened, tmp_path):
    mask = corrected(opened)
    result = save_correction(services, payload_of(opened.key, mask), form=CONSENT, who=WHO)
    assert result.row.created
    assert result.changed == {"hat": 24}
    assert "24 pixels corrected" in result.sentence
    data = load_dataset(
        str(services.settings.contributions), split="train", cache_dir=str(tmp_path / "hf")
    )
    assert len(data) == 1
    assert np.array_equal(np.asarray(data[0]["mask"]), mask)
    assert np.array_equal(np.asarray(data[0]["prediction"]), opened.parse.mask)
    assert np.array_equal(np.asarray(data[0]["image"]), np.asarray(opened.image))


def test_saving_too_fast_says_when_to_try_again_and_saves_nothing(with_settings, opened):
    services, asked = with_settings(saves_per_minute=2), Request("visitor", "", address="8.8.8.8")
    for number in range(2):
        mask = corrected(opened)
        mask[0, number] = 3
        payload = payload_of(opened.key, mask)
        save_correction(services, payload, form=CONSENT, who=WHO, asked=asked)
    payload = payload_of(opened.key, corrected(opened))
    with pytest.raises(TooFastError, match="At most 2 saves a minute for each visitor: try again"):
        save_correction(services, payload, form=CONSENT, who=WHO, asked=asked)
    assert len(rows(services)) == 2
    services.limit.spend("visitor", "8.8.8.8")  # saves are counted apart from parses


def test_a_photo_every_few_seconds_is_within_the_limit(services):
    now = [0.0]
    limit = RateLimit(
        services.settings.saves_per_minute,
        per_address=services.settings.saves_per_address,
        clock=lambda: now[0],
    )
    for _ in range(300):
        limit.spend("annotator", "8.8.8.8")
        now[0] += 2.0


def test_saving_twice_gives_one_row(services, opened):
    payload = payload_of(opened.key, corrected(opened))
    first = save_correction(services, payload, form=CONSENT, who=WHO)
    second = save_correction(services, payload, form=CONSENT, who=WHO)
    assert second.row.id == first.row.id
    assert not second.row.created
    assert len(rows(services)) == 1


@pytest.mark.parametrize(
    ("form", "message"),
    [
        (ConsentForm(), "Why may this photo be shared"),
        (ConsentForm(right="own"), "Who is in it"),
        (ConsentForm(right="own", people="agreed"), "CC-BY-4.0"),
        (ConsentForm(right="licensed", people="public", agrees=True), "name the license"),
        (ConsentForm(right="stolen", people="public", agrees=True), "why you may share"),
    ],
)
def test_without_full_consent_nothing_is_saved_to_be_shared(with_settings, opened, form, message):
    services = with_settings(dataset="owner/faces")
    with pytest.raises(ConsentError, match=message):
        save_correction(services, payload_of(opened.key, corrected(opened)), form=form, who=WHO)
    assert rows(services) == []


def test_on_a_space_nothing_is_saved_without_consent(with_settings, opened):
    services = with_settings(space_id="owner/demo")
    with pytest.raises(ConsentError, match="Why may this photo be shared"):
        save_correction(
            services, payload_of(opened.key, corrected(opened)), form=ConsentForm(), who=WHO
        )
    assert rows(services) == []


def test_on_a_private_machine_a_row_without_consent_is_saved_with_a_notice(services, opened):
    payload = payload_of(opened.key, corrected(opened))
    result = save_correction(services, payload, form=ConsentForm(), who=WHO)
    assert result.sentence.endswith("It is on this machine only, and not shared.")
    assert FolderStore(services.settings.contributions).load(result.row.id).consent is None


def test_consent_given_later_is_taken_up_and_never_dropped_silently(services, opened):
    payload = payload_of(opened.key, corrected(opened))
    first = save_correction(services, payload, form=ConsentForm(), who=WHO)
    late = save_correction(services, payload, form=CONSENT, who=WHO)
    assert "now with your consent" in late.sentence
    store = FolderStore(services.settings.contributions)
    assert store.load(first.row.id).consent is not None
    again = save_correction(services, payload, form=ConsentForm(), who=WHO)
    assert "The consent that was given for it stays" in again.sentence
    assert store.load(first.row.id).consent is not None
    assert len(rows(services)) == 1


def test_an_already_contributed_photo_is_reported(services, opened):
    first = save_correction(
        services, payload_of(opened.key, corrected(opened)), form=CONSENT, who=WHO
    )
    other = corrected(opened)
    other[10:12, :6] = 16
    second = save_correction(services, payload_of(opened.key, other), form=CONSENT, who=WHO)
    message = "Another contribution has a photo that looks like this one."
    assert message not in first.sentence
    assert second.sentence.endswith(message)


@pytest.mark.parametrize(("right", "recorded"), [("licensed", "CC BY 2.0"), ("own", "")])
def test_a_photos_license_is_recorded_only_where_it_is_why_the_photo_may_be_shared(
    services, opened, right, recorded
):
    form = replace(CONSENT, right=right, photo_license="CC BY 2.0")
    result = save_correction(
        services, payload_of(opened.key, corrected(opened)), form=form, who=WHO
    )
    saved = FolderStore(services.settings.contributions).load(result.row.id)
    assert saved.consent.photo_license == recorded


@pytest.mark.parametrize("claim", ["true", "false", "no", "0", 1, [0], {}, float("nan")], ids=repr)
def test_only_true_is_an_agreement(claim):
    with pytest.raises(ConsentError, match="'agrees' must be true or false"):
        ConsentForm.claimed("own", "agreed", "", claim, "")


def test_a_form_of_other_types_than_text_is_refused_and_null_is_empty():
    assert ConsentForm.claimed(None, None, None, None, None) == ConsentForm()
    assert ConsentForm.claimed("own", "agreed", "", True, "").agrees
    for place in range(4):
        for value in (1, ["own"], {"own": 1}, "\ud800"):
            given = ["own", "agreed", "", True, ""]
            given[place if place < 3 else 4] = value
            with pytest.raises(ConsentError, match="must be text"):
                ConsentForm.claimed(*given)


@pytest.mark.parametrize("payload", [None, "x", [], 7], ids=repr)
def test_a_save_that_is_not_an_object_is_refused_with_a_typed_error(services, payload):
    with pytest.raises(WireError, match="JSON object"):
        save_correction(services, payload, form=CONSENT, who=WHO)


def test_a_claim_of_effort_that_is_a_bool_is_left_out_of_the_row(services, opened):
    claims = {"tools": {"brush": True, "lasso": 2}, "seconds": True}
    payload = payload_of(opened.key, corrected(opened), **claims)
    result = save_correction(services, payload, form=CONSENT, who=WHO)
    effort = FolderStore(services.settings.contributions).load(result.row.id).effort
    assert (effort.seconds, effort.tools) == (0.0, (("lasso", 2),))


def test_with_incomplete_consent_a_row_is_saved_locally_and_the_next_statement_is_named(
    services, opened
):
    payload = payload_of(opened.key, corrected(opened))
    result = save_correction(services, payload, form=ConsentForm(right="own"), who=WHO)
    assert FolderStore(services.settings.contributions).load(result.row.id).consent is None
    assert 'To share it, answer "Who is in it?" below, then save again.' in result.sentence
    shared = save_correction(services, payload, form=CONSENT, who=WHO)
    assert "so it may be shared" in shared.sentence


@pytest.mark.parametrize(
    "damage",
    [{"w": 95}, {"crc": 1}, {"z": "!!!"}, {"z": ""}, {"h": "80"}, {"w": 10**9, "h": 10**9}],
)
def test_a_damaged_map_is_refused_and_nothing_is_saved(services, opened, damage):
    payload = {**payload_of(opened.key, corrected(opened)), **damage}
    with pytest.raises(WireError):
        save_correction(services, payload, form=CONSENT, who=WHO)
    assert rows(services) == []


def test_an_unknown_class_is_refused(services, opened):
    with pytest.raises(WireError, match="id 200"):
        save_correction(
            services,
            payload_of(opened.key, np.full_like(opened.parse.mask, 200)),
            form=CONSENT,
            who=WHO,
        )


@pytest.mark.parametrize("key", ["", "0" * 32, "../../etc/passwd", None, 7, {"a": 1}])
def test_a_photo_that_is_not_open_is_reported_as_gone(services, opened, key):
    with pytest.raises(PhotoGoneError, match="no longer open here"):
        save_correction(services, payload_of(key, corrected(opened)), form=CONSENT, who=WHO)
    assert rows(services) == []
