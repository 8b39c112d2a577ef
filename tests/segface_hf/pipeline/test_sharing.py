"""A model shared by many threads gives each its own crops' labels, on one core or on several."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Thread

import numpy as np
import pytest
import torch

from segface_hf.parser import FaceParser
from segface_hf.pipeline.batching import SharedEngine, side_by_side


@pytest.fixture(scope="module")
def engine():
    return FaceParser.from_pretrained().engine


def drawn(seed: int, count: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 255, (count, 8, 8, 3), dtype=np.uint8)
    return coarse.repeat(16, 1).repeat(16, 2)


@pytest.mark.parametrize("cores", [1, 3])
def test_threads_get_the_labels_of_their_own_crops(engine, cores):
    shared = SharedEngine(engine, cores=cores)
    batches = [drawn(seed, 1 + seed % 3) for seed in range(8)]

    def alone(crops):
        return [engine.run(crop[None], landmarks=None, confidence=False)[0] for crop in crops]

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda c: shared.run(c, landmarks=None, confidence=False), batches))
    for crops, parsed in zip(batches, found, strict=True):
        assert len(parsed) == len(crops)
        for ours, expected in zip(parsed, alone(crops), strict=True):
            assert (ours.labels == expected.labels).mean() > 0.9999


def test_crops_of_different_sizes_are_separate_batches(engine):
    shared = SharedEngine(engine, cores=1)
    crops = [drawn(seed, 1)[:, : 64 + 64 * (seed % 2), : 64 + 64 * (seed % 2)] for seed in range(6)]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda c: shared.run(c, landmarks=None, confidence=False), crops))
    assert [one[0].labels.shape for one in found] == [crop.shape[1:3] for crop in crops]


def test_an_error_reaches_the_thread_whose_crops_caused_it(engine):
    shared = SharedEngine(engine, cores=2)
    with pytest.raises((ValueError, RuntimeError, IndexError)):
        shared.run(np.zeros((1, 4), np.uint8), landmarks=None, confidence=False)
    assert len(shared.run(drawn(0, 1), landmarks=None, confidence=False)) == 1


def test_results_come_in_the_order_of_the_items():
    assert list(side_by_side(range(20), lambda item: item * item)) == [i * i for i in range(20)]


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_other_threads_of_the_process_keep_their_number_of_threads(engine, two_threads):
    SharedEngine(engine).run(drawn(0, 1), landmarks=None, confidence=False)
    found = []
    thread = Thread(target=lambda: found.append((torch.get_num_threads(), engine.cores)))
    thread.start()
    thread.join()
    assert torch.get_num_threads() == 2
    assert found == [(2, 2)]


FORKING = """
import os, signal
import torch
from PIL import Image
from segface_hf import FaceParser, SegFace, SegFaceConfig

torch.set_num_threads(2)
config = SegFaceConfig(
    backbone="mobilenetv3_small_050", width=16, depth=1, heads=2, upscale_dims=(8,), resolution=64
)
parser = FaceParser(SegFace(config)).shared()
photo = Image.new("RGB", (80, 64), (200, 150, 120))
before = parser.parse(photo, whole_image=True).mask
child = os.fork()
if child == 0:
    signal.alarm(60)
    os._exit(0 if (parser.parse(photo, whole_image=True).mask == before).all() else 3)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_shared_parser_works_in_a_forked_process():
    done = subprocess.run(
        [sys.executable, "-c", FORKING], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
