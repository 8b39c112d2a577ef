"""The editor's Python side: bundle, value, answers to a save."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from annotate.label_maps import unpack_label_map
from segface_hf.errors import LabelError
from segface_hf.labels import CELEBAMASK_HQ, title
from space.web.bundle import MASK_EDITOR, bundle
from space.web.editor_component import FaceMaskEditor, accepted, refused
from space.web.editor_value import EditorValueError, editor_value
from tests.space.web.editor.synthetic import synthetic_face


def _value(folder: Path, **changes):
    face = synthetic_face(40, 30)
    path = folder / "face.png"
    face.image.save(path)
    maps = {"mask": face.mask, "prediction": face.prediction} | changes
    return editor_value(path, maps.pop("mask"), maps.pop("prediction"), CELEBAMASK_HQ, **maps)


def test_the_bundle_holds_every_module_once_and_no_import():
    script = bundle("editor", folder=MASK_EDITOR)
    for module in MASK_EDITOR.rglob("*.mjs"):
        if not module.stem.startswith("simulate"):
            assert script.count(f"modules.{module.stem} = (") == 1, module.stem
    assert not re.search(r"^(import|export)\b", script, re.MULTILINE)


def test_modules_that_import_each_other_are_refused(tmp_path):
    (tmp_path / "a.mjs").write_text("import { b } from './b.mjs';\nexport const a = 1;\n")
    (tmp_path / "b.mjs").write_text("import { a } from './a.mjs';\nexport const b = 1;\n")
    with pytest.raises(ValueError, match="a -> b -> a"):
        bundle("a", folder=tmp_path)


def test_an_export_that_the_bundle_cannot_read_is_refused(tmp_path):
    (tmp_path / "a.mjs").write_text("export default 3;\n")
    with pytest.raises(ValueError, match="can't read"):
        bundle("a", folder=tmp_path)


def test_the_script_never_writes_html_from_data():
    script = bundle("editor", folder=MASK_EDITOR)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", script)


def test_the_value_round_trips_masks_and_says_names_as_people_do(tmp_path):
    value = _value(tmp_path)
    ids = unpack_label_map(value["labels"], expected_size=(40, 30), num_classes=19)
    np.testing.assert_array_equal(ids, synthetic_face(40, 30).mask)
    spoken = [title(name) for name in CELEBAMASK_HQ.names]
    assert [entry["name"] for entry in value["classes"]] == spoken
    assert spoken[8:10] == ["left eye", "right eye"]
    assert value["pairs"] == [[4, 5], [6, 7], [8, 9]]
    assert value["tail"] == [15, 16, 17, 18]


def test_the_same_photo_and_prediction_have_the_same_id(tmp_path):
    first = _value(tmp_path)
    corrected = _value(tmp_path, mask=np.zeros((30, 40), np.uint8))
    other = _value(tmp_path, prediction=np.zeros((30, 40), np.uint8))
    assert first["id"] == corrected["id"] != other["id"]


def test_a_mask_with_an_unknown_id_is_refused(tmp_path):
    with pytest.raises(LabelError):
        _value(tmp_path, mask=np.full((30, 40), 19, np.uint8))


def test_maps_of_different_sizes_are_refused(tmp_path):
    with pytest.raises(EditorValueError, match="40 x 30, got 30 x 40"):
        _value(tmp_path, confidence=np.zeros((40, 30), np.uint8))


def test_a_photo_beyond_4096_pixels_is_refused(tmp_path):
    wide = np.zeros((2, 4097), np.uint8)
    with pytest.raises(EditorValueError, match="4097 x 2"):
        _value(tmp_path, mask=wide, prediction=wide)


def test_an_answer_names_the_save_it_answers():
    payload = {"token": "abc", "w": 1}
    assert accepted(payload, "Saved.")["ack"] == {"token": "abc", "ok": True, "message": "Saved."}
    assert refused(payload, "Full.")["ack"] == {"token": "abc", "ok": False, "message": "Full."}


def test_the_component_offers_the_saved_event():
    editor = FaceMaskEditor(render=False)
    assert callable(editor.saved)
    assert editor.api_info() == {"type": "object"}
