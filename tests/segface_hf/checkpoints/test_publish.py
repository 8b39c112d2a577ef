"""Publishing a checkpoint folder over HTTP with the real client, and what stops it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
from huggingface_hub import HfApi

from segface_hf import SegFace
from segface_hf.checkpoints.card import UNFINISHED
from segface_hf.checkpoints.files import SHIPPED
from segface_hf.checkpoints.publish import check_access, plan, publish
from segface_hf.cli.program import main
from segface_hf.config import SegFaceConfig
from segface_hf.errors import CheckpointError, CheckpointNotFoundError

TINY = SegFaceConfig(
    backbone="mobilenetv3_small_050",
    width=16,
    heads=2,
    mlp_dim=16,
    depth=1,
    upscale_dims=(8,),
    resolution=64,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return SegFace(TINY).save_pretrained(tmp_path_factory.mktemp("checkpoint"))


def test_a_folder_becomes_a_repository_in_one_commit(hub, folder):
    token = hub.token("ada")
    url = publish(folder, "ada/face", token=token, build=SegFace)
    files = hub.files("model", "ada/face")
    repo = hub.repos["model", "ada/face"]
    assert {"README.md", "config.json", "model.safetensors"} <= set(files)
    assert files["model.safetensors"] == (folder / "model.safetensors").read_bytes()
    assert len(repo.commits) == 2
    assert url.endswith(f"/ada/face/commit/{repo.branches['main']}")
    assert not repo.private


def test_the_published_checkpoint_loads_again_and_its_card_names_it(hub, folder):
    publish(folder, "ada/face", token=hub.token("ada"), build=SegFace)
    assert SegFace.from_pretrained("ada/face").config == TINY
    card = hub.files("model", "ada/face")["README.md"].decode()
    assert 'FaceParser.from_pretrained("ada/face")' in card
    assert "org/name" not in card


def test_publishing_again_updates_and_sends_no_weights_twice(hub, folder):
    token = hub.token("ada")
    publish(folder, "ada/face", token=token, build=SegFace)
    sent = len(hub.requests("_lfs/", method="PUT"))
    publish(folder, "ada/face", token=token, build=SegFace)
    assert len(hub.requests("_lfs/", method="PUT")) == sent


def test_a_private_repository_is_made_private(hub, folder):
    publish(folder, "ada/face", private=True, token=hub.token("ada"), build=SegFace)
    assert hub.repos["model", "ada/face"].private


def test_a_model_in_memory_can_be_pushed(hub):
    url = SegFace(TINY).push_to_hub("ada/face", private=True, token=hub.token("ada"))
    assert "/ada/face/commit/" in url
    assert hub.repos["model", "ada/face"].private
    assert 'from_pretrained("ada/face")' in hub.files("model", "ada/face")["README.md"].decode()


def test_a_card_on_the_hub_is_replaced_only_on_request(hub, folder):
    token = hub.token("ada")
    publish(folder, "ada/face", token=token, build=SegFace)
    api = HfApi(token=token)
    card = {"path_in_repo": "README.md", "repo_id": "ada/face"}
    api.upload_file(path_or_fileobj=b"My scores: 93", **card)
    model = SegFace(TINY)
    model.push_to_hub("ada/face", token=token)
    files = hub.files("model", "ada/face")
    assert files["README.md"] == b"My scores: 93"
    assert files["model.safetensors"] != (folder / "model.safetensors").read_bytes()
    model.push_to_hub("ada/face", token=token, replace_card=True)
    assert b"## Usage" in hub.files("model", "ada/face")["README.md"]


def test_a_model_can_go_to_a_branch_or_pull_request_with_a_custom_message(hub):
    model, token = SegFace(TINY), hub.token("ada")
    api = HfApi(token=token)
    api.create_repo("ada/face")
    api.create_branch("ada/face", branch="next")
    said = {"token": token, "commit_message": "Try a wider decoder"}
    model.push_to_hub("ada/face", revision="next", **said)
    repo = hub.repos["model", "ada/face"]
    assert repo.commits[repo.branches["next"]].title == "Try a wider decoder"
    assert "model.safetensors" in repo.tree("next")
    address = model.push_to_hub("ada/face", create_pr=True, **said)
    assert address.endswith("/ada/face/discussions/1")
    assert "model.safetensors" in repo.tree("refs/pr/1")
    assert "model.safetensors" not in repo.tree()


def test_a_dry_run_checks_everything_and_sends_nothing(hub, folder, capsys):
    assert (
        main(["publish", str(folder), "ada/face", "--private", "--dry-run", "--without-gate"]) == 0
    )
    printed = capsys.readouterr().out
    assert "would publish to ada/face, made private if it is new" in printed
    assert "model.safetensors" in printed
    assert hub.log == []


def test_the_command_publishes_with_a_token(hub, folder, capsys):
    arguments = ["publish", str(folder), "ada/face", "--without-gate", "--token", hub.token("ada")]
    assert main(arguments) == 0
    assert "/ada/face/commit/" in capsys.readouterr().out


def test_a_missing_token_and_one_without_rights_give_the_remedy(hub, folder, capsys):
    reader = hub.token("eve", role="read")
    for token in (reader, None):
        with pytest.raises(CheckpointError, match=r"does not let this token write.*hf auth login"):
            publish(folder, "ada/face", token=token, build=SegFace)
    assert ("model", "ada/face") not in hub.repos
    assert main(["publish", str(folder), "ada/face", "--without-gate", "--token", reader]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("request_path", ["/repos/create", "/commit/"])
def test_an_unreachable_hub_is_reported_in_one_sentence(hub, folder, request_path, capsys):
    hub.fail(request_path, cut=True)
    arguments = ["publish", str(folder), "ada/face", "--without-gate", "--token", hub.token("ada")]
    assert main(arguments) == 2
    message = capsys.readouterr().err.splitlines()[-1]  # after the bar of the upload
    assert message.startswith(
        "segface publish: the Hub can't be reached or is busy (Server disconn"
    )
    assert "publish it again later" in message
    assert main(arguments) == 0


def test_pushing_a_model_without_network_fails_with_one_sentence(hub, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match=r"can't be reached.*unset the `HF_HUB_OFFLINE`"):
        SegFace(TINY).push_to_hub("ada/face", token=hub.token("ada"))
    assert hub.log == []


def test_weights_refused_by_the_hub_are_reported_with_its_reason(hub, folder):
    hub.fail("_lfs/", 403, method="PUT")
    hub.fail("_lfs/", 400, method="PUT")
    for message in (r"does not let this token write", r"the Hub refused 'ada/face': .*400"):
        with pytest.raises(CheckpointError, match=message):
            publish(folder, "ada/face", token=hub.token("ada"), build=SegFace)


def test_an_incomplete_or_damaged_folder_is_never_sent(hub, folder, tmp_path):
    with pytest.raises(CheckpointNotFoundError, match="lacks"):
        publish(tmp_path, "ada/face", token=hub.token("ada"), build=SegFace)
    for name in ("README.md", "config.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    (tmp_path / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:9000])
    with pytest.raises(CheckpointError, match="damaged"):
        publish(tmp_path, "ada/face", token=hub.token("ada"), build=SegFace)
    assert hub.log == []


@pytest.mark.parametrize("name", ["face", "a/b/c", "ada/..", "ada/fa ce", ""])
def test_invalid_repository_names_are_refused_before_anything_is_sent(hub, folder, name):
    with pytest.raises(CheckpointError):
        plan(folder, name, build=SegFace)
    assert hub.log == []


def test_the_card_is_valid_front_matter_and_lists_every_class(folder):
    import yaml

    text = (folder / "README.md").read_text()
    front = yaml.safe_load(text.split("---")[1])
    labels = TINY.labels
    assert front["pipeline_tag"] == "image-segmentation"
    assert {"face-parsing", "segface"} <= set(front["tags"])
    for index, name in enumerate(labels.names):
        assert f"| {index} | {name} | #" in text
    for heading in ("Usage", "Classes", "Limits", "Licenses", "Citation"):
        assert f"\n## {heading}\n" in text
    assert json.loads((folder / "config.json").read_text())["schema"] in front["tags"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# A model\n", "says no license: write `license:`"),
        ("---\ntags: [face-parsing]\n---\n", "says no license"),
        ("---\nlicense: [\n---\n", "can't be read as a model card"),
        (
            "---\nlicense: mit\n---\nWhose photos: say so here before you publish them.\n",
            "write in place of that sentence",
        ),
    ],
)
def test_a_card_that_leaves_the_license_open_is_refused_by_a_dry_run_too(
    hub, folder, tmp_path, text, message, capsys
):
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    (tmp_path / "README.md").write_text(text)
    assert main(["publish", str(tmp_path), "ada/face", "--dry-run"]) == 2
    assert message in capsys.readouterr().err
    with pytest.raises(CheckpointError, match=message.split("`")[0]):
        publish(tmp_path, "ada/face", token=hub.token("ada"), build=SegFace)
    assert hub.log == []


@pytest.mark.slow
def test_a_checkpoint_published_with_onnx_parses_without_torch_elsewhere(hub, folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "checkpoint")
    card = copy / "README.md"
    card.write_text(card.read_text().replace(UNFINISHED, "The makers allow any use."))
    token = hub.token("ada")
    assert (
        main(["publish", str(copy), "ada/light", "--onnx", "--without-gate", "--token", token]) == 0
    )
    assert "model.onnx" in hub.files("model", "ada/light")
    code = (
        "import sys\nfor name in ('torch', 'timm'): sys.modules[name] = None\n"
        "from PIL import Image\nfrom segface_hf import FaceParser\n"
        "parser = FaceParser.from_pretrained('ada/light')\n"
        "print(parser.parse(Image.new('RGB', (64, 64)), whole_image=True).engine)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "onnx\n", done.stderr
    (copy / "model.safetensors").write_bytes(
        (SHIPPED["embedded"] / "model.safetensors").read_bytes()
    )
    assert main(["publish", str(copy), "ada/light", "--without-gate", "--token", token]) == 2


def test_a_commit_gets_a_tag_once_and_a_tag_of_other_weights_is_refused(hub, folder, tmp_path):
    said = {"token": hub.token("ada"), "build": SegFace, "tag": "growth-1"}
    publish(folder, "ada/face", **said)
    repo = hub.repos["model", "ada/face"]
    assert repo.tags == {"growth-1": repo.branches["main"]}
    publish(folder, "ada/face", **said)
    assert len(repo.commits) == 2
    other = SegFace(TINY).save_pretrained(tmp_path / "other")
    with pytest.raises(CheckpointError, match="has the tag 'growth-1' for other weights"):
        publish(other, "ada/face", **said)
    assert len(repo.commits) == 2


def test_the_right_to_write_is_checked_before_any_work(hub, folder):
    ada, eve = hub.token("ada"), hub.token("eve")
    check_access("ada/new", token=ada)
    publish(folder, "ada/face", token=ada, build=SegFace)
    check_access("ada/face", token=ada)
    for repo_id, token in (("ada/new", eve), ("ada/face", eve), ("ada/new", None)):
        with pytest.raises(CheckpointError, match="does not let this token write to 'ada/"):
            check_access(repo_id, token=token)
    with pytest.raises(CheckpointError, match="does not let this token write"):
        check_access("eve/new", token=hub.token("eve", role="read"))
    assert ("model", "ada/new") not in hub.repos
