"""`python -m annotate import`: what other tools export becomes rows, and nothing is lost unsaid."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import ExifTags, Image

from annotate.cli import main
from annotate.store import FolderStore


@pytest.fixture
def bring(tmp_path, capsys):
    """Imports `tmp_path/src` into `tmp_path/set`; returns exit code, output and complaint."""

    def run(form, *words):
        folders = [str(tmp_path / "src"), "--folder", str(tmp_path / "set")]
        code = main(["import", *folders, "--format", form, *map(str, words)])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


@pytest.fixture
def rows(tmp_path):
    """Returns what was imported, by the name of its photo."""

    def read():
        store = FolderStore(tmp_path / "set")
        found = [store.load(i) for i in store.ids()]
        return {correction.source.rsplit(":", 1)[1]: correction for correction in found}

    return read


def photo(path, *, number=0, size=(32, 24), **saving):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(noise).save(path, **saving)
    return noise


def mask(path, *, size=(32, 24)):
    path.parent.mkdir(parents=True, exist_ok=True)
    ids = np.zeros((size[1], size[0]), np.uint8)
    ids[:4, :8] = 2
    Image.fromarray(ids).save(path)
    return ids


def test_a_folder_s_mask_keeps_to_the_pixels_it_was_drawn_on(bring, rows, tmp_path):
    """A phone stored the photo on its side; the mask is of the stored size, as for the trainer."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    pixels = photo(tmp_path / "src/images/a.png", exif=exif)
    ids = mask(tmp_path / "src/masks/a.png")
    assert bring("folder")[0] == 0
    assert np.array_equal(rows()["a"].image, pixels)
    assert np.array_equal(rows()["a"].mask, ids)
