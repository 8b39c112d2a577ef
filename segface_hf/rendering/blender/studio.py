"""The studio: Blender's Cycles, headless; takes a figure, gives a photo and its mask."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image

from segface_hf.errors import ConfigError
from segface_hf.rendering.blender.label_pass import FINER, glow, read_labels
from segface_hf.rendering.blender.lights import unpacked
from segface_hf.rendering.blender.materials import dress
from segface_hf.rendering.blender.objects import add_object, remove_object, thicken
from segface_hf.rendering.blender.world import add_lamps, label_world, light_world, remove_lamps
from segface_hf.rendering.body.basemesh import REMEDY
from segface_hf.rendering.body.mesh import MeshPart, Strands
from segface_hf.rendering.figure import Figure

_BOUNCES = 4
_SEE_THROUGH = 24


def import_bpy() -> Any:
    """Returns Blender's module.

    Raises:
        ConfigError: It isn't installed, or can't start here.
    """
    try:
        import bpy
    except ImportError as error:
        raise ConfigError(
            f"pictures are rendered by Blender's package bpy, which can't be loaded ({error}): "
            f"with Python 3.11, {REMEDY}"
        ) from error
    return bpy


class Studio:
    """Renders figures, one after another.

    Args:
        lights: Environments, as `find_lights` lists them.
        threads: Of the processor; 0 for all.

    Raises:
        ConfigError: Blender isn't installed.
        DataError: An environment can't be read.
    """

    def __init__(self, lights: Sequence[Path], *, threads: int = 0) -> None:
        self._bpy = import_bpy()
        self._folder = TemporaryDirectory(prefix="segface-render-")
        self._place = Path(self._folder.name)
        self._lights = [unpacked(path, self._place) for path in lights]
        with _silent():
            self._scene = _empty_scene(self._bpy, threads)

    def close(self) -> None:
        """Removes what was written for Blender."""
        self._folder.cleanup()

    def render(self, figure: Figure, *, side: int, samples: int) -> tuple[np.ndarray, np.ndarray]:
        """Renders a figure.

        Args:
            figure: What to render.
            side: Width and height in pixels.
            samples: Light paths a pixel.

        Returns:
            uint8 (side, side, 3) in RGB, and uint8 (side, side) of ids of `CELEBAMASK_HQ`.
        """
        bpy = self._bpy
        things = [(add_object(bpy, part), part) for part in figure.parts]
        random = figure.plan.stream("surroundings")
        path = self._lights[random.integers(len(self._lights))]
        image = bpy.data.images.load(str(path), check_existing=True)
        light_world(self._scene.world, image, random)
        lamps = add_lamps(bpy, figure.center, random)
        _aim(self._scene, figure, random)
        try:
            photo = self._photo(things, random, side=side, samples=samples)
            return photo, self._mask(things, lamps, side=side)
        finally:
            for thing, _ in things:
                remove_object(bpy, thing)
            remove_lamps(bpy, lamps)
            for material in list(bpy.data.materials):
                bpy.data.materials.remove(material)

    def _photo(
        self,
        things: Sequence[tuple[Any, MeshPart | Strands]],
        random: np.random.Generator,
        *,
        side: int,
        samples: int,
    ) -> np.ndarray:
        for thing, part in things:
            material = self._bpy.data.materials.new("look")
            dress(material, part.look, cut=isinstance(part, MeshPart) and part.shown is not None)
            thing.data.materials.append(material)
        scene = self._scene
        scene.view_settings.view_transform = "Standard" if random.random() < 0.6 else "Filmic"
        scene.view_settings.exposure = random.normal(0.1, 0.25)
        scene.cycles.samples, scene.cycles.use_denoising = samples, True
        scene.cycles.pixel_filter_type, scene.cycles.filter_width = "BLACKMAN_HARRIS", 1.5
        scene.cycles.seed = int(random.integers(2**31 - 1))
        return self._rendered(side, "RGB")

    def _mask(
        self, things: Sequence[tuple[Any, MeshPart | Strands]], lamps: Sequence[Any], *, side: int
    ) -> np.ndarray:
        for thing, part in things:
            if part.label is None:
                # Not made transparent: light paths end after so many things that are.
                thing.hide_render = True
                continue
            material = self._bpy.data.materials.new("label")
            glow(material, part, part.label)
            thing.data.materials[0] = material
            if isinstance(part, Strands):
                thicken(thing, part.filled)
        for lamp in lamps:
            lamp.hide_render = True
        scene = self._scene
        label_world(scene.world)
        scene.view_settings.view_transform, scene.view_settings.exposure = "Raw", 0.0
        scene.cycles.samples, scene.cycles.use_denoising = 1, False
        scene.cycles.pixel_filter_type, scene.cycles.filter_width = "BOX", 0.01
        return read_labels(self._rendered(side * FINER, "BW"))

    def _rendered(self, side: int, mode: str) -> np.ndarray:
        """Renders the scene as it stands; uint8 (side, side), with three channels as RGB."""
        render, path = self._scene.render, self._place / "rendered.png"
        render.resolution_x = render.resolution_y = side
        render.image_settings.color_mode = mode
        render.filepath = str(path)
        with _silent():
            self._bpy.ops.render.render(write_still=True)
        with Image.open(path) as picture:
            return np.array(picture)


def _empty_scene(bpy: Any, threads: int) -> Any:
    """A scene with a world, a camera and Cycles on the processor."""
    import addon_utils

    addon_utils.enable("cycles")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine, scene.cycles.device = "CYCLES", "CPU"
    scene.render.threads_mode = "FIXED" if threads else "AUTO"
    if threads:
        scene.render.threads = threads
    scene.render.dither_intensity = 0.0
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_depth = "8"
    scene.render.image_settings.compression = 0
    _simplify(scene)
    scene.world = bpy.data.worlds.new("world")
    scene.world.cycles.sampling_method, scene.world.cycles.sample_map_resolution = "MANUAL", 128
    scene.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(scene.camera)
    return scene


def _simplify(scene: Any) -> None:
    """Leaves out what small pictures don't show: caustics, many bounces, round hairs."""
    cycles = scene.cycles
    cycles.denoiser, cycles.use_adaptive_sampling = "OPENIMAGEDENOISE", False
    cycles.max_bounces, cycles.transparent_max_bounces = _BOUNCES, _SEE_THROUGH
    cycles.diffuse_bounces = cycles.glossy_bounces = 2
    cycles.caustics_reflective = cycles.caustics_refractive = False
    scene.cycles_curves.shape, scene.cycles_curves.subdivisions = "RIBBONS", 1


def _aim(scene: Any, figure: Figure, random: np.random.Generator) -> None:
    """Puts the camera in front of the figure: near for a wide lens, far for a long one."""
    far, camera = random.uniform(10, 24), scene.camera
    camera.location = figure.center + np.array([0, 0, far])
    camera.rotation_euler = (0, 0, random.normal(0, 0.03))
    camera.data.lens_unit = "FOV"
    camera.data.angle = float(2 * np.arctan(figure.extent / 2 / far))


@contextmanager
def _silent() -> Iterator[None]:
    """Keeps Blender, which prints from C, off the standard output and the progress bar."""
    kept, nothing = [os.dup(stream) for stream in (1, 2)], os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nothing, stream)
    try:
        yield
    finally:
        for stream, old in zip((1, 2), kept, strict=True):
            os.dup2(old, stream)
            os.close(old)
        os.close(nothing)
