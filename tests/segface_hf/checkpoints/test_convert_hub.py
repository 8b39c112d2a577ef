"""Published checkpoints on the Hub, with the real client: download, convert once, keep."""

from __future__ import annotations

import io
import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import torch
from huggingface_hub import constants

from segface_hf import SegFace
from segface_hf.checkpoints.files import commit_of
from segface_hf.checkpoints.find import checkpoint_folder
from segface_hf.checkpoints.published import HubSource, convert_all, is_published, load_published
from segface_hf.checkpoints.upstream import FOLDERS, REPOSITORY, parse_folder, spellings
from segface_hf.cli.program import main
from segface_hf.errors import CheckpointError, CheckpointNotFoundError
from tests.hub_double.state import Commit
from tests.segface_hf.published import pixels, published_state

SOURCE = f"hub:{REPOSITORY}/mobilenet_celeba_512"


@pytest.fixture(scope="module")
def pickled():
    stream = io.BytesIO()
    torch.save({"epoch": 0, "state_dict_backbone": published_state("mobilenet", "celeb")}, stream)
    return stream.getvalue()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def upload(hub, files, *, private=False):
    repo = hub.repos.get(("model", REPOSITORY)) or hub.create("model", REPOSITORY, private=private)
    tree = {**repo.tree(), **files}
    repo.branches["main"] = repo.add(Commit(repo.branches["main"], tree, "files", "authors"))
    return repo


def test_a_converted_checkpoint_is_stored_in_the_chosen_folder_and_read_from_it(
    hub, cache, pickled, tmp_path
):
    repo = upload(hub, {"mobilenet_celeba_512/model_299.pt": pickled})
    kept = {"cache_dir": tmp_path / "kept"}
    folder = load_published(SOURCE, **kept, build=SegFace)
    assert folder.is_relative_to(tmp_path / "kept")
    assert commit_of(folder) == repo.branches["main"]
    assert not cache.exists()
    asked = len(hub.log)
    assert load_published(SOURCE, local_files_only=True, **kept, build=SegFace) == folder
    with pytest.raises(CheckpointNotFoundError):
        load_published(SOURCE, local_files_only=True, build=SegFace)
    assert len(hub.log) == asked


def test_a_published_checkpoint_is_downloaded_and_converted_once(hub, cache, pickled):
    upload(hub, {"mobilenet_celeba_512/model_299.pt": pickled, "big/model_299.pt": b"never asked"})
    folder = load_published(SOURCE, build=SegFace)
    model = SegFace.from_pretrained(folder)
    assert model.config.source == f"{REPOSITORY}/mobilenet_celeba_512/model_299.pt"
    assert model.config.resolution == 512
    assert "mobilenet_celeba_512` | CelebAMask-HQ | 87.91" in (folder / "README.md").read_text()
    assert cache in folder.parents
    assert not hub.requests("big/model_299.pt")

    asked = len(hub.log)
    assert load_published(SOURCE, build=SegFace) == folder
    assert len(hub.log) == asked, "the second time needs no network"


def test_every_loader_accepts_a_published_checkpoint(hub, cache, pickled):
    upload(hub, {"mobilenet_celeba_512/model_299.pt": pickled})
    assert SegFace.from_pretrained(SOURCE).config.backbone == "mobilenet"
    assert checkpoint_folder(SOURCE, build=SegFace) == load_published(SOURCE, build=SegFace)


def test_either_spelling_of_celeb_finds_either_folder(hub, cache, pickled):
    upload(hub, {"mobilenet_celeba_512/model_299.pt": pickled})
    first = load_published(f"hub:{REPOSITORY}/mobilenet_celeb_512", build=SegFace)
    asked = len(hub.log)
    assert load_published(f"hub:{REPOSITORY}/mobilenet_celeb_512", build=SegFace) == first
    assert load_published(SOURCE, build=SegFace) == first
    assert len(hub.log) == asked


def test_a_cached_checkpoint_loads_without_the_hub(hub, cache, pickled):
    upload(hub, {"mobilenet_celeba_512/model_299.pt": pickled})
    load_published(SOURCE, build=SegFace)
    hub.chaos = lambda method, path: pytest.fail(f"asked for {path}")
    with torch.inference_mode():
        logits = SegFace.from_pretrained(load_published(SOURCE, build=SegFace))(pixels(64, 64))
    assert logits.shape == (1, 19, 64, 64)


def test_two_visitors_at_once_get_one_conversion(hub, cache, pickled):
    upload(hub, {"mobilenet_celeba_512/model_299.pt": pickled})
    with ThreadPoolExecutor(4) as pool:
        folders = list(pool.map(partial(load_published, build=SegFace), [SOURCE] * 4))
    assert len(set(folders)) == 1
    assert SegFace.from_pretrained(folders[0]).config.backbone == "mobilenet"
    assert not list(cache.rglob("*.partial"))


def test_the_newest_epoch_of_a_folder_is_taken(hub, cache, pickled):
    folder = "mobilenet_celeba_512"
    upload(hub, {f"{folder}/model_99.pt": b"old", f"{folder}/model_299.pt": pickled})
    assert SegFace.from_pretrained(load_published(SOURCE, build=SegFace)).config.source.endswith(
        "model_299.pt"
    )


def test_a_missing_repository_or_folder_is_named(hub, cache):
    with pytest.raises(CheckpointNotFoundError, match="no repository 'kartiknarayan/SegFace'"):
        load_published(SOURCE, build=SegFace)
    upload(hub, {"README.md": b"# SegFace"})
    with pytest.raises(
        CheckpointNotFoundError, match=r"has no mobilenet_celeba_512/model_\*\.pt: published"
    ):
        load_published(SOURCE, build=SegFace)


@pytest.mark.parametrize(
    "text",
    [
        "hub:",
        "hub:SegFace",
        "hub:a/b/../c",
        "hub:a/b/c/d",
        "hub:/etc/passwd",
        "a/b/c",
        "hub:a/.b/c",
    ],
)
def test_other_forms_of_a_source_are_refused(text):
    with pytest.raises(CheckpointNotFoundError, match="expected hub:org/repo/folder such as"):
        HubSource.parse(text)


def test_a_source_without_a_folder_lists_the_published_ones(cache):
    with pytest.raises(CheckpointNotFoundError, match="swinb_helen_512"):
        load_published(f"hub:{REPOSITORY}", build=SegFace)


def test_only_strings_with_the_scheme_are_published_sources(tmp_path):
    assert is_published(SOURCE)
    assert not is_published("org/name")
    assert not is_published(tmp_path)


def test_a_damaged_upload_leaves_nothing_converted(hub, cache, pickled):
    upload(hub, {"mobilenet_celeba_512/model_299.pt": pickled[:5000]})
    with pytest.raises(CheckpointError, match="truncated"):
        load_published(SOURCE, build=SegFace)
    assert not list(cache.rglob("config.json"))


def test_converting_all_resumes_where_it_was_interrupted(hub, cache, tmp_path, pickled):
    names = ["mobilenet_celeba_512", "resnet_celeb_512"]
    upload(hub, {f"{names[0]}/model_299.pt": pickled, f"{names[1]}/model_299.pt": b"broken"})
    out = tmp_path / "out"
    steps = convert_all(HubSource(REPOSITORY), out, build=SegFace)
    while next(steps).name != names[0]:
        continue
    steps.close()
    first = (out / names[0] / "config.json").stat().st_mtime_ns

    outcomes = {
        outcome.name: outcome for outcome in convert_all(HubSource(REPOSITORY), out, build=SegFace)
    }
    assert tuple(outcomes) == FOLDERS
    assert outcomes[names[0]].status == "kept"
    assert (out / names[0] / "config.json").stat().st_mtime_ns == first
    assert outcomes["resnet_celeba_512"].status == "failed"
    assert "truncated or not a PyTorch checkpoint" in outcomes["resnet_celeba_512"].problem
    assert outcomes["swinb_lapa_224"].status == "absent"
    assert sorted(path.name for path in out.iterdir()) == [names[0]]


def test_converting_all_stops_at_a_hub_failure_and_the_next_run_resumes(
    hub, cache, tmp_path, pickled
):
    upload(hub, {"mobilenet_celeba_512/model_299.pt": pickled})
    hub.fail("resolve/.*model_299.pt", 403, times=9)
    with pytest.raises(CheckpointNotFoundError, match="the Hub can't be reached"):
        list(convert_all(HubSource(REPOSITORY), tmp_path / "out", build=SegFace))
    assert not (tmp_path / "out").exists()
    hub.faults.clear()
    again = {o.name: o for o in convert_all(HubSource(REPOSITORY), tmp_path / "out", build=SegFace)}
    assert again["mobilenet_celeba_512"].status == "converted"


def test_the_command_converts_all_published_checkpoints_or_one(
    hub, cache, tmp_path, pickled, capsys
):
    upload(hub, {f"{name}/model_299.pt": pickled for name in FOLDERS if "mobilenet" in name})
    out = tmp_path / "out"
    assert main(["convert", "--all", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "mobilenet, celebamask_hq, 512 pixels" in printed
    assert printed.count(": not in the repository") == len(FOLDERS) - 1
    assert main(["convert", "--all", "--out", str(out)]) == 0
    assert "mobilenet_celeba_512: already converted" in capsys.readouterr().out
    assert main(["convert", SOURCE, "--out", str(tmp_path / "one"), "--dtype", "float16"]) == 0
    half, full = (p / "model.safetensors" for p in (tmp_path / "one", out / "mobilenet_celeba_512"))
    assert half.stat().st_size < 0.52 * full.stat().st_size


def test_converting_all_fails_without_checkpoints_or_with_a_broken_one(
    hub, cache, tmp_path, capsys
):
    arguments = ["convert", "--all", "--out", str(tmp_path / "out")]
    assert main(arguments) == 2
    upload(hub, {"README.md": b"# SegFace"})
    assert main(arguments) == 2
    assert "none of the published folders" in capsys.readouterr().err
    upload(hub, {"resnet_celeb_512/model_299.pt": b"broken"})
    assert main(arguments) == 1
    assert "resnet_celeba_512: " in capsys.readouterr().err


def test_the_command_takes_a_file_and_says_what_is_wrong_in_one_line(tmp_path, pickled, capsys):
    (tmp_path / "model_299.pt").write_bytes(pickled)
    options = ["--dataset", "celeb", "--backbone", "mobilenet", "--resolution", "256"]
    out = str(tmp_path / "out")
    assert main(["convert", str(tmp_path / "model_299.pt"), *options, "--out", out]) == 0
    assert json.loads((tmp_path / "out/config.json").read_text())["resolution"] == 256
    for arguments in (["convert", "--out", out], ["convert", "absent.pt", "--out", out]):
        assert main(arguments) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert main(["convert", "--all", "--dataset", "lapa", "--out", out]) == 2


def test_an_unwritable_folder_is_reported_before_the_download(
    hub, cache, tmp_path, monkeypatch, pickled, capsys
):
    upload(hub, {"mobilenet_celeba_512/model_299.pt": pickled})
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    places = (
        (".", "is the current folder"),
        (str(tmp_path.parent), "other files"),
        (str(tmp_path / "file" / "out"), "can't write to"),
    )
    for place, message in places:
        assert main(["convert", SOURCE, "--out", place]) == 2
        assert message in capsys.readouterr().err
    thesis = tmp_path / "all" / "mobilenet_celeba_512" / "thesis.txt"
    thesis.parent.mkdir(parents=True)
    thesis.write_text("years")
    assert main(["convert", "--all", "--out", str(tmp_path / "all")]) == 1
    assert "thesis.txt" in capsys.readouterr().err
    assert not hub.requests("mobilenet_celeba_512/model_299.pt")


def test_every_published_folder_is_understood_in_both_spellings():
    assert len(FOLDERS) == 14
    for name in FOLDERS:
        for spelling in spellings(name):
            folder = parse_folder(spelling)
            assert folder is not None
            assert folder.name == name
    assert parse_folder("swinv2b_celeb_512").backbones == ("swinv2_base",)
    assert parse_folder("swinb_lapa_224").dataset == "lapa"
    assert (parse_folder("swinb_celeb_448").resolution, parse_folder("checkpoints")) == (448, None)
    assert parse_folder("swinb_helen_512").mean_f1 is None
