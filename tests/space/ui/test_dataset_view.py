"""The Dataset view counts what is there, wherever it is, for few requests."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from annotate.correction import Consent, Correction, ModelUsed
from annotate.dataset.proposals import ConsentedRow, HubStore
from annotate.dataset.releases import Release, record_release
from annotate.outbox.queue import Outbox
from annotate.outbox.sender import Sender
from annotate.rows.record import to_parquet
from segface_hf.labels import CELEBAMASK_HQ
from space.state.saving import HubCorrections, anonymous
from space.ui.dataset import overview
from tests.space.conftest import noise, painted_face

REPO = "owner/faces"


def drawn(seed):
    mask = painted_face()
    return Correction(
        image=np.asarray(noise(64, 64, seed=seed)),
        mask=mask,
        prediction=np.zeros_like(mask),
        schema=CELEBAMASK_HQ,
        model=ModelUsed("embedded"),
        contributor="ada",
        consent=Consent(right="own", people="agreed"),
    )


@pytest.fixture
def dataset(hub):
    store = HubStore(REPO, token=hub.token("owner"))
    store.create(CELEBAMASK_HQ)
    return store


@pytest.fixture
def on_the_hub(services, tmp_path):
    outbox = Outbox(tmp_path / "outbox")
    settings = replace(services.settings, dataset=REPO)
    return replace(
        services, settings=settings, corrections=HubCorrections(outbox, Sender(outbox, REPO))
    )


def put(store, *seeds):
    store.commit([ConsentedRow(to_parquet(drawn(seed))) for seed in seeds])


def test_a_folder_is_counted(services):
    assert "No corrections yet" in overview(services)
    services.corrections.save(drawn(1), who=anonymous())
    assert "1 correction of 1 photo" in overview(services)


def test_a_photo_that_was_corrected_twice_counts_once_in_each_class(services):
    first = drawn(1)
    hatted = first.mask.copy()
    hatted[:4] = 16
    for correction in (first, replace(first, mask=hatted), drawn(2)):
        services.corrections.save(correction, who=anonymous())
    shown = overview(services)
    assert "3 corrections of 2 photos" in shown
    rows = {
        name: row
        for row in shown.split("<tr>")
        for name in ("earring", "hat")
        if row.startswith(f"<td>{name}")
    }
    pixels = 3 * int((painted_face() == 17).sum())
    assert "</td><td>2</td>" in rows["earring"]
    assert "width:100%" in rows["earring"]
    assert f"<td>{pixels:,}</td>" in rows["earring"]
    assert "</td><td>1</td>" in rows["hat"]
    assert "width:50%" in rows["hat"]
    assert "<th>Pixels in all corrections</th>" in shown


def test_the_growth_of_rare_classes_is_shown_by_week(services):
    for seed, month in ((1, 1), (2, 5), (3, 5)):
        when = datetime(2026, month, 4, 12, tzinfo=UTC)
        services.corrections.save(replace(drawn(seed), created_at=when), who=anonymous())
    shown = overview(services)
    assert "<b>earring</b> 3 rows, 2 since 13 Apr 2026" in shown
    assert "<b>hat</b> 0 rows, 0 since 13 Apr 2026" in shown
    assert shown.count("<figure>") == len(CELEBAMASK_HQ.tail)


GATE = {
    "verdict": "rejected", "sentence": "rejected: hat fell by 0.100", "photos": 30,
    "candidate": {"name": "runs/<b>next</b>"}, "current": {"name": "embedded"},
    "changes": [
        {"name": "hat", "photos": 25, "difference": -0.1, "low": -0.2, "high": -0.05, "fell": True},
        {"name": "neck", "photos": 3, "difference": None, "low": None, "high": 0.1, "fell": False},
    ],
}  # fmt: skip


def test_the_last_gate_of_a_folder_is_shown_without_its_markup(services):
    services.corrections.save(drawn(1), who=anonymous())
    path = services.corrections.store.root / "gate.json"
    path.write_text(json.dumps(GATE))
    shown = overview(services)
    assert "<p>Rejected: hat fell by 0.100.</p>" in shown
    assert "<td>hat <small>fell</small></td><td>25</td><td>-0.100</td>" in shown
    assert "runs/&lt;b&gt;next&lt;/b&gt; against embedded, 30 photos" in shown
    for other in ("no json", "[1]", json.dumps({**GATE, "changes": [1]}), "[" * 100_000):
        path.write_text(other)
        assert "The last gate" not in overview(services)


def test_rows_that_no_checkpoint_was_trained_on_are_counted_by_rare_class(on_the_hub, dataset):
    put(dataset, 1, 2, 3)
    rows = (drawn(1).content_id,)
    release = Release("org/<b>faces", "v2", "sha256:0", "2026-05-04T12:00:00", rows)
    record_release(dataset.repo, release)
    shown = overview(on_the_hub)
    assert "org/&lt;b&gt;faces at v2 was trained on 1 row." in shown
    assert "<b>earring</b> 3 rows, 2 not trained on yet" in shown
    assert "<b>hat</b> 0 rows, 0 not trained on yet" in shown
    dataset.repo.commit({"releases/broken.json": b"{"}, title="A broken release")
    on_the_hub.corrections.row_index.update(dataset.repo)
    assert "3 corrections of 3 photos" in overview(on_the_hub)


def test_the_last_gate_of_a_dataset_on_the_hub_is_shown(on_the_hub, dataset):
    put(dataset, 1)
    dataset.repo.commit({"gate.json": json.dumps(GATE).encode()}, title="The gate")
    assert "Rejected: hat fell by 0.100." in overview(on_the_hub)


def test_the_dataset_on_the_hub_is_counted_by_class(on_the_hub, dataset):
    assert "No corrections yet" in overview(on_the_hub)
    put(dataset, 1, 2)
    on_the_hub.corrections.row_index.update(dataset.repo)
    shown = overview(on_the_hub)
    assert "2 corrections of 2 photos" in shown
    pixels = 2 * int((painted_face() == 17).sum())
    assert "earring <small>rare</small></td><td>2</td>" in shown
    assert f"<td>{pixels:,}</td>" in shown


def test_repeated_views_need_few_requests(on_the_hub, dataset, hub):
    put(dataset, 1, 2)
    hub.log.clear()
    for _ in range(50):
        overview(on_the_hub)
    assert len(hub.log) == 2 + 2 + 3  # the head and the list twice, each row, the report


def test_a_busy_hub_shows_the_numbers_counted_before(on_the_hub, dataset, hub):
    put(dataset, 1)
    on_the_hub.corrections.row_index.update(dataset.repo)
    hub.fail("/api/datasets/", 500)
    shown = overview(on_the_hub)
    assert "The numbers may be old: the Hub has trouble." in shown
    assert "1 correction of 1 photo" in shown


def test_a_missing_dataset_is_one_sentence(on_the_hub, hub):
    said = overview(on_the_hub)
    assert "the dataset owner/faces does not exist or is hidden from this account" in said
