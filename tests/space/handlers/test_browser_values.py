import zlib
from base64 import b64decode
from dataclasses import replace
from datetime import UTC

import numpy as np

from annotate.dataset.stats import count
from segface_hf.faces import UNREADABLE
from segface_hf.labels import CELEBAMASK_HQ
from space.handlers.browser_values import NO_FACE, class_rows, photo_view, safe_colors, sentence
from space.handlers.parse import Request, parse_photo
from space.state.growth import DatasetGrowth
from space.ui.dataset import numbers
from tests.space.conftest import noise, painted_parser


def parse():
    return painted_parser().parse(noise(), confidence=True)


def test_rare_classes_come_first_and_the_rest_by_area():
    rows = class_rows(parse())
    tail = len(CELEBAMASK_HQ.tail)
    assert {row["name"] for row in rows[:tail]} == {"eyeglasses", "hat", "earring", "necklace"}
    assert rows[0]["name"] == "earring"
    areas = [row["area"] for row in rows[tail:]]
    assert areas == sorted(areas, reverse=True)
    assert sum(row["area"] for row in rows) == 96 * 80


def test_a_class_row_shows_confidence_if_the_class_is_present():
    rows = {row["name"]: row for row in class_rows(parse())}
    assert rows["skin"]["confidence"] == 94
    assert rows["hat"]["confidence"] is None
    unsure = {row["name"]: row for row in class_rows(replace(parse(), confidence=None))}
    assert unsure["skin"]["confidence"] is None


def test_the_sentence_counts_faces_and_names_accessories():
    found = parse()
    assert sentence(found) == "1 face, with earring."
    assert sentence(replace(found, faces=found.faces * 2)) == "2 faces, with earring."
    nothing = replace(found, faces=(), mask=np.zeros_like(found.mask))
    assert sentence(nothing) == NO_FACE
    # A saved row that is opened again has a mask, but not where its faces were found.
    assert sentence(replace(found, faces=())) == "A saved mask, with earring."
    speck = np.where(found.mask == 17, 0, found.mask).astype(np.uint8)
    speck = np.kron(speck, np.ones((4, 4), np.uint8))
    speck[0, 0] = 18
    large = replace(found, mask=speck, confidence=None, runner_up=None)
    assert sentence(large) == "1 face, no accessories seen."
    bare = np.where(found.mask == 17, 0, found.mask).astype(np.uint8)
    assert sentence(replace(found, mask=bare)) == "1 face, no accessories seen."


def test_the_sentence_says_which_faces_are_unreadable_and_names_no_unsure_accessory():
    found = parse()
    (face,) = found.faces
    blurred = replace(face, problem=UNREADABLE)
    assert sentence(replace(found, faces=(blurred,))) == (
        "1 face, too blurred or small to parse well."
    )
    assert sentence(replace(found, faces=(face, blurred))) == (
        "2 faces, with earring. 1 face is too blurred or small to parse well."
    )
    unsure = np.where(found.mask == 17, np.uint8(100), found.confidence)
    assert sentence(replace(found, confidence=unsure)) == "1 face, no accessories seen."


def test_the_browser_gets_the_exact_label_map(services, photo_file):
    photo = parse_photo(services, photo_file(), request=Request("v", "embedded")).photo
    view = photo_view(photo)
    raw = zlib.decompress(b64decode(view["labels"]["z"]))
    assert raw == photo.parse.mask.tobytes()
    assert (view["w"], view["h"]) == (96, 80)
    assert "photo.png" not in str({k: v for k, v in view.items() if k != "labels"})


def test_the_color_blind_palette_has_a_color_of_its_own_for_every_class():
    colors = safe_colors(19)
    assert len(set(colors)) == 19
    assert colors[0] == (0, 0, 0)


def test_the_dataset_view_escapes_markup_and_counts_classes():
    from datetime import datetime

    row = {
        "content_id": "a", "schema": "celebamask_hq", "schema_version": "1",
        "areas_after": [5] * 17 + [0, 3], "changed_pixels": 7, "seconds": 130.0,
        "contributor": "<b>", "created_at": datetime(2026, 1, 5, tzinfo=UTC),
        "photo_id": "p", "licence": "cc-by-4.0", "model": "embedded",
    }  # fmt: skip
    text = numbers(count([row]), {}, DatasetGrowth())
    assert "1 correction of 1 photo, 7 pixels corrected in 2 minutes" in text
    assert "<b>" not in text
    assert text.index("necklace") < text.index("skin")
