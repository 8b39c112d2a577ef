"""`segface add-class`: the new checkpoint, what it keeps, and examples that are refused."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from segface_hf import FaceParser, SegFace, SegFaceConfig
from segface_hf.checkpoints import files
from segface_hf.checkpoints.card import UNFINISHED
from segface_hf.checkpoints.publish import plan
from segface_hf.cli.program import main
from segface_hf.errors import CheckpointError, ConfigError
from segface_hf.explain.photo import Explainer
from segface_hf.export.save import save_pretrained
from segface_hf.inference.infer import infer
from segface_hf.inference.onnx_engine import OnnxEngine
from segface_hf.training.optim import build_model
from segface_hf.training.recipe_file import read_recipe

SMALL = SegFaceConfig(
    backbone="test_efficientnet",
    width=16,
    depth=1,
    heads=2,
    mlp_dim=16,
    upscale_dims=(8,),
    detail=True,
    resolution=64,
    class_bias=tuple(index % 3 / 8 for index in range(19)),
    source="a test",
    license="cc0-1.0",
)
NEW = 19
EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def picture(seed):
    """A gray picture with a red square, and the mask that calls the square a class of its own."""
    noise = np.random.default_rng(seed)
    image = noise.integers(108, 112, (64, 64, 3), dtype=np.uint8)
    mask = np.zeros((64, 64), np.uint8)
    mask[:8] = 14
    top, left = noise.integers(12, 36, 2)
    image[top : top + 20, left : left + 20] = (230, 20, 20)
    mask[top : top + 20, left : left + 20] = NEW
    return image, mask


def write(folder, pairs):
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for index, (image, mask) in enumerate(pairs):
        Image.fromarray(image).save(folder / "images" / f"{index}.png")
        Image.fromarray(mask).save(folder / "masks" / f"{index}.png")
    return folder


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """A folder with a model, five examples, and the model with the class that they teach."""
    folder = tmp_path_factory.mktemp("added")
    torch.manual_seed(0)
    model = SegFace(SMALL).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            # Fresh weights tie everywhere; these spread the logits as trained ones do.
            if name.startswith(("decoder.token_mlp", "decoder.upscaling", "fusion.mix")):
                parameter.mul_(4.0)
    model.save_pretrained(folder / "base")
    write(folder / "examples", map(picture, range(5)))
    assert add(folder, "sticker", "--parent", "skin") == 0
    return folder


def add(folder, name, *options, source="examples", model="base", out="out"):
    base, examples = str(folder / model), str(folder / source)
    command = ["add-class", name, "--from", examples, "--model", base, "--aligned"]
    return main([*command, "--out", str(folder / out), *options])


def pixels(count=2):
    return torch.randn(count, 3, 64, 96, generator=torch.Generator().manual_seed(3))


def test_the_class_is_the_last_one_and_the_others_keep_their_logits(places):
    base, model = (SegFace.from_pretrained(places / name) for name in ("base", "out"))
    assert model.config.labels.names == (*base.config.labels.names, "sticker")
    assert model.config.added_classes == (("sticker", 5, "logistic"),)
    with torch.inference_mode():
        assert torch.allclose(model(pixels())[:, :NEW], base(pixels()), atol=1e-5)


def test_the_fused_path_gives_the_labels_of_the_plain_one(places):
    model = SegFace.from_pretrained(places / "out")
    image = torch.from_numpy(picture(98)[0]).permute(2, 0, 1)[None].float() / 255
    given = torch.cat([(image - 0.5) / 0.25, pixels(1)[..., :64]])
    with torch.inference_mode():
        plain = model(given)
    assert (plain.argmax(1) == NEW).any()
    assert torch.allclose(infer(model, given, logits=True).logits, plain, atol=1e-4)
    assert (infer(model, given).labels == plain.argmax(1)).float().mean() > 0.9999


def test_onnx_gives_the_labels_of_the_plain_path(places):
    model = SegFace.from_pretrained(places / "out")
    folder = save_pretrained(model, places / "exported")
    image = torch.from_numpy(picture(98)[0]).permute(2, 0, 1)[None].float() / 255
    given = torch.cat([(image - 0.5) / 0.25, pixels(1)[..., :64]])
    with torch.inference_mode():
        plain = model(given)
    logits, labels = OnnxEngine(folder).logits_and_labels(given.numpy())
    assert (plain.argmax(1) == NEW).any()
    assert torch.allclose(torch.from_numpy(logits), plain, atol=1e-3)
    assert (labels == plain.argmax(1).numpy()).mean() > 0.9999
    assert OnnxEngine(folder).config.labels.names[NEW] == "sticker"


def test_the_card_says_how_the_class_was_added_and_the_owner_states_the_license(places):
    card = places / "out" / files.CARD_FILE
    text = card.read_text()
    assert "added `sticker` to" in text
    assert "from 5 masks by the method `logistic`, without training" in text
    assert text.count("\n| 3 | ") == 2  # among the classes, and among the photos
    assert "from a test" in SegFace.from_pretrained(places / "out").config.source
    with pytest.raises(CheckpointError, match="say so here before you publish them"):
        plan(places / "out", "org/name", build=SegFace)
    folder = shutil.copytree(places / "out", places / "stated")
    (folder / files.CARD_FILE).write_text(text.replace(UNFINISHED, "CC0"))
    assert plan(folder, "org/name", build=SegFace).config.added_classes[0][0] == "sticker"


def test_the_example_of_the_docs_finds_foreheads_in_photos_that_did_not_teach_them(
    tmp_path, capsys
):
    out = str(tmp_path / "out")
    command = ["add-class", "forehead", "--from", str(EXAMPLES / "forehead"), "--out", out]
    assert main([*command, "--model", "embedded", "--parent", "skin", "--aligned"]) == 0
    assert "5 photos, each left out once" in capsys.readouterr().out
    image = Image.open(EXAMPLES / "rendered_jewellery.jpg")
    parse = FaceParser.from_pretrained(out).parse(image)
    rows, columns = np.nonzero(parse.mask == NEW)
    eyes = np.nonzero(np.isin(parse.mask, [8, 9]))
    assert len(rows) > 2000
    assert rows.mean() < eyes[0].mean() - 20
    assert abs(columns.mean() - eyes[1].mean()) < 25


def test_the_heads_of_a_class_without_a_token_are_not_explained(places):
    with pytest.raises(ConfigError, match="'sticker' was added from examples"):
        Explainer(SegFace.from_pretrained(places / "out"))


def test_a_second_class_leaves_the_row_of_the_first_one(places):
    pairs = [(image, mask + (mask == NEW)) for image, mask in map(picture, range(2))]
    write(places / "badges", pairs)
    assert add(places, "badge", model="out", out="two", source="badges") == 0
    first, both = (SegFace.from_pretrained(places / name) for name in ("out", "two"))
    assert [entry[0] for entry in both.config.added_classes] == ["sticker", "badge"]
    with torch.inference_mode():
        assert torch.allclose(both(pixels())[:, :20], first(pixels()), atol=1e-5)


def test_training_starts_from_the_added_row_unless_the_recipe_names_other_classes(places):
    recipe = places / "recipe.yaml"
    recipe.write_text(f"initial: {places / 'out'}\n")
    started, source = build_model(read_recipe(recipe)), SegFace.from_pretrained(places / "out")
    assert started.config.added_classes == source.config.added_classes
    assert torch.equal(started.decoder.added.weight, source.decoder.added.weight)
    recipe.write_text(
        f"initial: {places / 'out'}\n"
        "model: {schema: own, label_names: [background, hat], label_colors: [[0,0,0],[1,1,1]]}\n"
        "augment: {flip: 0}\n"
    )
    started = build_model(read_recipe(recipe))
    assert started.decoder.added is None
    assert torch.equal(started.decoder.class_tokens[1], source.decoder.class_tokens[16])


def test_a_checkpoint_without_added_classes_is_written_as_before():
    shipped = files.embedded_folder() / files.CONFIG_FILE
    text = json.dumps(SegFace.from_pretrained("embedded").config.to_dict(), indent=2) + "\n"
    assert text == shipped.read_text()


def whole_face(image, mask):
    return image, np.full_like(mask, NEW)


def moved(image, mask):
    return image, np.roll(mask, 32, axis=1)


PAIRS = [picture(seed) for seed in range(3)]
REFUSED = {
    "one photo of 'sticker' is too few": PAIRS[:1],
    "'2' shows no 'sticker' of at least 8 pixels": [*PAIRS[:2], (PAIRS[2][0], PAIRS[2][1] % NEW)],
    "both must have the same size": [*PAIRS[:2], (PAIRS[2][0], PAIRS[2][1][:32])],
    "covers the whole face and all around it": [*PAIRS[:2], whole_face(*PAIRS[2])],
    "'0' and '2' are the same photo, but their masks": [*PAIRS[:2], moved(*PAIRS[0])],
    "is not found where the mask of '2' has it": [
        *map(picture, range(12, 14)),
        (PAIRS[2][0], np.where(PAIRS[2][1] == 14, NEW, 0).astype(np.uint8)),
    ],
    "id 20 is not a class": [*PAIRS[:2], (PAIRS[2][0], np.full_like(PAIRS[2][1], 20))],
}


@pytest.mark.parametrize("message", REFUSED)
def test_examples_that_cannot_teach_are_refused_and_nothing_is_written(
    places, tmp_path, capsys, message
):
    write(tmp_path / "bad", REFUSED[message])
    shutil.copytree(places / "base", tmp_path / "base")
    assert add(tmp_path, "sticker", source="bad") == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("hat", (), "a class 'hat' already"),
        ("sticker", ("--parent", "chin"), "no class or family 'chin'"),
        ("sticker", ("--mirror-pair", "chin"), "no class 'chin'"),
    ],
)
def test_a_class_that_does_not_fit_is_refused_before_the_examples_are_read(
    places, capsys, name, options, message
):
    assert add(places, name, *options, source="nowhere", out="none") == 2
    assert message in capsys.readouterr().err
    assert not (places / "none").exists()
