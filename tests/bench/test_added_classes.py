"""What the benchmark of added classes counts, on pixels that can be checked by hand."""

import pytest
import torch

from bench.added_classes import Counts, line, new_ids, schema_without
from segface_hf.added_classes.methods import Row
from segface_hf.added_classes.pixels import Pixels
from segface_hf.labels import CELEBAMASK_HQ, IGNORED


def test_a_schema_without_a_class_keeps_all_others_and_the_class_comes_last():
    schema, ids = schema_without("hat"), new_ids("hat")
    assert schema.names == tuple(name for name in CELEBAMASK_HQ.names if name != "hat")
    assert schema.names[ids[CELEBAMASK_HQ.id_of("earring")]] == "earring"
    assert ids[CELEBAMASK_HQ.id_of("hat")] == 18
    assert ids[IGNORED] == IGNORED
    assert dict(schema.families)["accessory"] == (15, 16, 17)


def test_pixels_that_a_row_takes_are_counted_for_the_new_and_against_the_old_classes():
    maps = torch.tensor([[1.0], [0.0], [1.0], [0.0]])
    logits = torch.tensor([[0.0, 0.5]] * 4)
    labels = torch.tensor([2, 2, 1, 1], dtype=torch.uint8)
    part = Pixels(maps, logits, logits, labels, labels == 2, torch.full((4,), 0.25))
    before = Counts.of(None, [part])
    after = Counts.of(Row(torch.ones(1), torch.zeros(2), torch.zeros(())), [part])
    assert (before.iou, before.lost, before.f1) == (0, 1, pytest.approx(1))
    assert after.iou == pytest.approx(1 / 3)
    assert after.lost == pytest.approx(1 / 2)
    assert after.f1 == pytest.approx(2 / 3)
    shown = line([after, after], before.f1, {"class": "hat"})
    assert shown["IoU"] == "0.333 +- 0.000"
    assert shown["F1 of old classes"] == "-0.3333"
