"""Checkpoints from a Hub over HTTP, with the real client; and from its cache when offline."""

import shutil
import subprocess
import sys

import pytest
import torch
from huggingface_hub import HfApi

from segface_hf import FaceParser, SegFace, SegFaceConfig
from segface_hf.checkpoints import find
from segface_hf.errors import CheckpointError, CheckpointNotFoundError

SMALL = SegFaceConfig(
    backbone="mobilenetv3_small_050",
    width=16,
    heads=2,
    mlp_dim=32,
    upscale_dims=(8,),
    resolution=64,
)


@pytest.fixture
def published(hub, tmp_path):
    token = hub.token("owner")
    folder = SegFace(SMALL).save_pretrained(tmp_path / "checkpoint")
    api = HfApi(token=token)
    api.create_repo("owner/faces", repo_type="model")
    api.upload_folder(repo_id="owner/faces", folder_path=folder)
    return folder


def test_a_model_loads_from_a_repository_as_from_its_folder(published):
    here, there = SegFace.from_pretrained(published), SegFace.from_pretrained("owner/faces")
    assert all(
        torch.equal(a, b)
        for a, b in zip(here.state_dict().values(), there.state_dict().values(), strict=True)
    )


def test_a_revision_is_respected(published):
    sha = HfApi().model_info("owner/faces").sha
    assert SegFace.from_pretrained("owner/faces", revision=sha).config == SMALL
    with pytest.raises(CheckpointNotFoundError, match="no revision 'v9'"):
        SegFace.from_pretrained("owner/faces", revision="v9")


def test_an_unknown_repository_is_named(hub):
    with pytest.raises(CheckpointNotFoundError, match="no repository 'owner/nothing'"):
        SegFace.from_pretrained("owner/nothing")


OFFLINE = """
import os
os.environ["HF_HUB_OFFLINE"] = "1"
from segface_hf import SegFace
from segface_hf.errors import CheckpointNotFoundError
print(SegFace.from_pretrained("owner/faces").config.resolution)
try:
    SegFace.from_pretrained("owner/never-seen")
except CheckpointNotFoundError as error:
    print(error)
"""


def test_offline_cached_models_load_and_others_are_named(published):
    SegFace.from_pretrained("owner/faces")
    done = subprocess.run([sys.executable, "-c", OFFLINE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == "64"
    assert "'owner/never-seen' is not in the Hugging Face cache" in second


@pytest.mark.parametrize(
    "fault", [{"cut": True}, {"status": 200, "body": b"<html>log in</html>"}, {"status": 500}]
)
def test_a_model_loads_from_the_cache_if_the_hub_fails_or_answers_without_json(
    published, hub, fault
):
    SegFace.from_pretrained("owner/faces")
    HfApi(token=hub.token("owner")).create_repo("owner/unseen")
    hub.fail("/api/models/", times=20, **fault)
    assert SegFace.from_pretrained("owner/faces").config == SMALL
    with pytest.raises(CheckpointError, match="owner/unseen"):
        SegFace.from_pretrained("owner/unseen")


def test_a_parser_names_the_commit_of_a_repository_and_none_for_a_folder(published, tmp_path):
    sha = HfApi().model_info("owner/faces").sha
    assert FaceParser.from_pretrained("owner/faces").revision == sha
    assert FaceParser.from_pretrained("owner/faces", revision="main").revision == sha
    for place in ("segface/models/swin", "snapshots/best", f"snapshots/{'a' * 40}"):
        folder = shutil.copytree(published, tmp_path / place)
        assert FaceParser.from_pretrained(folder).revision is None


@pytest.mark.parametrize("where", [None, "embedded", "folder"])
def test_a_revision_of_a_folder_is_refused(published, where):
    source = published if where == "folder" else where
    with pytest.raises(CheckpointNotFoundError, match="has no revision 'v9'"):
        FaceParser.from_pretrained(source, revision="v9")


def test_a_folder_of_the_cache_has_its_own_revision(published):
    sha = HfApi().model_info("owner/faces").sha
    folder = find.checkpoint_folder("owner/faces", build=SegFace)
    assert FaceParser.from_pretrained(folder, revision=sha).revision == sha


def test_a_private_checkpoint_loads_with_a_token_into_the_chosen_folder(hub, tmp_path):
    token = hub.token("owner")
    SegFace(SMALL).push_to_hub("owner/secret", private=True, token=token)
    kept = {"cache_dir": tmp_path / "kept"}
    with pytest.raises(CheckpointNotFoundError, match="no repository 'owner/secret'"):
        FaceParser.from_pretrained("owner/secret", **kept)
    parser = FaceParser.from_pretrained("owner/secret", token=token, **kept)
    assert parser.model_id == "owner/secret"
    assert parser.revision == hub.repos["model", "owner/secret"].branches["main"]
    assert (tmp_path / "kept" / "models--owner--secret").is_dir()
    asked = len(hub.log)
    again = FaceParser.from_pretrained("owner/secret", local_files_only=True, **kept)
    assert (again.revision, again.digest) == (parser.revision, parser.digest)
    with pytest.raises(CheckpointNotFoundError, match="may not be asked"):
        FaceParser.from_pretrained("owner/secret", local_files_only=True)
    assert len(hub.log) == asked


def test_pushing_gives_configuration_weights_and_card(hub):
    model = SegFace(SMALL)
    address = model.push_to_hub("owner/pushed", token=hub.token("owner"))
    assert "owner/pushed" in address
    files = hub.files("model", "owner/pushed")
    assert {"config.json", "model.safetensors", "README.md"} <= set(files)
    assert SegFace.from_pretrained("owner/pushed").config == SMALL
