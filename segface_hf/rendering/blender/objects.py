"""Blender objects from parts: meshes and hair with the materials of both passes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from segface_hf.rendering.body.mesh import MeshPart, Strands

_TIP = 0.35


def add_object(bpy: Any, part: MeshPart | Strands) -> Any:
    """Adds a part to the scene, without a material.

    Args:
        bpy: The module.
        part: A surface or strands.

    Returns:
        The Blender object.
    """
    build: Callable[..., Any] = _hair if isinstance(part, Strands) else _mesh
    thing = bpy.data.objects.new("part", build(bpy, part))
    # Light that comes back from hair shows little, and finding it takes longest of all.
    thing.visible_diffuse = thing.visible_glossy = isinstance(part, MeshPart)
    bpy.context.scene.collection.objects.link(thing)
    return thing


def remove_object(bpy: Any, thing: Any) -> None:
    """Removes an object with its data; its materials stay."""
    data = thing.data
    bpy.data.objects.remove(thing)
    home = bpy.data.meshes if isinstance(data, bpy.types.Mesh) else bpy.data.hair_curves
    home.remove(data)


def thicken(thing: Any, factor: float) -> None:
    """Makes hair thicker."""
    radius = thing.data.attributes["radius"].data
    values = np.empty(len(radius), np.float32)
    radius.foreach_get("value", values)
    radius.foreach_set("value", values * np.float32(factor))


def _mesh(bpy: Any, part: MeshPart) -> Any:
    mesh, faces = bpy.data.meshes.new("part"), part.faces
    corners = np.where(faces[:, 2] == faces[:, 3], 3, 4)
    kept = np.arange(4) < corners[:, None]
    mesh.vertices.add(len(part.points))
    mesh.vertices.foreach_set("co", part.points.astype(np.float32).ravel())
    mesh.loops.add(int(corners.sum()))
    mesh.loops.foreach_set("vertex_index", faces[kept].astype(np.int32))
    mesh.polygons.add(len(faces))
    starts = np.concatenate([[0], corners.cumsum()[:-1]])
    mesh.polygons.foreach_set("loop_start", starts.astype(np.int32))
    for name, values in _fields(part).items():
        attribute = mesh.attributes.new(name, "FLOAT", "POINT")
        attribute.data.foreach_set("value", np.asarray(values, np.float32))
    mesh.update(calc_edges=True)
    mesh.validate()
    mesh.shade_smooth()
    return mesh


def _fields(part: MeshPart) -> Mapping[str, np.ndarray]:
    """What the materials of both passes read: fields, layers of the mask, and where it shows."""
    layers = {f"layer {number}": values for number, (_, values) in enumerate(part.layers)}
    shown = {} if part.shown is None else {"shown": part.shown}
    return {**part.fields, **layers, **shown}


def _hair(bpy: Any, part: Strands) -> Any:
    count, steps = part.lines.shape[:2]
    curves = bpy.data.hair_curves.new("hair")
    curves.add_curves([steps] * count)
    places = part.lines.astype(np.float32).ravel()
    curves.attributes["position"].data.foreach_set("vector", places)
    radius = curves.attributes.get("radius") or curves.attributes.new("radius", "FLOAT", "POINT")
    tapered = np.linspace(1, _TIP, steps, dtype=np.float32) * part.radius
    radius.data.foreach_set("value", np.tile(tapered, count))
    return curves
