"""Light and background of a scene: environment, blurred wall, and lamps beside the camera."""

from __future__ import annotations

from typing import Any

import numpy as np

from segface_hf.rendering.blender.graph import Graph
from segface_hf.rendering.blender.label_pass import gray_of
from segface_hf.rendering.random_looks import any_color

_SHOWN = 0.45
_SUN = 20.0


def light_world(world: Any, image: Any, random: np.random.Generator) -> None:
    """Lights a scene by an environment, in front of it or of a blurred wall.

    Args:
        world: A Blender world.
        image: A loaded environment.
        random: Decides its turn, strength, and the background.
    """
    graph = Graph(world.node_tree)
    place = graph.node("TexCoord")
    # Blender's worlds have z upwards; figures have y.
    upright = graph.node("Mapping", {0: place.outputs["Generated"], "Rotation": (np.pi / 2, 0, 0)})
    turn = (0, 0, random.uniform(0, 2 * np.pi))
    turned = graph.node("Mapping", {0: upright.outputs[0], "Rotation": turn})
    color = graph.node("TexEnvironment", {0: turned.outputs[0]}, image=image).outputs[0]
    mean = _brightness(image)
    strength = float(np.clip(random.uniform(0.4, 0.8) / mean, 0.05, 12))
    light = graph.node("Background", {0: color, 1: strength}).outputs[0]
    if random.random() < _SHOWN:
        wall = graph.node("Background", {0: color, 1: strength * random.uniform(0.6, 1.0)})
    else:
        wall = graph.node(
            "Background", {0: _wall(graph, place, random), 1: random.uniform(0.5, 1.1)}
        )
    seen = graph.node("LightPath").outputs["Is Camera Ray"]
    mixed = graph.node("MixShader", {0: seen, 1: light, 2: wall.outputs[0]}).outputs[0]
    graph.node("OutputWorld", {0: mixed})


def _wall(graph: Graph, place: Any, random: np.random.Generator) -> Any:
    """Two colors in soft blots or as one tone."""
    first = any_color(random, saturation=(0, 0.6), value=(0.02, 0.8))
    second = any_color(random, saturation=(0, 0.6), value=(0.02, 0.8))
    inputs = {
        "Vector": place.outputs["Window"],
        "Scale": random.uniform(0.5, 9),
        "Detail": random.uniform(0, 4),
    }
    blots = graph.node("TexNoise", inputs).outputs[0]
    return graph.mixed(blots if random.random() < 0.7 else 0.0, first, second)


def _brightness(image: Any) -> float:
    """Mean of an environment, its sun left out."""
    pixels = np.empty(len(image.pixels), np.float32)
    image.pixels.foreach_get(pixels)
    return max(1e-3, float(np.minimum(pixels.reshape(-1, 4)[:, :3], _SUN).mean()))


def label_world(world: Any) -> None:
    """Makes the world glow as background in the label pass."""
    graph = Graph(world.node_tree)
    gray = graph.node("Background", {0: (1.0, 1.0, 1.0), 1: gray_of(0)}).outputs[0]
    graph.node("OutputWorld", {0: gray})


def add_lamps(bpy: Any, center: np.ndarray, random: np.random.Generator) -> list[Any]:
    """Adds up to two lamps in front of a face, as photographers do; returns their objects."""
    from mathutils import Vector

    lamps = []
    for _ in range(random.integers(0, 3)):
        lamp = bpy.data.lights.new("lamp", "AREA")
        lamp.energy, lamp.size = random.uniform(150, 1200), random.uniform(2, 10)
        lamp.color = np.clip(random.normal((1, 0.92, 0.85), 0.08), 0, 1).tolist()
        thing = bpy.data.objects.new("lamp", lamp)
        side, rise = random.uniform(-1.3, 1.3), random.uniform(-0.1, 1.0)
        way = (np.sin(side) * np.cos(rise), np.sin(rise), np.cos(side) * np.cos(rise))
        thing.location = center + 22 * np.array(way)
        thing.rotation_mode = "QUATERNION"
        thing.rotation_quaternion = (Vector(center) - thing.location).to_track_quat("-Z", "Y")
        bpy.context.scene.collection.objects.link(thing)
        lamps.append(thing)
    return lamps


def remove_lamps(bpy: Any, lamps: list[Any]) -> None:
    """Removes what `add_lamps` added."""
    for thing in lamps:
        lamp = thing.data
        bpy.data.objects.remove(thing)
        bpy.data.lights.remove(lamp)
