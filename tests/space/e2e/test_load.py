"""Many visitors at once, and visitors who leave: everybody gets their own photo and place."""

from __future__ import annotations

import time

from gradio_client import Client, handle_file
from PIL import Image

from space.ops.load_test import visit_together
from space.state.examples import find_example
from tests.space.e2e.conftest import upload, wait_for_overlay


def test_visitors_at_once_all_get_the_answer_to_their_own_photo(server):
    report = visit_together(server.url, visitors=6, pid=server.process.pid)
    assert report.failures == ()
    assert len(report.seconds) == 6
    assert report.wrong_answers == 0
    assert report.queue >= 1
    assert report.peak_mb is None or report.peak_mb < 2000
    assert report.lines()[0] == "answered 6, failed 0"


def photos_in(server, size):
    """How many open photos of a size the app holds."""
    found = 0
    for path in server.cache.glob("*/photo.png"):
        with Image.open(path) as image:
            found += image.size == size
    return found


def resized(folder, size, count=1):
    paths = []
    with Image.open(find_example("three_faces.jpg").path) as image:
        for number in range(count):
            paths.append(folder / f"{size[0]}-{number}.jpg")
            image.resize(size).save(paths[-1], quality=90 - number)
    return paths


def test_a_closed_tab_frees_its_place_and_stops_its_work(server, open_page, tmp_path):
    busy, waiting = open_page(), open_page()
    for page in (busy, waiting):
        page.set_default_timeout(100_000)
    upload(busy, *resized(tmp_path, (880, 480), count=16))
    busy.wait_for_function(
        "() => document.querySelector('.pd-status')?.textContent.includes(' of ')"
    )
    upload(waiting, *resized(tmp_path, (660, 360)))
    waiting.wait_for_function(
        "() => document.querySelector('.pd-status')?.textContent.includes('number 1 of 1 in line')"
    )
    client = Client(server.url, verbose=False, download_files=False)
    last = client.submit(
        handle_file(resized(tmp_path, (550, 300))[0]), model="embedded", api_name="/parse"
    )
    while last.status().rank != 1:
        time.sleep(0.1)
    waiting.close()
    time.sleep(3)
    busy.close()
    assert last.result(timeout=200)[0]["width"] == 550
    client.close()
    assert photos_in(server, (660, 360)) == 0
    assert photos_in(server, (880, 480)) < 16


def test_a_waiting_visitor_sees_their_place_in_the_queue(server, open_page, tmp_path):
    client = Client(server.url, verbose=False, download_files=False)
    files = [handle_file(path) for path in resized(tmp_path, (770, 420), count=3)]
    jobs = [client.submit(files, model="embedded", api_name="/parse_many") for _ in range(2)]
    page = open_page()
    page.set_default_timeout(200_000)
    upload(page, find_example("astronaut.jpg").path)
    page.wait_for_function(
        "() => /^You are number [12] of [12] in line$/.test("
        "document.querySelector('.pd-status')?.textContent)"
    )
    wait_for_overlay(page)
    assert page.locator(".pd-status").inner_text() == ""
    for job in jobs:
        job.result(timeout=200)
    client.close()
