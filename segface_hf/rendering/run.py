"""A rendering run: renders the missing pictures of a set, one by one; it can be resumed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from segface_hf._utils import atomic_write
from segface_hf.errors import ConfigError, OutputError
from segface_hf.rendering.options import RenderOptions
from segface_hf.rendering.plan import ScenePlan, plan_picture

RECORD = "render.json"
_QUALITY = 95

Renderer = Callable[[ScenePlan, RenderOptions], tuple[np.ndarray, np.ndarray]]
"""Gives uint8 (S, S, 3) in RGB and uint8 (S, S) of class ids."""


def missing(out: Path, options: RenderOptions) -> Iterator[ScenePlan]:
    """Plans of the pictures whose photo or mask is missing in a data folder."""
    for number in range(options.count):
        plan = plan_picture(options, number)
        if not all(path.is_file() for path in places(out, plan)):
            yield plan


def places(out: Path, plan: ScenePlan) -> tuple[Path, Path]:
    """Paths of a picture's photo and mask in a data folder."""
    return out / "images" / f"{plan.stem}.jpg", out / "masks" / f"{plan.stem}.png"


def claim(out: Path, options: RenderOptions, lights: Sequence[str]) -> None:
    """Records in a data folder how its pictures are made, or checks the record.

    Args:
        out: The data folder.
        options: All but its count and seed has to stay as it was.
        lights: Names of the environments, of which every picture draws one.

    Raises:
        ConfigError: The folder holds pictures of other options.
        OutputError: It can't be written.
    """
    record, wanted = out / RECORD, {**options.content(), "lights": sorted(lights)}
    try:
        noted = json.loads(record.read_text(encoding="utf-8")) if record.exists() else None
        if noted is None:
            text = json.dumps(wanted, indent=1)
            atomic_write(record, lambda path: path.write_text(text + "\n", encoding="utf-8"))
            return
    except OSError as error:
        raise _unwritable(record, error) from error
    except ValueError as error:
        raise ConfigError(f"'{record}' is damaged ({error}): choose another folder") from error
    changed = [
        name for name in wanted if not isinstance(noted, dict) or noted.get(name) != wanted[name]
    ]
    if changed:
        # An older renderer can't be chosen by an option.
        remedy = "choose" if "revision" in changed else "give the same options, or"
        raise ConfigError(
            f"'{out}' holds pictures with another {', '.join(changed)} (see '{record}'): "
            f"{remedy} another folder"
        )


def render_pictures(
    out: Path,
    options: RenderOptions,
    renderer: Renderer,
    *,
    on_picture: Callable[[ScenePlan], object] = lambda plan: None,
) -> int:
    """Renders the pictures that are missing.

    Args:
        out: A data folder as `segface train --data` reads it: `images/` and `masks/`.
        options: What to render.
        renderer: Gives a plan's photo and mask.
        on_picture: Called after each picture is written.

    Returns:
        How many were rendered.

    Raises:
        OutputError: A file can't be written.
    """
    done = 0
    for plan in missing(out, options):
        photo, mask = renderer(plan, options)
        _save(out, plan, photo, mask)
        on_picture(plan)
        done += 1
    return done


def _save(out: Path, plan: ScenePlan, photo: np.ndarray, mask: np.ndarray) -> None:
    """Writes both files atomically; a picture with only one of them is rendered again."""
    image_path, mask_path = places(out, plan)
    picture, labels = Image.fromarray(photo), Image.fromarray(mask)
    try:
        atomic_write(mask_path, lambda path: labels.save(path, "PNG", optimize=True))
        atomic_write(image_path, lambda path: picture.save(path, "JPEG", quality=_QUALITY))
    except OSError as error:
        raise _unwritable(image_path, error) from error


def _unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"can't write '{path}' ({error.strerror or error}): free some space, "
        "or choose another folder"
    )
