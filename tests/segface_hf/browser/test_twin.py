"""The parser in JavaScript gives what the one in Python gives, on public-domain photos."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segface_hf import FaceParser, load_image
from segface_hf.checkpoints.files import file_digest
from segface_hf.cli.program import main
from segface_hf.pipeline.centerface import CenterFaceDetector
from segface_hf.pipeline.frames import Frame

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
WILD = ROOT / "bench" / "wild_photos" / "images"
CROPS = 40


def photos():
    """Photos of several kinds: a face, several, turned, small, with padding, none."""
    astronaut = load_image(ROOT / "examples" / "astronaut.jpg")
    boxed = Image.new("RGB", (420, 330))
    boxed.paste(astronaut.resize((280, 280)), (70, 20))
    wild = {name: load_image(WILD / f"{name}.jpg") for name in ("glasses", "teal_shirt")}
    return {
        **wild,
        "turned": astronaut.resize((256, 256)).rotate(90),
        "small": astronaut.resize((60, 60)),
        "boxed": boxed,
        "empty": Image.new("RGB", (120, 80), (90, 120, 30)),
        "whole": astronaut.crop((120, 0, 340, 250)),
    }


def crops(rng, images):
    """Frames of every size and turn, within photos and beyond them."""
    for _ in range(CROPS):
        name = str(rng.choice(sorted(images)))
        width, height = images[name].size
        yield (
            name,
            {
                "center": [float(rng.uniform(-0.2, 1.2) * n) for n in (width, height)],
                "side": float(np.exp(rng.uniform(np.log(8), np.log(4 * max(width, height))))),
                "angle": float(rng.choice([0, 90, rng.uniform(-180, 180)])),
                "size": int(rng.choice([32, 160])),
            },
        )


@pytest.fixture(scope="module")
def twins(node, exported, tmp_path_factory):
    """Photos, crop cases, the parses in Python, and the folder with what Node gave."""
    folder = tmp_path_factory.mktemp("cases")
    images = photos()
    described = {}
    for name, image in images.items():
        np.asarray(image.convert("RGBA")).tofile(folder / f"{name}.rgba")
        described[name] = {"name": name, "width": image.width, "height": image.height}
    cut = list(crops(np.random.default_rng(3), images))
    cases = {
        "crops": [{"photo": described[name], **case} for name, case in cut],
        "parses": [
            {"photo": photo, "wholeImage": name == "whole"} for name, photo in described.items()
        ],
    }
    (folder / "cases.json").write_text(json.dumps(cases), encoding="utf-8")
    command = [node, str(HERE / "run.mjs"), str(exported), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[-2000:]
    parser = FaceParser.from_pretrained(detector=CenterFaceDetector())
    parses = {n: parser.parse(image, whole_image=n == "whole") for n, image in images.items()}
    return images, cut, parses, folder


def test_frames_are_cropped_to_the_same_bytes(twins):
    images, cut, _, folder = twins
    for index, (name, case) in enumerate(cut):
        frame = Frame(tuple(case["center"]), case["side"], case["angle"])
        expected = frame.crop(images[name], case["size"])
        found = np.fromfile(folder / f"crop{index}", np.uint8).reshape(*expected.shape[:2], 4)
        assert np.array_equal(found[..., :3], expected), (name, case)


def test_labels_are_equal_on_999_of_1000_pixels(twins):
    _, _, parses, folder = twins
    equal = {}
    for name, parse in parses.items():
        found = np.fromfile(folder / f"{name}.ids", np.uint8).reshape(parse.mask.shape)
        equal[name] = found == parse.mask
    assert np.concatenate([same.ravel() for same in equal.values()]).mean() >= 0.999
    # One rounding can decide whether a patch of clothes is connected with its person.
    assert min(same.mean() for same in equal.values()) >= 0.99


def test_faces_are_equal(twins):
    _, _, parses, folder = twins
    results = json.loads((folder / "results.json").read_text())["results"]
    assert [len(parse.faces) for parse in parses.values()] == [3, 1, 1, 1, 1, 0, 1]
    for parse, found in zip(parses.values(), results, strict=True):
        assert (found["width"], found["height"]) == parse.mask.shape[::-1]
        for face, other in zip(parse.faces, found["faces"], strict=True):
            assert other["box"] == pytest.approx(face.box, abs=0.5)
            assert other["confidence"] == pytest.approx(face.confidence, abs=1e-3)
            assert other["problem"] == face.problem
            if face.landmarks is None:
                assert other["landmarks"] is None
            else:
                assert np.allclose(other["landmarks"], face.landmarks, atol=0.5)


def test_pixels_of_another_kind_are_refused_with_what_is_expected(twins):
    said = json.loads((twins[3] / "results.json").read_text())["refused"]
    assert "4 bytes a pixel, got 27 bytes of 3 x 3" in said


def test_the_command_writes_the_same_parser_and_states_its_size(exported, tmp_path, capsys):
    out = tmp_path / "parser"
    assert main(["export", "embedded", "--format", "browser", "--out", str(out)]) == 0
    size = sum(path.stat().st_size for path in out.iterdir()) / 1e6
    assert f"{size:.1f} MB" in capsys.readouterr().out
    for path in out.iterdir():
        assert path.read_bytes() == (exported / path.name).read_bytes()
    assert "MIT License" in (out / "detector.LICENSE.txt").read_text()
    about = json.loads((out / "labels.json").read_text())
    assert about["digest"] == file_digest(ROOT / "segface_hf" / "weights" / "model.safetensors")


def test_options_that_the_browser_export_lacks_are_refused(tmp_path, capsys):
    out = str(tmp_path)
    assert main(["export", "embedded", "--format", "browser", "--int8", "--out", out]) == 2
    assert "takes neither --int8 nor --data" in capsys.readouterr().err
