"""Half-precision storage of an ONNX file's weights, where it loses nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# Smaller tensors stay as they are.
_LEAST_VALUES = 64


def store_compactly(path: Path, weights: Mapping[str, np.ndarray]) -> None:
    """Stores float32 weights in half precision, in place, where the same values come back.

    A folded convolution is a weight of the checkpoint times a scale for each output channel. It
    is stored as these two, so that a checkpoint in half precision gives a file of about its size.
    ONNX Runtime computes the float32 weights once, when it loads the file.

    Args:
        path: An ONNX file without external data.
        weights: The checkpoint's tensors by name.
    """
    model = onnx.load(path)
    graph = model.graph
    originals = _by_shape(weights)
    tensors, nodes = [], []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < _LEAST_VALUES:
            tensors.append(tensor)
            continue
        stored = dict(_parts(values, originals))
        if not stored:
            tensors.append(tensor)
            continue
        tensors += [numpy_helper.from_array(v, f"{tensor.name}_{k}") for k, v in stored.items()]
        nodes += _restore(tensor.name, scaled="scale" in stored)
    kept = list(graph.node)
    for node in kept:
        # Notes of the exporter to its developers.
        node.doc_string = ""
        del node.metadata_props[:]
    del graph.initializer[:], graph.node[:], graph.value_info[:]
    graph.initializer.extend(tensors)
    graph.node.extend([*nodes, *kept])
    onnx.save(model, path)


def label_file(path: Path, **properties: str) -> None:
    """Writes metadata properties into an ONNX file, in place."""
    model = onnx.load(path)
    helper.set_model_props(model, properties)
    onnx.save(model, path)


def _by_shape(weights: Mapping[str, np.ndarray]) -> dict[tuple[int, ...], list[np.ndarray]]:
    found: dict[tuple[int, ...], list[np.ndarray]] = {}
    for values in weights.values():
        if values.ndim >= 2 and _is_half(values.astype(np.float32)):
            found.setdefault(values.shape, []).append(values.astype(np.float32))
    return found


def _is_half(values: np.ndarray) -> bool:
    with np.errstate(over="ignore"):
        return bool(np.array_equal(values.astype(np.float16).astype(np.float32), values))


def _parts(
    values: np.ndarray, originals: Mapping[tuple[int, ...], list[np.ndarray]]
) -> Iterator[tuple[str, np.ndarray]]:
    """What is stored instead of a tensor: `half`, and `scale` for a folded one; or nothing."""
    if _is_half(values):
        yield "half", values.astype(np.float16)
        return
    for original in originals.get(values.shape, []):
        scale = _scale_between(original, values)
        if scale is not None:
            yield "half", original.astype(np.float16)
            yield "scale", scale
            return


def _scale_between(original: np.ndarray, values: np.ndarray) -> np.ndarray | None:
    """Returns the scale of each output channel that makes one tensor of another, if there is."""
    before, after = original.reshape(len(original), -1), values.reshape(len(values), -1)
    rows, largest = np.arange(len(before)), np.abs(before).argmax(1)
    divisor = before[rows, largest]
    scale = np.where(divisor == 0, 0, after[rows, largest] / np.where(divisor == 0, 1, divisor))
    scale = scale.astype(np.float32)
    if not np.allclose(before * scale[:, None], after, rtol=1e-5, atol=1e-7):
        return None
    return scale.reshape(-1, *[1] * (values.ndim - 1))


def _restore(name: str, *, scaled: bool) -> list[onnx.NodeProto]:
    """Nodes that compute a tensor from what is stored."""
    wide = f"{name}_wide" if scaled else name
    nodes = [helper.make_node("Cast", [f"{name}_half"], [wide], to=TensorProto.FLOAT)]
    if scaled:
        nodes.append(helper.make_node("Mul", [wide, f"{name}_scale"], [name]))
    return nodes
