"""Pseudo-labels: who labels, which pixels count, and what is refused."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image

from segface_hf.cli.program import main
from segface_hf.data.folder import find_pairs
from segface_hf.data.frames import is_aligned_crop
from segface_hf.errors import ConfigError, DataError
from segface_hf.labels import IGNORED
from segface_hf.modeling.segface import SegFace
from segface_hf.training.prepare import prepare
from segface_hf.training.recipe import Pseudo
from segface_hf.training.recipe_file import write_recipe
from segface_hf.training.teacher import Teacher, find_photos, label_frame, pseudo_labeled
from tests.segface_hf.training.drawn import draw_face, tiny_recipe

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "astronaut.jpg"


@pytest.fixture
def teacher(tmp_path, recipe):
    torch.manual_seed(0)
    model = SegFace(recipe.model_config())
    model.save_pretrained(tmp_path / "teacher")
    return str(tmp_path / "teacher")


@pytest.fixture
def unlabeled(tmp_path):
    folder = tmp_path / "unlabeled"
    folder.mkdir()
    for seed in range(3):
        Image.fromarray(draw_face(20 + seed)[0]).save(folder / f"new{seed}.png")
    return folder


@pytest.fixture(scope="module")
def trained():
    """A model that sees more than one class; what a random one sees would prove nothing."""
    return SegFace.from_pretrained("embedded").eval()


def test_pixels_where_the_teacher_is_unsure_are_ignored(trained):
    image = Image.fromarray(draw_face(3)[0])
    everything = label_frame(trained, image, confidence=0.0)
    assert int(everything.max()) < trained.config.labels.num_classes
    sure = label_frame(trained, image, confidence=0.9)
    counts = sure != IGNORED
    assert 0 < counts.float().mean() < 1
    assert torch.equal(sure[counts], everything[counts])
    assert (label_frame(trained, image, confidence=1.0) == IGNORED).all()


def test_a_flipped_photo_gets_the_flipped_labels(trained):
    image = Image.open(EXAMPLE).convert("RGB").crop((112, 0, 352, 240))
    ids = label_frame(trained, image, confidence=0.0)
    flipped = label_frame(trained, image.transpose(Image.Transpose.FLIP_LEFT_RIGHT), confidence=0.0)
    labels = trained.config.labels
    swap = torch.tensor(labels.mirror_ids, dtype=torch.uint8)
    assert (swap[flipped.long()].flip(1) == ids).float().mean() > 0.98
    assert {labels.id_of("l_eye"), labels.id_of("r_eye")} <= set(ids.unique().tolist())


def test_labels_do_not_depend_on_the_number_of_threads(trained):
    faces = np.stack([draw_face(seed)[0] for seed in range(4)])
    frames = torch.from_numpy(faces).permute(0, 3, 1, 2)
    alone = list(Teacher(trained, 0.5).label(frames))
    together = list(Teacher(trained, 0.5, workers=3).label(frames))
    assert all(torch.equal(a, b) for a, b in zip(alone, together, strict=True))
    assert not any(torch.equal(alone[0], other) for other in alone[1:])


def test_a_phone_s_photo_is_labeled_upright(trained, tmp_path):
    upright = Image.open(EXAMPLE).convert("RGB").crop((112, 0, 352, 240))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # to be turned clockwise when looked at
    upright.rotate(90).save(tmp_path / "phone.png", exif=exif)
    (tmp_path / "._phone.png").write_bytes(b"what macOS leaves on foreign disks")
    photos = pseudo_labeled(Teacher(trained, 0.0), find_photos(tmp_path), side=240)
    assert torch.equal(photos.masks[0], label_frame(trained, upright, confidence=0.0))


def test_every_face_of_a_photo_without_a_mask_is_a_sample_in_its_frame(trained, tmp_path):
    face = Image.open(EXAMPLE).convert("RGB")
    wide = Image.new("RGB", (1200, 512))
    wide.paste(face, (0, 0))
    wide.paste(face, (688, 0))
    wide.save(tmp_path / "wide.png")
    face.crop((112, 0, 352, 240)).save(tmp_path / "zoom.png")
    paths, teacher = find_photos(tmp_path), Teacher(trained, 0.0)
    photos = pseudo_labeled(teacher, paths, side=128)
    assert photos.stems == ("wide/1", "wide/2", "zoom")
    first, second = photos.masks[:2]
    known = (first != IGNORED) & (second != IGNORED)
    assert known.float().mean() > 0.6
    assert (first == second)[known].float().mean() > 0.9
    assert is_aligned_crop(first.numpy(), photos.schema)
    lazy = pseudo_labeled(teacher, paths, side=128, lazy=True)
    assert all(torch.equal(a, b) for a, b in zip(lazy.masks, photos.masks, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(lazy.images, photos.images, strict=True))
    assert pseudo_labeled(teacher, paths, side=128, aligned=True).stems == ("wide", "zoom")


def test_photos_without_masks_that_show_no_face_are_refused(trained, tmp_path):
    Image.new("RGB", (64, 48), "grey").save(tmp_path / "wall.png")
    with pytest.raises(DataError, match="no face was found in 1 photo without masks"):
        pseudo_labeled(Teacher(trained, 0.0), find_photos(tmp_path), side=32)


def test_labeled_photos_join_those_with_masks(folder, unlabeled, teacher):
    recipe = tiny_recipe(pseudo={"teacher": teacher, "confidence": 0.0})
    data = prepare(folder, recipe, unlabeled=unlabeled, aligned=True)
    alone = prepare(folder, recipe, aligned=True)
    assert len(data.photos) == len(alone.photos) + 3
    assert data.photos.stems[-3:] == ("new0", "new1", "new2")
    images, masks = data.batch(recipe, side=32, generator=torch.Generator().manual_seed(0))
    assert images.shape == (3, 3, 32, 32)
    assert masks.shape == (3, 32, 32)


def test_a_run_trains_on_them_from_the_command_line(folder, unlabeled, teacher, tmp_path, capsys):
    write_recipe(tiny_recipe(pseudo={"teacher": teacher}), tmp_path / "recipe.yaml")
    code = main(
        [
            "train",
            "--data",
            str(folder),
            "--unlabeled",
            str(unlabeled),
            "--aligned",
            "--threads",
            "1",
            "--out",
            str(tmp_path / "run"),
            "--config",
            str(tmp_path / "recipe.yaml"),
        ]
    )
    assert code == 0
    said = capsys.readouterr()
    assert "6 photos, 3 labeled by a teacher, " in said.out
    assert "teacher: 100%" in said.err


def test_photos_without_a_teacher_are_refused(folder, unlabeled, recipe):
    with pytest.raises(ConfigError, match=r"set pseudo\.teacher or initial"):
        prepare(folder, recipe, unlabeled=unlabeled)


def test_a_teacher_of_other_classes_is_refused(folder, unlabeled, tmp_path):
    model = {**dict(tiny_recipe().model_options()), "schema": "lapa"}
    SegFace(tiny_recipe(model=model, tail={}).model_config()).save_pretrained(tmp_path / "lapa")
    recipe = tiny_recipe(pseudo={"teacher": str(tmp_path / "lapa")})
    with pytest.raises(ConfigError, match="other classes"):
        prepare(folder, recipe, unlabeled=unlabeled)


def test_a_folder_without_photos_and_a_wrong_confidence_are_refused(tmp_path):
    with pytest.raises(DataError, match="holds no photos of type"):
        find_photos(tmp_path)
    with pytest.raises(ConfigError, match=r"pseudo\.confidence is from 0 to 1, got 3"):
        Pseudo(confidence=3)


@pytest.mark.parametrize("kind", ["pipe", "broken link", "loop", "folder"])
def test_a_pipe_a_broken_link_and_a_folder_among_photos_are_refused(folder, kind):
    path = folder / "images" / "face0.png"
    target = path.rename(folder / "moved.png")
    path.symlink_to(target)
    assert path in find_photos(folder)
    assert len(find_pairs(folder)) == 6
    path.unlink()
    make = {"pipe": os.mkfifo, "folder": os.mkdir, "loop": lambda p: p.symlink_to(p)}
    make.get(kind, lambda p: p.symlink_to(folder / "none.png"))(path)
    for find in (find_photos, find_pairs):
        with pytest.raises(DataError, match=r"face0\.png is (a broken link|not a file): remove it"):
            find(folder)
