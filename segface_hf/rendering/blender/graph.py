"""Node graphs of Blender, written as expressions. `bpy` is only used through what is passed in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Value = Any
"""A number, a linear color, or an output socket of a node."""


class Graph:
    """A node tree under construction.

    Args:
        tree: A Blender node tree; what it held is removed.
    """

    def __init__(self, tree: Any) -> None:
        self.tree = tree
        tree.nodes.clear()

    def node(self, kind: str, inputs: Mapping[Any, Value] | None = None, **settings: Any) -> Any:
        """Adds a node of a kind such as `TexNoise`, with values or sockets for its inputs."""
        node = self.tree.nodes.new(f"ShaderNode{kind}")
        for name, value in settings.items():
            setattr(node, name, value)
        for name, value in (inputs or {}).items():
            self.feed(node.inputs[name], value)
        return node

    def feed(self, socket: Any, value: Value) -> None:
        """Gives an input a value or another node's output."""
        if hasattr(value, "is_linked"):
            self.tree.links.new(value, socket)
        elif isinstance(value, tuple) and socket.type == "RGBA":
            socket.default_value = (*value[:3], 1.0)
        else:
            socket.default_value = value

    def math(
        self, operation: str, first: Value, second: Value = 0.0, *, clamp: bool = False
    ) -> Any:
        """A number from two."""
        node = self.node("Math", {0: first, 1: second}, operation=operation, use_clamp=clamp)
        return node.outputs[0]

    def mixed(self, share: Value, first: Value, second: Value, mode: str = "MIX") -> Any:
        """A color between two."""
        settings = {"data_type": "RGBA", "blend_type": mode, "clamp_factor": True}
        return self.node("Mix", {0: share, 6: first, 7: second}, **settings).outputs[2]

    def field(self, name: str) -> Any:
        """A field of the part."""
        return self.node("Attribute", attribute_name=name).outputs["Fac"]

    def ramp(self, value: Value, edge: float, steepness: float) -> Any:
        """A number that rises from 0 at an edge to 1."""
        return self.math("MULTIPLY", self.math("SUBTRACT", value, edge), steepness, clamp=True)

    def noise(self, scale: float, detail: float = 3.0) -> Any:
        """Noise in the object's own space."""
        place = self.node("TexCoord").outputs["Object"]
        inputs = {"Vector": place, "Scale": scale, "Detail": detail}
        return self.node("TexNoise", inputs).outputs[0]

    def surface(self, shader: Any, opacity: Value | None = None) -> None:
        """Ends a material, more or less transparent where an opacity is given."""
        if opacity is not None:
            clear = self.node("BsdfTransparent").outputs[0]
            shader = self.node("MixShader", {0: opacity, 1: clear, 2: shader}).outputs[0]
        self.node("OutputMaterial", {0: shader})
