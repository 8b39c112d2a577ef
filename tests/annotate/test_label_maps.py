"""Label-map operations on literal arrays, and a wire format that believes nothing."""

from __future__ import annotations

import base64
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from annotate import label_maps
from annotate.errors import WireError

MAP = np.array([[0, 1, 1], [2, 2, 1]], np.uint8)
LABEL_MAPS = hnp.arrays(
    np.uint8, hnp.array_shapes(min_dims=2, max_dims=2), elements=st.integers(0, 18)
)


def unpack(payload, size=(3, 2), num_classes=19):
    return label_maps.unpack_label_map(payload, expected_size=size, num_classes=num_classes)


@given(LABEL_MAPS)
def test_a_packed_label_map_unpacks_exactly(mask):
    height, width = mask.shape
    assert np.array_equal(unpack(label_maps.pack_label_map(mask), (width, height)), mask)


@pytest.mark.parametrize(
    ("lie", "sentence"),
    [
        ({"w": 2, "h": 3}, "is 2 x 3 pixels, the photo is 3 x 2"),
        ({"w": True}, "'w' must be a whole number, got True"),
        ({"w": "3"}, "'w' must be a whole number"),
        ({"h": -2}, "'h' must be a whole number"),
        ({"crc": 1}, "damaged on its way"),
        ({"crc": None}, "'crc' must be a whole number, got None"),
        ({"z": None}, "must be text, got NoneType"),
        ({"z": "!!!"}, "can't be decoded"),
        ({"z": base64.b64encode(b"no zlib").decode()}, "can't be decoded"),
        ({"z": base64.b64encode(zlib.compress(b"12345")).decode()}, "holds 5 ids, expected 6"),
        ({"z": base64.b64encode(zlib.compress(b"123456")[:-2]).decode()}, "press Save again"),
        ({"z": base64.b64encode(zlib.compress(b"123456") + b"x").decode()}, "press Save again"),
        ({"z": "A" * 9000}, "9000 characters for 6 pixels: too many"),
    ],
)
def test_a_payload_with_a_wrong_field_is_refused_with_one_sentence(lie, sentence):
    with pytest.raises(WireError, match=sentence.replace("(", r"\(")):
        unpack({**label_maps.pack_label_map(MAP), **lie})


def test_a_decompression_bomb_is_never_unpacked():
    bomb = base64.b64encode(zlib.compress(bytes(10**6), 9)).decode()
    with pytest.raises(WireError, match="holds more than 6 ids, expected 6"):
        unpack({"w": 3, "h": 2, "z": bomb, "crc": 0})


def test_an_unknown_id_is_refused():
    with pytest.raises(WireError, match="holds id 2, classes go from 0 to 1"):
        unpack(label_maps.pack_label_map(MAP), num_classes=2)


def test_unknown_keys_of_the_payload_are_ignored():
    assert np.array_equal(unpack({**label_maps.pack_label_map(MAP), "path": "/etc/passwd"}), MAP)


def test_areas_count_every_class():
    assert label_maps.areas(MAP, 4) == (1, 3, 2, 0)


def test_changed_marks_the_pixels_that_differ():
    assert label_maps.changed(MAP, np.ones_like(MAP)).tolist() == [
        [True, False, False],
        [True, True, False],
    ]


def test_swapped_exchanges_mirror_classes():
    assert label_maps.swapped(MAP, (0, 2, 1)).tolist() == [[0, 2, 2], [1, 1, 2]]


def test_islands_are_counted_by_class_and_can_be_absorbed():
    mask = np.zeros((8, 8), np.uint8)
    mask[4:, 4:] = 1
    mask[0, 0] = mask[2, 2] = 3
    assert label_maps.islands(mask, smaller_than=4) == {3: 2}
    clean = label_maps.without_islands(mask, smaller_than=4)
    assert sorted(np.unique(clean)) == [0, 1]
    assert clean[4:, 4:].tolist() == np.ones((4, 4)).tolist()
