"""`segface render`: renders pictures of computed faces with exact masks, to train on."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from segface_hf.cli.arguments import share, whole
from segface_hf.rendering.options import RenderOptions

if TYPE_CHECKING:
    import numpy as np

    from segface_hf.rendering.blender.studio import Studio
    from segface_hf.rendering.body.anatomy import Anatomy
    from segface_hf.rendering.plan import ScenePlan
    from segface_hf.rendering.run import Renderer

HELP = "render faces with exact masks from CC0 data, to train on; run again to resume"
_CHANCES = ("hat", "eyeglasses", "earring", "necklace", "beard")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    usual = RenderOptions()
    parser.add_argument("--out", required=True, help="data folder: gets images/ and masks/")
    parser.add_argument(
        "--lights",
        required=True,
        help="folder of light environments: .exr, .hdr, or package/hdri of @pmndrs/assets",
    )
    for name, text in (
        ("count", "pictures in the folder at the end"),
        ("seed", "decides everything; picture i of a seed is always the same"),
        ("side", "width and height in pixels, 32 to 1024"),
        ("samples", "light paths a pixel; more are slower and less smooth"),
    ):
        value = getattr(usual, name)
        parser.add_argument(f"--{name}", type=whole(0), default=value, help=f"{text} ({value})")
    parser.add_argument(
        "--yaw",
        type=float,
        default=usual.yaw,
        help=f"farthest turn of a head in degrees, 90 for full profiles ({usual.yaw:g})",
    )
    for name in _CHANCES:
        value = getattr(usual, name)
        parser.add_argument(
            f"--{name}", type=share, default=value, help=f"share of pictures with it ({value:g})"
        )
    parser.add_argument("--threads", type=whole(0), default=0, help="CPU threads (default: all)")


def run(args: argparse.Namespace) -> int:
    """Renders; returns 0."""
    from segface_hf._progress import MedianBar
    from segface_hf.jobs.photos import check_output
    from segface_hf.rendering.blender.lights import find_lights
    from segface_hf.rendering.blender.studio import Studio
    from segface_hf.rendering.body.anatomy import read_anatomy
    from segface_hf.rendering.body.basemesh import data_folder, read_base_mesh
    from segface_hf.rendering.run import claim, missing, render_pictures

    names = ("count", "seed", "side", "samples", "yaw", *_CHANCES)
    options = RenderOptions(**{name: getattr(args, name) for name in names})
    lights, out = find_lights(args.lights), Path(args.out)
    check_output(out)
    folder = data_folder()
    studio = Studio(lights, threads=args.threads)
    claim(out, options, [path.name for path in lights])
    left = sum(1 for _ in missing(out, options))
    anatomy = read_anatomy(read_base_mesh(folder)) if left else None
    try:
        done = options.count - left
        with MedianBar(total=options.count, initial=done, unit="picture") as progress:
            if anatomy:
                renderer = _renderer(anatomy, studio)
                render_pictures(out, options, renderer, on_picture=lambda plan: progress.update())
    finally:
        studio.close()
    print(f"{left} rendered, {options.count - left} were there: {out}")
    return 0


def _renderer(anatomy: Anatomy, studio: Studio) -> Renderer:
    """Joins geometry and Blender."""
    from segface_hf.rendering.figure import make_figure

    def render(plan: ScenePlan, options: RenderOptions) -> tuple[np.ndarray, np.ndarray]:
        figure = make_figure(anatomy, plan)
        return studio.render(figure, side=options.side, samples=options.samples)

    return render
