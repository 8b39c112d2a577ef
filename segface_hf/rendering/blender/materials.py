"""Materials: how skin, eyes, hair, cloth, glass and metal throw light back, as node graphs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from segface_hf.rendering.blender.graph import Graph
from segface_hf.rendering.body.mesh import RGB, Look

_BLOOD: RGB = (0.62, 0.3, 0.24)
_FRECKLE: RGB = (0.4, 0.2, 0.12)
_BLUSH: RGB = (0.8, 0.3, 0.27)
_GUMS: RGB = (0.3, 0.09, 0.08)
_WHITE: RGB = (0.72, 0.67, 0.64)
_BLACK: RGB = (0.004, 0.004, 0.004)
# Scattering below the skin: red goes farthest.
_SCATTER = (1.0, 0.35, 0.18)
_PALEST_HAIR = 0.22
_SHINE = 0.4


def dress(material: Any, look: Look, *, cut: bool = False) -> None:
    """Builds a material.

    Args:
        material: A new Blender material.
        look: What it looks like.
        cut: Whether the part ends where its field `shown` falls below a half.
    """
    graph = Graph(material.node_tree)
    shader, opacity = MATERIALS[look.kind](graph, look)
    if cut:
        opacity = graph.math("GREATER_THAN", graph.field("shown"), 0.5)
    graph.surface(shader, opacity)


def _principled(graph: Graph, inputs: Mapping[str, Any]) -> Any:
    return graph.node("BsdfPrincipled", inputs)


def _skin(graph: Graph, look: Look) -> tuple[Any, Any]:
    values = look.values
    color = _complexion(graph, look)
    color = graph.mixed(
        graph.math("MULTIPLY", graph.field("lips"), values["lips"]), color, look.second
    )
    color = graph.mixed(graph.field("inside"), color, _GUMS)
    red, green, blue = (
        min(values[f"hair {name}"], _PALEST_HAIR) for name in ("red", "green", "blue")
    )
    grain = graph.field("spots")
    speckled = graph.math("MULTIPLY", graph.math("ADD", grain, 0.35), values["scalp"])
    shadow = graph.math("MULTIPLY", grain, 1.6 * values["beard"])
    for name, strength in (("scalp", speckled), ("brow", values["brow"]), ("beard", shadow)):
        share = graph.math("MULTIPLY", graph.field(name), strength, clamp=True)
        color = graph.mixed(share, color, (red, green, blue))
    inputs = {
        "Base Color": color,
        "Roughness": values["roughness"],
        "Specular IOR Level": values["shine"],
        "Subsurface Weight": 0.25,
        "Subsurface Radius": _SCATTER,
        "Subsurface Scale": 0.12,
    }
    return _principled(graph, inputs).outputs[0], None


def _complexion(graph: Graph, look: Look) -> Any:
    """The skin's color with blotches, pores, freckles and blush."""
    values, color = look.values, look.color
    for name, tint in (("blotches", _BLOOD), ("grain", (0.45, 0.25, 0.2))):
        share = graph.math("MULTIPLY", graph.field(name), values[name])
        color = graph.mixed(share, color, tint, "SOFT_LIGHT")
    spots = graph.math("SUBTRACT", graph.field("spots"), 0.7, clamp=True)
    share = graph.math("MULTIPLY", spots, values["freckles"], clamp=True)
    color = graph.mixed(share, color, _FRECKLE, "MULTIPLY")
    share = graph.math("MULTIPLY", graph.field("cheek"), values["blush"])
    return graph.mixed(share, color, _BLUSH, "SOFT_LIGHT")


def _eye(graph: Graph, look: Look) -> tuple[Any, Any]:
    angle = graph.field("angle")
    red, green, blue = look.color
    streaks = graph.noise(60, 2)
    color = graph.mixed(
        streaks, (red * 0.5, green * 0.5, blue * 0.5), (red * 1.7, green * 1.7, blue * 1.7)
    )
    color = graph.mixed(graph.ramp(angle, 0.4, 12), color, _BLACK)
    color = graph.mixed(graph.ramp(angle, 0.48, 20), color, _WHITE)
    hole = graph.math("SUBTRACT", 1.0, graph.ramp(angle, look.values["pupil"], 40))
    color = graph.mixed(hole, color, _BLACK)
    inputs = {"Base Color": color, "Roughness": 0.06, "Coat Weight": 0.6}
    return _principled(graph, inputs).outputs[0], None


def _hair(graph: Graph, look: Look) -> tuple[Any, Any]:
    """A dull and a shiny share; hair that lets light through takes half as long again."""
    rough = look.values.get("roughness", 0.4)
    bright = tuple(min(1.0, 1.2 * channel + 0.02) for channel in look.color)
    inputs = {"Color": bright, "RoughnessU": rough, "RoughnessV": 0.6}
    shiny = graph.node("BsdfHair", inputs, component="Reflection").outputs[0]
    dull = graph.node("BsdfDiffuse", {"Color": look.color}).outputs[0]
    return graph.node("MixShader", {0: _SHINE, 1: dull, 2: shiny}).outputs[0], None


def _cloth(graph: Graph, look: Look) -> tuple[Any, Any]:
    stripes = look.values.get("stripes", 0.0)
    weave = graph.math("MULTIPLY", graph.noise(25, 4), 0.3)
    if stripes:
        place = graph.node("TexCoord").outputs["Object"]
        inputs = {"Vector": place, "Scale": stripes, "Distortion": look.values.get("warp", 0.0)}
        weave = graph.node("TexWave", inputs, bands_direction="Y").outputs[1]
    height = graph.noise(90 if look.kind == "cloth" else 45, 2)
    bump = graph.node("Bump", {"Height": height, "Strength": 0.5, "Distance": 0.04})
    inputs = {
        "Base Color": graph.mixed(weave, look.color, look.second),
        "Roughness": 0.9,
        "Normal": bump.outputs[0],
    }
    return _principled(graph, inputs).outputs[0], None


def _glossy(graph: Graph, look: Look) -> tuple[Any, Any]:
    inputs = {"Base Color": look.color, "Roughness": look.values["roughness"], "Coat Weight": 0.4}
    return _principled(graph, inputs).outputs[0], None


def _metal(graph: Graph, look: Look) -> tuple[Any, Any]:
    inputs = {"Base Color": look.color, "Roughness": look.values["roughness"], "Metallic": 1.0}
    return _principled(graph, inputs).outputs[0], None


def _lens(graph: Graph, look: Look) -> tuple[Any, Any]:
    """Glass without refraction: tinted, and reflecting more at its edges."""
    shader = _principled(graph, {"Base Color": look.color, "Roughness": 0.04}).outputs[0]
    edge = graph.node("LayerWeight", {"Blend": 0.25}).outputs["Facing"]
    reflecting = graph.math("MULTIPLY", edge, 0.3)
    return shader, graph.math("ADD", reflecting, look.values["opacity"], clamp=True)


MATERIALS: Mapping[str, Callable[[Graph, Look], tuple[Any, Any]]] = MappingProxyType(
    {
        "skin": _skin,
        "eye": _eye,
        "hair": _hair,
        "cloth": _cloth,
        "knit": _cloth,
        "glossy": _glossy,
        "metal": _metal,
        "lens": _lens,
    }
)
