"""A photo through published LaPa and Helen checkpoints, from the Hub to the photo's own pixels."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from huggingface_hub import constants

from segface_hf import FaceParser
from segface_hf.checkpoints.upstream import REPOSITORY
from segface_hf.images import load_image
from segface_hf.labels import SCHEMAS
from tests.hub_double.state import Commit
from tests.segface_hf.published import published_state

PHOTO = Path(__file__).resolve().parents[2] / "examples" / "astronaut.jpg"


def pickled(dataset):
    stream = io.BytesIO()
    torch.save({"state_dict_backbone": published_state("mobilenet", dataset)}, stream)
    return stream.getvalue()


@pytest.mark.parametrize("dataset", ["lapa", "helen"])
def test_a_photo_parses_from_end_to_end_with_landmarks_of_a_first_parse(
    hub, tmp_path, monkeypatch, dataset
):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    folder = f"mobilenet_{dataset}_224"
    repo = hub.create("model", REPOSITORY)
    tree = {f"{folder}/model_299.pt": pickled(dataset)}
    repo.branches["main"] = repo.add(Commit(None, tree, "files", "authors"))

    parser = FaceParser.from_pretrained(f"hub:{REPOSITORY}/{folder}")
    photo = load_image(PHOTO)
    parse = parser.parse(photo)

    assert parser.schema == SCHEMAS[dataset]
    assert parse.mask.shape == (photo.height, photo.width)
    assert parse.mask.dtype == np.uint8
    assert len(parse.faces) == 1
    landmarks = parse.faces[0].landmarks
    assert landmarks.shape == (5, 2)
    left, top, right, bottom = parse.faces[0].box
    assert (landmarks[:, 0] > left - 30).all()
    assert (landmarks[:, 0] < right + 30).all()
    assert landmarks[0, 0] < landmarks[2, 0] < landmarks[1, 0], "image-left eye, nose, right eye"
    ids = set(np.unique(parse.mask).tolist())
    assert ids <= set(range(11))
    assert len(ids - {0}) >= 1
    face = parse.mask[int(top) : int(bottom), int(left) : int(right)]
    assert (face > 0).mean() > (parse.mask > 0).mean()
