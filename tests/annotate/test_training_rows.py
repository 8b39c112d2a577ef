"""A dataset of corrections, on the Hub or in a folder, is a data folder to the trainer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from annotate.dataset import layout
from annotate.dataset.folder import FolderStore
from annotate.dataset.proposals import ConsentedRow
from annotate.dataset.takedown import take_down
from annotate.rows.record import to_parquet
from segface_hf.added_classes.labels import NewClass
from segface_hf.cli.program import main
from segface_hf.config import SegFaceConfig
from segface_hf.data.folder import find_pairs, read_pair
from segface_hf.data.rows import unpack_dataset
from segface_hf.errors import DataError, LabelError
from segface_hf.labels import CELEBAMASK_HQ, IGNORED, LAPA
from segface_hf.training.recipe_file import write_recipe
from tests.annotate.conftest import REPO
from tests.segface_hf.training.drawn import tiny_recipe


def pairs_of(source, folder):
    return {
        pair.stem: read_pair(pair, CELEBAMASK_HQ)
        for pair in find_pairs(unpack_dataset(str(source), folder, schema=CELEBAMASK_HQ))
    }


def test_a_hub_dataset_and_a_folder_give_the_trainer_the_same(owner, drawn, tmp_path):
    store = FolderStore(tmp_path / "set")
    for number in (1, 2):
        store.save(drawn(number))
        owner.commit([ConsentedRow(to_parquet(drawn(number)))])
    ours, theirs = pairs_of(store.root, tmp_path / "a"), pairs_of(REPO, tmp_path / "b")
    assert sorted(ours) == sorted(theirs) == sorted(drawn(n).content_id for n in (1, 2))
    for found in (ours, theirs):
        image, mask = found[drawn(1).content_id]
        assert np.array_equal(np.asarray(image), drawn(1).image)
        assert np.array_equal(mask, drawn(1).mask)


def test_a_changed_dataset_is_read_again(drawn, tmp_path):
    store = FolderStore(tmp_path / "set")
    store.save(drawn(1))
    kept = tmp_path / "out" / "masks" / f"{drawn(1).content_id}.png"
    assert len(pairs_of(store.root, tmp_path / "out")) == 1
    before = kept.stat().st_mtime_ns
    store.save(drawn(2))
    assert len(pairs_of(store.root, tmp_path / "out")) == 2
    assert kept.stat().st_mtime_ns == before
    take_down(store, [drawn(1).content_id])
    assert list(pairs_of(store.root, tmp_path / "out")) == [drawn(2).content_id]


def test_other_labels_other_columns_or_no_dataset_are_named(owner, hub, drawn, tmp_path):
    store = FolderStore(tmp_path / "set")
    store.save(drawn(1))
    with pytest.raises(DataError, match="holds 'celebamask_hq' masks, the model has 'lapa'"):
        unpack_dataset(str(store.root), tmp_path / "out", schema=LAPA)
    with pytest.raises(DataError, match="'owner/none' can't be loaded as a dataset"):
        unpack_dataset("owner/none", tmp_path / "out", schema=CELEBAMASK_HQ)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"lacks the columns \['content_id', 'image', 'mask'"):
        unpack_dataset(str(tmp_path / "other"), tmp_path / "out", schema=CELEBAMASK_HQ)


def test_masks_of_other_classes_of_the_same_name_are_refused(drawn, tmp_path):
    store = FolderStore(tmp_path / "set")
    store.save(drawn(1))
    names = tuple(f"part {index}" for index in range(19))
    message = f"of version {CELEBAMASK_HQ.version}, the model's.* label_names that those masks"
    other = replace(CELEBAMASK_HQ, names=names)
    with pytest.raises(DataError, match=message):
        unpack_dataset(str(store.root), tmp_path / "out", schema=other)
    own = SegFaceConfig(label_names=names, label_colors=CELEBAMASK_HQ.colors).labels
    with pytest.raises(DataError, match="holds 'celebamask_hq' masks, the model has 'own' classes"):
        unpack_dataset(str(store.root), tmp_path / "out", schema=own)
    assert not (tmp_path / "out").exists()


def test_the_train_command_takes_a_dataset_in_place_of_a_folder(drawn, tmp_path):
    store, out = FolderStore(tmp_path / "set"), tmp_path / "run"
    for number in (1, 2, 3):
        store.save(drawn(number, size=(64, 64)))
    write_recipe(tiny_recipe(), tmp_path / "recipe.yaml")
    words = ["train", "--dataset", store.root, "--out", out, "--config", tmp_path / "recipe.yaml"]
    assert main([*(str(word) for word in words), "--threads", "1"]) == 0
    assert {p.stem for p in (out / "rows" / "masks").iterdir()} == set(store.ids())
    assert (out / "last" / "model.safetensors").is_file()


def with_beards(**parent):
    """The schema that a model has after `segface add-class beard`."""
    extended = NewClass("beard", **parent).extend(CELEBAMASK_HQ)
    return SegFaceConfig(
        label_names=extended.names,
        label_colors=extended.colors,
        label_mirror_pairs=extended.mirror_pairs,
        label_families=extended.families,
    ).labels


def both_versions(drawn, folder):
    """A dataset with a row of 19 classes and one of 20, whose file was added as on the Hub."""
    store, labels = FolderStore(folder), with_beards(parent="skin")
    store.save(old := drawn(1, size=(64, 64)))
    skin = drawn(2, size=(64, 64)).mask
    mask = np.where(skin == 2, 19, skin).astype(np.uint8)
    new = drawn(2, size=(64, 64), mask=mask, schema=labels)
    path = folder / layout.row_path(new.content_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(to_parquet(new))
    store.refresh()
    return store, old, new


def test_rows_from_before_a_class_was_added_are_unknown_where_it_may_be_hidden(drawn, tmp_path):
    store, old, new = both_versions(drawn, tmp_path / "set")
    before = [path.read_bytes() for path in store.files()]
    out = unpack_dataset(str(store.root), tmp_path / "out", schema=with_beards(parent="skin"))
    masks = {p.stem: np.asarray(Image.open(p)) for p in (out / "masks").iterdir()}
    assert np.array_equal(masks[new.content_id], new.mask)
    skin = old.mask == 2
    assert skin.any()
    assert not skin.all()
    assert np.array_equal(masks[old.content_id], np.where(skin, IGNORED, old.mask))
    assert [path.read_bytes() for path in store.files()] == before


def test_rows_with_a_class_that_the_model_lacks_are_refused(drawn, tmp_path):
    store, *_ = both_versions(drawn, tmp_path / "set")
    with pytest.raises(DataError, match="holds 'own' masks, the model has 'celebamask_hq'"):
        unpack_dataset(str(store.root), tmp_path / "out", schema=CELEBAMASK_HQ)


def test_an_added_class_without_a_parent_says_nothing_about_earlier_rows(drawn, tmp_path):
    store = FolderStore(tmp_path / "set")
    store.save(drawn(1))
    with pytest.raises(LabelError, match="'beard' has no parent"):
        unpack_dataset(str(store.root), tmp_path / "out", schema=with_beards())
    assert not (tmp_path / "out").exists()


def test_a_model_with_an_added_class_trains_on_rows_with_and_without_it(drawn, tmp_path):
    store, *_ = both_versions(drawn, tmp_path / "set")
    for number in (3, 4):
        store.save(drawn(number, size=(64, 64)))
    labels, model = with_beards(parent="skin"), tiny_recipe().model_config()
    own = {
        "label_names": labels.names,
        "label_colors": labels.colors,
        "label_mirror_pairs": labels.mirror_pairs,
        "label_families": labels.families,
    }
    recipe = tiny_recipe(model=replace(model, **own).to_dict())
    write_recipe(recipe, tmp_path / "recipe.yaml")
    words = ["train", "--aligned", "--dataset", store.root, "--out", tmp_path / "run"]
    words += ["--config", tmp_path / "recipe.yaml", "--threads", "1"]
    assert main([str(word) for word in words]) == 0
    assert (tmp_path / "run" / "last" / "model.safetensors").is_file()
