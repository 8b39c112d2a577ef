"""A configuration explains its checkpoint, and refuses what can't work."""

import json

import pytest

from segface_hf import CELEBAMASK_HQ, LAPA, SCHEMAS, SegFaceConfig
from segface_hf.errors import ConfigError


def test_a_configuration_survives_json_with_its_whole_schema():
    config = SegFaceConfig(backbone="mobilenet", schema="lapa", warp="tanh", upscale_dims=(64, 32))
    values = json.loads(json.dumps(config.to_dict()))
    assert values["label_names"] == list(LAPA.names)
    assert values["id2label"]["0"] == "background"
    assert SegFaceConfig.from_dict(values) == config
    assert SegFaceConfig.from_dict(values).labels == LAPA


def test_own_labels_need_no_built_in_schema():
    config = SegFaceConfig(
        schema="glasses", label_names=("background", "glasses"), label_colors=((0, 0, 0), (9, 9, 9))
    )
    assert config.labels.id_of("glasses") == 1


def test_other_classes_do_not_keep_the_name_of_a_built_in_schema():
    own = {"label_names": ("background", "glasses"), "label_colors": ((0, 0, 0), (9, 9, 9))}
    for name in SCHEMAS:
        config = SegFaceConfig(schema=name, **own)
        assert config.schema == config.labels.name == "own"
        assert SegFaceConfig.from_dict(config.to_dict()) == config
    colored = SegFaceConfig(label_names=CELEBAMASK_HQ.names, label_colors=((1, 2, 3),) * 19)
    assert colored.schema == "celebamask_hq"


def test_an_unknown_key_is_named():
    with pytest.raises(ConfigError, match="unknown configuration keys \\['widht'\\]"):
        SegFaceConfig.from_dict({"widht": 128})


def test_an_edited_id2label_that_contradicts_the_names_is_refused():
    values = SegFaceConfig().to_dict()
    values["id2label"]["15"] = "monocle"
    with pytest.raises(ConfigError, match="id2label contradicts label_names"):
        SegFaceConfig.from_dict(values)


@pytest.mark.parametrize("key", ["id2label", "label2id"])
@pytest.mark.parametrize("value", [None, ["a", "b"], 3])
def test_derived_labels_of_another_type_are_refused(key, value):
    with pytest.raises(ConfigError, match=f"{key} contradicts label_names"):
        SegFaceConfig.from_dict({**SegFaceConfig().to_dict(), key: value})


@pytest.mark.parametrize(
    "change",
    [
        {"width": 100, "heads": 8},
        {"width": 0},
        {"depth": "2"},
        {"upscale_dims": (64, 32, 16)},
        {"upscale_dims": ("a",)},
        {"upscale_dims": (64.5,)},
        {"backbone": None},
        {"schema": ["celebamask_hq"]},
        {"mean": (float("nan"),) * 3},
        {"warp": "fisheye"},
        {"std": (0.0, 1.0, 1.0)},
        {"mean": (0.5,)},
        {"schema": "cats"},
        {"refine": 1},
        {"class_bias": (1.0,)},
        {"added_classes": ("necklace",)},
        {"added_classes": (("necklace", 5),)},
        {"added_classes": (("hat", 5, "logistic"),)},
        {"class_bias": ("x",) * 19},
        {"class_bias": (float("nan"),) * 19},
        {"head_scales": (("L2.cross.0", 1.0),)},
        {"head_scales": (("L0.cross.0", float("inf")),)},
        {"head_scales": (("L0.cross.0", 1.0), ("L0.cross.0", 2.0))},
        {"head_scales": {"L0.cross.0": 1.0}},
        {"label_names": ("a", "a"), "label_colors": ((0, 0, 0), (1, 1, 1))},
    ],
)
def test_an_unusable_value_is_refused(change):
    with pytest.raises(ConfigError):
        SegFaceConfig(**change)
