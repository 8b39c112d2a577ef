"""Fakes for the app (a face that is painted by hand, so no weights), and the one browser."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from annotate.label_maps import pack_label_map
from segface_hf.config import SegFaceConfig
from segface_hf.parser import FaceParser
from segface_hf.pipeline.detect import Detection
from segface_hf.pipeline.merge import CropParse
from space.handlers.save import ConsentForm
from space.handlers.services import Services
from space.settings import Settings
from space.state.model_cache import ModelCache
from space.state.model_checks import Admission
from space.state.photo_cache import PhotoCache
from space.state.rate_limits import RateLimit
from space.state.saving import FolderCorrections, anonymous
from tests.space.browser import browser, chromium

__all__ = ["browser", "chromium"]

SIDE = 64
WHO = anonymous()
CONSENT = ConsentForm(right="own", people="agreed", agrees=True)
# Class id and (center x, center y, radius x, radius y) as shares of the crop, painted in turn.
PARTS = (
    (14, (0.5, 0.45, 0.33, 0.42)),
    (2, (0.5, 0.55, 0.25, 0.35)),
    (9, (0.4, 0.47, 0.06, 0.04)),
    (8, (0.6, 0.47, 0.06, 0.04)),
    (10, (0.5, 0.58, 0.05, 0.1)),
    (13, (0.5, 0.73, 0.1, 0.03)),
    (12, (0.5, 0.77, 0.1, 0.03)),
    (17, (0.22, 0.66, 0.03, 0.05)),
)


def painted_face(side=SIDE):
    """uint8 (side, side): a face with hair and one earring."""
    y, x = (np.mgrid[:side, :side] + 0.5) / side
    mask = np.zeros((side, side), np.uint8)
    for index, (cx, cy, rx, ry) in PARTS:
        mask[((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1] = index
    return mask


class PaintedEngine:
    """An engine that sees the same face in every crop."""

    config = SegFaceConfig(resolution=SIDE)

    def run(self, crops, *, landmarks, confidence):
        mask = painted_face(crops.shape[1])
        sure = np.full_like(mask, 240) if confidence else None
        second = np.where(mask == 2, 14, 2).astype(np.uint8) if confidence else None
        return [CropParse(mask.copy(), confidence=sure, runner_up=second) for _ in crops]


class MiddleDetector:
    """Finds one face in the middle of every photo that isn't of one color."""

    def detect(self, image):
        if np.asarray(image).std() < 1:
            return []
        size = min(image.size) * 0.5
        return [Detection((image.width / 2, image.height / 2), (size, size), 0.97)]


def painted_parser(model_id="embedded"):
    return FaceParser(
        PaintedEngine(), detector=MiddleDetector(), model_id=model_id, digest="sha256:0"
    )


def noise(width=96, height=80, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def png(image):
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def payload_of(key, mask, **claims):
    return {"id": key, "token": "t", **pack_label_map(mask), **claims}


@pytest.fixture
def services(tmp_path):
    """An app's services over painted faces and a temporary folder."""
    settings = Settings(contributions=tmp_path / "rows", cache=tmp_path / "visits")
    return Services(
        settings=settings,
        models=ModelCache(settings.models_in_memory, load=painted_parser),
        photos=PhotoCache(settings.cache, keep_seconds=settings.keep_seconds),
        corrections=FolderCorrections(settings.contributions, license=settings.license),
        limit=RateLimit(settings.parses_per_minute, per_address=settings.parses_per_address),
        saves=RateLimit(
            settings.saves_per_minute, per_address=settings.saves_per_address, what="saves"
        ),
        admission=Admission(settings.max_model_mb, anonymous=True),
    )


@pytest.fixture
def with_settings(services):
    """Returns the services with some settings changed."""

    def changed(**values):
        settings = replace(services.settings, **values)
        return replace(
            services,
            settings=settings,
            limit=RateLimit(settings.parses_per_minute, per_address=settings.parses_per_address),
            saves=RateLimit(
                settings.saves_per_minute, per_address=settings.saves_per_address, what="saves"
            ),
            photos=PhotoCache(settings.cache, keep_seconds=settings.keep_seconds),
        )

    return changed


@pytest.fixture
def photo_file(tmp_path):
    """Writes a photo, or any bytes, and returns its path."""

    def written(content=None, name="photo.png"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else png(content or noise()))
        return path

    return written
