import contextlib
import multiprocessing
import pickle
import subprocess
import sys
import threading
import time

import pytest
import torch

from segface_hf.checkpoints.upstream import FOLDERS, REPOSITORY, parse_folder
from segface_hf.config import SegFaceConfig
from segface_hf.errors import CheckpointError, CheckpointNotFoundError
from segface_hf.modeling.segface import SegFace
from space.errors import VisitError
from space.ops.deploy import ROOT
from space.state.model_cache import ModelCache, gpu_lease, load_parser, loading_text
from space.state.model_checks import Admission
from space.state.model_list import (
    PUBLISHED_MB,
    allowed_model,
    describe_model,
    list_models,
    to_fetch,
)
from tests.space.conftest import noise, painted_parser


def loader(loads):
    def load(model_id):
        if model_id == "org/missing":
            raise CheckpointNotFoundError("no repository 'org/missing'")
        loads.append(model_id)
        return painted_parser(model_id)

    return load


def test_the_least_recently_used_model_goes_first():
    loads = []
    models = ModelCache(2, load=loader(loads))
    for model in ("a", "b", "a", "c"):
        models.get(model)
    assert models.loaded == ("a", "c")
    models.get("b")
    assert loads == ["a", "b", "c", "b"]


def test_a_model_that_fails_to_load_leaves_the_others_in_place():
    models = ModelCache(1, load=loader([]))
    kept = models.get("a")
    with pytest.raises(CheckpointNotFoundError):
        models.get("org/missing")
    assert models.loaded == ("a",)
    assert models.get("a") is kept


def test_model_calls_run_one_at_a_time_inside_the_wrapper():
    running, most = [], []

    def around(call):
        def wrapped(*args):
            running.append(1)
            most.append(len(running))
            result = call(*args)
            running.pop()
            return result

        return wrapped

    models = ModelCache(1, load=loader([]), around=around)
    models.get("a")
    threads = [threading.Thread(target=models.parse, args=("a", noise())) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 6


@pytest.mark.parametrize(
    "model", ["embedded", "org/name", "hub:kartiknarayan/SegFace/swinb_lapa_224"]
)
def test_listed_models_and_hub_ids_may_be_chosen(model):
    assert allowed_model(f" {model} ", configured="embedded") == model


@pytest.mark.parametrize(
    "model",
    [
        "",
        "/etc",
        "./x",
        "../a/b",
        "a/../b",
        "hub:other/repo/x",
        "a/b/c",
        "http://a/b",
        "segface_hf/weights",
    ],
)
def test_folders_and_addresses_may_not_be_chosen_by_a_visitor(model):
    with pytest.raises(VisitError, match="is not a model"):
        allowed_model(model, configured="embedded")


def test_the_folder_that_the_owner_configured_may_be_used():
    assert allowed_model("/models/mine", configured="/models/mine") == "/models/mine"


def test_every_listed_model_says_where_it_comes_from_and_its_license():
    assert len(list_models()) > 10
    for entry in list_models():
        assert " MB" in entry.label
        assert "license" in entry.about or "non-commercial" in entry.about
    assert "19 classes" in describe_model("hub:kartiknarayan/SegFace/mobilenet_celeba_512")
    assert "64 pixels" in describe_model("embedded", painted_parser())


def test_the_free_checkpoint_that_ships_is_listed_and_loaded_without_asking_the_hub():
    (entry,) = (entry for entry in list_models() if entry.id == "synthetic")
    assert "Apache-2.0 license" in entry.about
    assert allowed_model("synthetic", configured="embedded") == "synthetic"
    admission = Admission(most_mb=0, anonymous=True)
    assert load_parser("synthetic", admission=admission).model_id == "synthetic"
    assert to_fetch("synthetic", admission) == ""


def test_a_visitor_reads_that_torch_is_loaded_where_a_model_needs_it(monkeypatch):
    assert loading_text("embedded") == "Loading embedded"
    assert loading_text("org/name", "28 MB") == "Loading name, 28 MB"
    monkeypatch.delitem(sys.modules, "torch")
    assert loading_text("synthetic") == "Loading synthetic"
    assert loading_text("org/name").startswith("Loading PyTorch, which runs this model, and name")


def test_a_download_does_not_keep_others_from_parsing():
    begun, ended = threading.Event(), threading.Event()

    def load(model_id):
        if model_id == "org/slow":
            begun.set()
            assert ended.wait(30)
        return painted_parser(model_id)

    models = ModelCache(2, load=load)
    slow = threading.Thread(target=models.get, args=("org/slow",))
    models.get("a")
    slow.start()
    assert begun.wait(30)
    assert models.parse("a", noise()).model_id == "a"
    assert models.loaded == ("a",)
    ended.set()
    slow.join()
    assert models.loaded == ("a", "org/slow")


def test_a_model_that_loads_too_long_frees_its_slot_and_blocks_no_other():
    started, ended, begun = threading.Event(), threading.Event(), []

    def load(model_id):
        if model_id == "org/slow":
            begun.append(model_id)
            started.set()
            assert ended.wait(60)
        return painted_parser(model_id)

    models = ModelCache(3, load=load, patience=2.0, most_loads=1)

    def wait_in_vain():
        with pytest.raises(CheckpointError, match="was not loaded within 2 seconds"):
            models.get("org/slow")

    first = threading.Thread(target=wait_in_vain)
    first.start()
    assert started.wait(30)
    with pytest.raises(CheckpointError, match="Other models are being loaded"):
        models.get("org/other")
    assert models.parse("embedded", noise()).model_id == "embedded"
    first.join()
    assert models.get("org/fast").model_id == "org/fast"
    again = threading.Thread(target=models.get, args=("org/slow",))
    again.start()  # it waits for the same load
    ended.set()
    again.join()
    assert models.get("org/slow").model_id == "org/slow"
    assert begun == ["org/slow"]


def test_loads_that_never_end_do_not_add_up():
    ended = threading.Event()
    begun = []

    def load(model_id):
        begun.append(model_id)
        if model_id.startswith("org/stuck"):
            assert ended.wait(60)
        return painted_parser(model_id)

    models = ModelCache(3, load=load, patience=0.05, most_loads=1)
    for number in range(20):
        with pytest.raises(CheckpointError):
            models.get(f"org/stuck{number}")
    assert len(begun) == 8
    assert models.parse("embedded", noise()).model_id == "embedded"
    with pytest.raises(CheckpointError, match="Other models are being loaded"):
        models.get("org/fast")
    ended.set()
    for _ in range(600):
        with contextlib.suppress(CheckpointError):
            assert models.get("org/fast").model_id == "org/fast"
            return
        time.sleep(0.05)
    raise AssertionError("the places of loads that ended late are not free")


def test_two_visitors_who_choose_one_model_load_it_once():
    loads = []
    models = ModelCache(2, load=loader(loads))
    threads = [threading.Thread(target=models.get, args=("a",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loads == ["a"]


def test_the_published_sizes_are_those_of_their_backbones():
    for name, megabytes in PUBLISHED_MB.items():
        (folder, *_) = [f for f in FOLDERS if f.startswith(f"{name}_")]
        backbone = parse_folder(folder).backbones[0]
        with torch.device("meta"):
            model = SegFace(SegFaceConfig(backbone=backbone))
        assert round(sum(w.numel() for w in model.parameters()) * 4 / 1e6) == megabytes
        assert to_fetch(f"hub:{REPOSITORY}/{folder}", Admission(1, anonymous=True)) == (
            f"{megabytes} MB"
        )


def forked(call):
    """Runs a call as a ZeroGPU Space does: in a forked process, its arguments pickled."""

    def wrapped(*args):
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe()
        sent = pickle.dumps(args)

        def work():
            theirs.send(call(*pickle.loads(sent)))

        worker = context.Process(target=work)
        worker.start()
        answer = ours.recv()
        worker.join()
        return answer

    return wrapped


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_zero_gpu_call_gets_the_model_name_and_returns_the_parse():
    models = ModelCache(1, load=painted_parser, around=forked)
    here = ModelCache(1, load=painted_parser).parse("embedded", noise())
    parsed = models.parse("embedded", noise())
    assert (parsed.mask == here.mask).all()
    assert (parsed.confidence == here.confidence).all()
    assert parsed.model_id == "embedded"


def test_without_zero_gpu_hardware_the_wrapper_changes_nothing():
    pytest.importorskip("spaces", reason="needs spaces: pip install spaces")
    models = ModelCache(1, load=painted_parser, around=gpu_lease())
    assert models.parse("embedded", noise()).mask.any()


def test_zero_gpu_without_its_package_says_what_to_add():
    code = (
        "import sys; sys.modules['spaces'] = None\n"
        "from space.handlers.services import build_services\n"
        "from space.settings import settings_from\n"
        "build_services(settings_from({}))\n"
        "build_services(settings_from({'SPACES_ZERO_GPU': 'true'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "add it to requirements.txt" in done.stderr.splitlines()[-1]
