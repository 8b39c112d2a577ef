"""Drawn faces with exact masks, and a recipe of a few steps on the smallest backbone."""

from __future__ import annotations

import numpy as np
from PIL import Image

from segface_hf.labels import CELEBAMASK_HQ
from segface_hf.training.recipe import Recipe

SIDE = 64


def draw_face(seed: int, *, glasses: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """A flat face of ellipses: RGB (64, 64, 3) and ids (64, 64); subject's left is image right."""
    random = np.random.default_rng(seed)
    dx, dy = random.integers(-4, 5, 2)
    y, x = np.mgrid[:SIDE, :SIDE]

    def ellipse(cx, cy, rx, ry):
        return ((x - cx - dx) / rx) ** 2 + ((y - cy - dy) / ry) ** 2 <= 1

    mask = np.zeros((SIDE, SIDE), np.uint8)
    named = CELEBAMASK_HQ.id_of
    mask[ellipse(32, 28, 24, 26)] = named("hair")
    mask[ellipse(32, 34, 18, 22)] = named("skin")
    if glasses:
        mask[ellipse(24, 30, 7, 5) | ellipse(40, 30, 7, 5)] = named("eyeglasses")
    mask[ellipse(24, 30, 4, 2)] = named("r_eye")
    mask[ellipse(40, 30, 4, 2)] = named("l_eye")
    mask[ellipse(32, 37, 3, 5)] = named("nose")
    mask[ellipse(32, 47, 8, 3)] = named("u_lip")
    colors = np.array(CELEBAMASK_HQ.colors)[mask]
    noise = random.normal(0, 8, (SIDE, SIDE, 3))
    return (colors + noise).clip(0, 255).astype(np.uint8), mask


def write_pair(folder, stem: str, image: np.ndarray, mask: np.ndarray) -> None:
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(folder / "images" / f"{stem}.png")
    Image.fromarray(mask).save(folder / "masks" / f"{stem}.png")


def tiny_recipe(**options):
    model = {
        "backbone": "test_efficientnet", "width": 16, "heads": 2, "depth": 1, "mlp_dim": 16,
        "upscale_dims": [8], "detail": True, "refine": True, "resolution": 32,
    }  # fmt: skip
    values = {
        "model": model, "pretrained": "none", "steps": 4, "batch_size": 3, "storage": 48,
        "precision": "fp32", "warmup_steps": 1, "evaluate_every": 2, "checkpoint_every": 2,
        "learning_rate": 0.01, "backbone_rate": 0.005, "tail": {"paste": {"eyeglasses": 0.5}},
    }  # fmt: skip
    return Recipe.from_dict({**values, **options})
