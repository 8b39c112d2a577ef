"""Imported masks keep their classes, and a reason that many photos share is printed once."""

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
    code, _, err = bring("folder")
    assert code == 2
    assert err.count("\n") == 1
    assert "the classes of 'lapa', not of 'celebamask_hq': import with --schema lapa" in err
    assert not FolderStore(tmp_path / "set").files()
    assert bring("folder", "--schema", "lapa")[0] == 0
    assert FolderStore(tmp_path / "set").ids() == (lapa.content_id,)


def test_labels_of_an_unknown_schema_and_malformed_labels_are_refused(bring, lapa, tmp_path):
    for text, sentence in (
        ('{"name": "teeth", "names": ["background", "tooth"]}', "no known schema has these"),
        ("[1]", "lists no class names: expected a schema"),
        ("{", "lists no class names: expected a schema"),
    ):
        (tmp_path / "src/labels.json").write_text(text)
        code, _, err = bring("folder", "--schema", "lapa")
        assert (code, sentence in err) == (2, True)


def test_a_reason_that_many_photos_share_is_printed_once(bring, tmp_path):
    box = '<box label="tooth" xtl="0" ytl="0" xbr="9" ybr="9"/>'
    names = [f"{number}.png" for number in range(3)]
    for number, name in enumerate(names):
        photo(tmp_path / "src/images" / name, number=number)
    cvat(tmp_path, *((f'name="{name}"', box) for name in names))
    code, out, err = bring("cvat")
    assert (code, err.count("is not a class of"), "3 refused" in out) == (1, 1, True)
    assert "as 0.png: 1.png, 2.png\n" in err


@pytest.mark.parametrize(
    ("words", "source"),
    [((), "import:folder"), (("--source", "archive 7: {name}"), "archive 7: jane_doe")],
)
def test_the_file_name_of_a_photo_is_recorded_only_on_request(tmp_path, words, source):
    photo(tmp_path / "src/images/jane_doe.png")
    mask(tmp_path / "src/masks/jane_doe.png")
    folders = [str(tmp_path / "src"), "--folder", str(tmp_path / "set")]
    assert main(["import", *folders, "--format", "folder", *words]) == 0
    assert list(FolderStore(tmp_path / "set").columns(["source"])) == [{"source": source}]
