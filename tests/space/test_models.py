import threading

import pytest

from segface_hf.errors import CheckpointNotFoundError
from space.catalogue import CATALOGUE, allowed_model, describe_model
from space.errors import TooFastError, VisitError
from space.limits import RateLimit
from space.models import ModelShelf
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
    shelf = ModelShelf(2, load=loader(loads))
    for model in ("a", "b", "a", "c"):
        shelf.get(model)
    assert shelf.loaded == ("a", "c")
    shelf.get("b")
    assert loads == ["a", "b", "c", "b"]


def test_a_model_that_fails_to_load_leaves_the_others_in_place():
    shelf = ModelShelf(1, load=loader([]))
    kept = shelf.get("a")
    with pytest.raises(CheckpointNotFoundError):
        shelf.get("org/missing")
    assert shelf.loaded == ("a",)
    assert shelf.get("a") is kept


def test_model_calls_go_one_at_a_time_and_through_what_is_wrapped_around_them():
    running, most = [], []

    def around(call):
        def wrapped(*args):
            running.append(1)
            most.append(len(running))
            result = call(*args)
            running.pop()
            return result

        return wrapped

    shelf = ModelShelf(1, load=loader([]), around=around)
    threads = [threading.Thread(target=shelf.parse, args=("a", noise())) for _ in range(6)]
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
    "model", ["", "/etc", "./x", "../a/b", "a/../b", "hub:other/repo/x", "a/b/c", "http://a/b"]
)
def test_folders_and_addresses_may_not_be_chosen_by_a_visitor(model):
    with pytest.raises(VisitError, match="is no model"):
        allowed_model(model, configured="embedded")


def test_the_folder_that_the_owner_configured_may_be_used():
    assert allowed_model("/models/mine", configured="/models/mine") == "/models/mine"


def test_every_listed_model_says_where_it_comes_from_and_its_licence():
    assert len(CATALOGUE) > 10
    for entry in CATALOGUE:
        assert "licence" in entry.about or "non-commercial" in entry.about
    assert "19 classes" in describe_model("hub:kartiknarayan/SegFace/mobilenet_celeba_512")
    assert "64 pixels" in describe_model("embedded", painted_parser())


def test_the_rate_limit_slides_and_forgets():
    now = [0.0]
    limit = RateLimit(2, clock=lambda: now[0])
    limit.spend("ada", 2)
    now[0] = 59.0
    with pytest.raises(TooFastError, match="2 photos a minute"):
        limit.spend("ada")
    limit.spend("bob")
    now[0] = 60.5
    limit.spend("ada")
