"""No photo of the queue is with two annotators, and none is lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from annotate.growth.queue import QueuedPhoto
from annotate.growth.queue_file import PhotoFolder
from segface_hf.errors import ConfigError, DataError
from space.settings import Settings
from space.state.photo_queue import LEASE, PhotoQueue, queue_of


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def of(folder, *names, clock=None):
    photos = tuple(QueuedPhoto(name, 1.0, "", 60.0, name * 64) for name in names)
    return PhotoQueue(lambda: (photos, PhotoFolder(folder)), clock=clock or Clock())


def take(queue, who, done=()):
    found = queue.take(who, is_done=lambda held: held[0] in done)
    return found and found.photo


def test_two_annotators_get_two_photos_within_an_hour(tmp_path, clock):
    queue = of(tmp_path, "a", "b", clock=clock)
    assert (take(queue, "ada"), take(queue, "bob")) == ("a", "b")
    assert take(queue, "eve") is None
    clock.now = LEASE - 1
    assert take(queue, "eve") is None
    clock.now = LEASE
    assert take(queue, "eve") == "a"


def test_skipped_photos_come_back_last_and_those_first_that_were_skipped_first(tmp_path, clock):
    queue = of(tmp_path, "a", "b", "c", clock=clock)
    assert [take(queue, "ada") for _ in range(5)] == ["a", "b", "c", "a", "b"]
    clock.now = LEASE
    assert take(queue, "bob") == "b"  # a skip that was taken again and kept counts no more
    assert [take(queue, "eve") for _ in range(2)] == ["c", "a"]


def test_a_photo_that_another_annotator_skipped_stays_theirs_for_the_hour(tmp_path, clock):
    queue = of(tmp_path, "a", "b", clock=clock)
    take(queue, "ada")
    clock.now = 10
    assert take(queue, "ada") == "b"
    assert take(queue, "bob") is None
    clock.now = LEASE
    assert take(queue, "bob") == "a"


def test_corrected_photos_do_not_come_back(tmp_path):
    queue = of(tmp_path, "a", "b", "c")
    assert take(queue, "ada") == "a"
    assert take(queue, "ada", done="ab") == "c"
    assert take(queue, "ada", done="abc") is None
    assert queue.load() == 1  # c, which ada keeps


def test_the_last_photo_stays_with_its_annotator(tmp_path):
    queue = of(tmp_path, "a", "b")
    assert take(queue, "ada") == "a"
    assert take(queue, "bob") == "b"
    assert take(queue, "ada") is None
    queue.give_back(QueuedPhoto("b", 1.0, "", 60.0, "b" * 64))
    assert take(queue, "ada") == "b"


def test_a_hundred_annotators_at_once_get_a_hundred_photos(tmp_path):
    names = [f"{number:064x}" for number in range(100)]
    photos = tuple(QueuedPhoto(name, 1.0, "", 60.0, name) for name in names)
    queue = PhotoQueue(lambda: (photos, PhotoFolder(tmp_path)))
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda who: take(queue, f"{who}"), range(100)))
    assert sorted(found) == names
    assert take(queue, "late") is None


def test_a_queue_with_a_photo_outside_of_its_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match="outside of the photos' folder"):
        of(tmp_path, "a", "../b").load()


def test_the_queue_is_named_by_two_settings():
    assert queue_of(Settings(), token=None) is None
    with pytest.raises(ConfigError, match="set both or neither"):
        queue_of(Settings(photo_queue="queue.parquet"), token=None)
