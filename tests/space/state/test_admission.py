"""What a visitor's Hub id must pass, against the Hub double, over HTTP."""

import json

import pytest
from huggingface_hub import HfApi
from safetensors.torch import load_file, save

from segface_hf.config import SegFaceConfig
from segface_hf.errors import CheckpointError, CheckpointNotFoundError
from segface_hf.modeling.segface import SegFace
from space.state.model_cache import ModelCache, load_parser
from space.state.model_checks import Admission, check_architecture


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A small checkpoint with random weights."""
    folder = tmp_path_factory.mktemp("checkpoint")
    config = SegFaceConfig(backbone="mobilenet", width=32, heads=2, mlp_dim=32, resolution=64)
    return SegFace(config).save_pretrained(folder)


@pytest.fixture
def publish(hub):
    """Uploads files to `owner/<name>` and returns that id."""

    def published(name, files, *, private=False):
        api = HfApi(endpoint=hub.url, token=hub.token("owner"))
        api.create_repo(f"owner/{name}", private=private)
        for path, content in files.items():
            api.upload_file(path_or_fileobj=content, path_in_repo=path, repo_id=f"owner/{name}")
        return f"owner/{name}"

    return published


def files_of(folder):
    names = ("config.json", "model.safetensors", "README.md")
    return {name: (folder / name).read_bytes() for name in names}


def downloads(hub):
    return hub.requests("/resolve/", method="GET")


def test_a_repository_is_loaded_at_the_commit_that_was_checked(publish, checkpoint):
    repo = publish("good", files_of(checkpoint))
    admitted = Admission(100, anonymous=True).look(repo)
    weights = (checkpoint / "model.safetensors").stat().st_size
    assert admitted.megabytes == weights / 1e6
    parser = load_parser(repo, admission=Admission(100, anonymous=True))
    assert parser.revision == admitted.revision


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("heavy", {"model.safetensors": b"0" * 2_000_000}, "have 2 MB and at most 1 MB"),
        ("wordy", {"config.json": b" " * 1_100_000, "model.safetensors": b"0"}, "larger than 1 MB"),
    ],
)
def test_a_too_large_repository_is_refused_before_a_byte_is_downloaded(
    publish, hub, checkpoint, name, change, message
):
    repo = publish(name, {**files_of(checkpoint), **change})
    with pytest.raises(CheckpointError, match=message):
        load_parser(repo, admission=Admission(1, anonymous=True))
    assert downloads(hub) == []


def test_a_repository_of_another_format_says_what_is_missing(publish):
    repo = publish("pickled", {"pytorch_model.bin": b"x"})
    with pytest.raises(CheckpointNotFoundError, match=r"needs config.json and model.safetensors"):
        load_parser(repo, admission=Admission(1, anonymous=True))


def test_on_a_space_visitors_cannot_load_private_repositories_with_the_owners_token(
    publish, hub, checkpoint, monkeypatch
):
    repo = publish("secret", files_of(checkpoint), private=True)
    monkeypatch.setenv("HF_TOKEN", hub.token("owner"))
    assert Admission(100, anonymous=False).look(repo).revision
    with pytest.raises(CheckpointNotFoundError, match="no public repository"):
        load_parser(repo, admission=Admission(100, anonymous=True))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 200_000}, "width is a whole number from 8 to 2048"),
        ({"depth": 16, "mlp_dim": 16_384}, "describes .* parameters"),
        ({"resolution": 2048}, "at most 1024"),
        ({"backbone": "convnextv2_huge"}, "which isn't loaded here"),
    ],
)
def test_a_configuration_larger_than_its_weights_is_refused_before_it_is_built(
    checkpoint, tmp_path, change, message
):
    config = {**json.loads((checkpoint / "config.json").read_text()), **change}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").write_bytes((checkpoint / "model.safetensors").read_bytes())
    with pytest.raises(CheckpointError, match=message):
        check_architecture(tmp_path, source="org/name")
    check_architecture(checkpoint, source="org/name")


def test_weights_that_give_nan_are_refused(publish, checkpoint):
    weights = load_file(checkpoint / "model.safetensors")
    spoiled = {key: value * float("nan") for key, value in weights.items()}
    repo = publish("spoiled", {**files_of(checkpoint), "model.safetensors": save(spoiled)})
    with pytest.raises(CheckpointError, match="holds NaN or infinite values"):
        load_parser(repo, admission=Admission(100, anonymous=True))


def test_a_refused_repository_keeps_the_current_model(publish, checkpoint):
    repo = publish("too-heavy", {**files_of(checkpoint), "model.safetensors": b"0" * 2_000_000})
    models = ModelCache(1, load=lambda m: load_parser(m, admission=Admission(1, anonymous=True)))
    kept = models.get("embedded")
    with pytest.raises(CheckpointError):
        models.get(repo)
    assert models.get("embedded") is kept
