"""A written queue is read back, and its photos only from where they may be."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from annotate.dataset.repo import DatasetRepo
from annotate.errors import RemoteRefusedError
from annotate.growth.queue import QueuedPhoto, relative_to, write_queue
from annotate.growth.queue_file import PhotoDataset, PhotoFolder, photos_from, read_queue
from segface_hf.errors import DataError


def queued(photo, number=0):
    return QueuedPhoto(photo, 1.0, "probably hat, 41% sure", 60.0, f"{number:064x}")


@pytest.fixture
def queue(tmp_path):
    path = tmp_path / "queue.parquet"
    write_queue([queued("a.png"), queued("b/c.png", 1)], path)
    return path


def test_a_queue_is_read_from_a_file_and_from_a_dataset_on_the_hub(queue, owner):
    wanted = (queued("a.png"), queued("b/c.png", 1))
    assert read_queue(str(queue)) == wanted
    owner.repo.commit({"next/queue.parquet": queue.read_bytes()}, title="A queue")
    assert read_queue("owner/faces/next/queue.parquet", token="hf_owner") == wanted
    with pytest.raises(DataError, match=r"owner/faces has no file other\.parquet"):
        read_queue("owner/faces/other.parquet", token="hf_owner")
    with pytest.raises(RemoteRefusedError):
        read_queue("owner/none/queue.parquet", token="hf_owner")


@pytest.mark.parametrize(
    "rows", [[{"photo": "a.png"}], [{"photo": None, "score": 1.0, "reason": "", "seconds": 1.0,
                                     "photo_hash": "0" * 64}],
             [{"photo": "a.png", "score": 1.0, "reason": "", "seconds": 1.0, "photo_hash": "0"}]]
)  # fmt: skip
def test_another_table_is_refused(tmp_path, rows):
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "other.parquet")
    with pytest.raises(DataError, match=r"is not a queue .*: write it with `python -m annotate"):
        read_queue(str(tmp_path / "other.parquet"))
    (tmp_path / "text.parquet").write_text("no table")
    with pytest.raises(DataError, match="is not a queue"):
        read_queue(str(tmp_path / "text.parquet"))
    with pytest.raises(DataError, match="was not found"):
        read_queue(str(tmp_path / "none.parquet"))


def test_a_folder_gives_no_photo_outside_of_it(tmp_path):
    root = tmp_path / "photos"
    (root / "b").mkdir(parents=True)
    (root / "b" / "c.png").write_bytes(b"photo")
    (tmp_path / "secret.png").write_bytes(b"secret")
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    photos = photos_from(str(root))
    assert photos.read("b/c.png", most_bytes=5) == b"photo"
    assert photos.read(str(root / "b" / "c.png"), most_bytes=5) == b"photo"
    for outside in ("../secret.png", "b/../../secret.png", str(tmp_path / "secret.png"), "a\0b"):
        with pytest.raises(DataError, match="outside of the photos' folder"):
            photos.check(outside)
    photos.check("link.png")
    with pytest.raises(DataError, match="outside of the photos' folder"):
        photos.read("link.png", most_bytes=100)
    with pytest.raises(DataError, match="can't be read"):
        photos.read("none.png", most_bytes=100)
    with pytest.raises(DataError, match="more than 4 bytes"):
        photos.read("b/c.png", most_bytes=4)
    with pytest.raises(DataError, match="neither a folder of photos nor a dataset"):
        photos_from(str(tmp_path / "none"))


def test_photos_are_named_by_their_path_in_the_folder_so_that_it_may_move(tmp_path):
    inside, outside = tmp_path / "photos" / "b" / "c.png", tmp_path / "other.png"
    found = relative_to([queued(str(inside)), queued(str(outside))], tmp_path / "photos")
    assert [each.photo for each in found] == ["b/c.png", str(outside)]
    PhotoFolder(tmp_path / "photos").check(found[0].photo)


def test_a_dataset_gives_its_own_rows_only(tmp_path):
    photos = photos_from("org/photos")
    assert isinstance(photos, PhotoDataset)
    photos.check("org/photos#12")
    for other in ("org/other#1", "org/photos#-1", "org/photos#x", "a.png"):
        with pytest.raises(DataError, match="not of the dataset org/photos"):
            photos.check(other)


def test_the_photo_of_a_row_is_read_from_the_hub(hub):
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(buffer, "PNG")
    sink = io.BytesIO()
    pq.write_table(pa.table({"image": [{"bytes": buffer.getvalue(), "path": None}]}), sink)
    repo = DatasetRepo("owner/photos", token=hub.token("owner"))
    repo.create()
    repo.commit({"photos.parquet": sink.getvalue()}, title="Photos")
    photos = PhotoDataset("owner/photos", token=hub.token("owner"))
    assert photos.read("owner/photos#0", most_bytes=1000) == buffer.getvalue()
    with pytest.raises(DataError, match="absent"):
        photos.read("owner/photos#1", most_bytes=1000)
