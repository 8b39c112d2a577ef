"""Masks keep their classes when they are imported, and what is wrong with many is told once."""

from __future__ import annotations

import numpy as np
import pytest

from annotate.cli.program import main
from annotate.correction import ModelUsed
from annotate.dataset.folder import FolderStore
from annotate.exchange import EXPORTS
from segface_hf.labels import LAPA
from tests.annotate.exchange.test_import import bring, cvat, mask, photo

__all__ = ["bring"]


@pytest.fixture
def lapa(tmp_path, drawn):
    """An export of a dataset with other labels than the usual ones."""
    mask = np.zeros((24, 32), np.uint8)
    mask[8:12] = LAPA.id_of("nose")
    empty = np.zeros_like(mask)
    one = drawn(1, mask=mask, prediction=empty, schema=LAPA, model=ModelUsed("none"))
    EXPORTS["folder"]([one], tmp_path / "src")
    return one


def test_an_export_of_other_labels_is_refused_with_the_right_ones(bring, lapa, tmp_path):
    code, _, complaint = bring("folder")
    assert code == 2
    assert complaint.count("\n") == 1
    assert "the classes of 'lapa', not of 'celebamask_hq': import with --schema lapa" in complaint
    assert not FolderStore(tmp_path / "set").files()
    assert bring("folder", "--schema", "lapa")[0] == 0
    assert FolderStore(tmp_path / "set").ids() == (lapa.content_id,)


def test_labels_of_no_schema_and_labels_that_name_nothing_are_refused(bring, lapa, tmp_path):
    for text, told in (
        ('{"name": "teeth", "names": ["background", "tooth"]}', "no known schema has these"),
        ("[1]", "lists no class names: expected a schema"),
        ("{", "lists no class names: expected a schema"),
    ):
        (tmp_path / "src/labels.json").write_text(text)
        code, _, complaint = bring("folder", "--schema", "lapa")
        assert (code, told in complaint) == (2, True)


def test_what_is_wrong_with_many_photos_is_told_once(bring, tmp_path):
    box = '<box label="tooth" xtl="0" ytl="0" xbr="9" ybr="9"/>'
    names = [f"{number}.png" for number in range(3)]
    for number, name in enumerate(names):
        photo(tmp_path / "src/images" / name, number=number)
    cvat(tmp_path, *((f'name="{name}"', box) for name in names))
    code, out, complaint = bring("cvat")
    assert (code, complaint.count("is not a class of"), "3 refused" in out) == (1, 1, True)
    assert "as 0.png: 1.png, 2.png\n" in complaint


@pytest.mark.parametrize(
    ("words", "source"),
    [((), "import:folder"), (("--source", "archive 7: {name}"), "archive 7: jane_doe")],
)
def test_a_photos_file_name_is_left_out_unless_it_is_asked_for(tmp_path, words, source):
    photo(tmp_path / "src/images/jane_doe.png")
    mask(tmp_path / "src/masks/jane_doe.png")
    folders = [str(tmp_path / "src"), "--folder", str(tmp_path / "set")]
    assert main(["import", *folders, "--format", "folder", *words]) == 0
    assert list(FolderStore(tmp_path / "set").columns(["source"])) == [{"source": source}]
