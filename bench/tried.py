"""What was tried on top of the fused path, measured against it: `python -m bench.tried`.

Every variant runs in turn in one process; ratios are taken round by round. A variant whose tool is
missing says so and is left out.
"""

from __future__ import annotations

import argparse
import copy
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from bench.cases import SIZE, Setup, build
from bench.machine import describe
from bench.pictures import portraits
from bench.tables import table, write_between
from bench.timing import CLOCKS, interleaved, ratio
from segface_hf import SegFace
from segface_hf.checkpoints.files import EMBEDDED
from segface_hf.inference.infer import infer
from segface_hf.modeling.decoder import Attention

Call = Callable[[], object]
DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
MARKS = ("<!-- tried: begin -->", "<!-- tried: end -->")


def plain(model: SegFace, pixels: Tensor) -> Call:
    """The published architecture, as it is."""

    def call() -> Tensor:
        with torch.inference_mode():
            return model(pixels).argmax(1)

    return call


def channels_last(model: SegFace, pixels: Tensor) -> Call:
    """The plain path with channels last, and nothing else."""
    return plain(
        copy.deepcopy(model).to(memory_format=torch.channels_last),
        pixels.contiguous(memory_format=torch.channels_last),
    )


def by_hand(model: SegFace, pixels: Tensor) -> Call:
    """The plain path with attention written out, where it takes torch's own otherwise."""
    other = copy.deepcopy(model)
    for module in other.modules():
        if isinstance(module, Attention):
            module.forward = _written_out(module)  # type: ignore[method-assign]
    return plain(other, pixels)


def _written_out(module: Attention) -> Callable[..., Tensor]:
    def split(x: Tensor) -> Tensor:
        return x.unflatten(-1, (module.heads, -1)).transpose(1, 2)

    def forward(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        q, k, v = split(module.q_proj(q)), split(module.k_proj(k)), split(module.v_proj(v))
        weights = (q @ k.transpose(2, 3) / q.shape[-1] ** 0.5).softmax(-1)
        return module.out_proj((weights @ v).transpose(1, 2).flatten(2))

    return forward


def compiled(model: SegFace, pixels: Tensor) -> Call:
    """torch.compile of the plain path; the first call, which compiles, is not counted."""
    return plain(torch.compile(model), pixels)  # type: ignore[arg-type]


def autocast(model: SegFace, pixels: Tensor) -> Call:
    """The fused path in bfloat16, as autocast chooses it."""

    def call() -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return infer(model, pixels).labels

    return call


def unfolded(model: SegFace, pixels: Tensor) -> Call:
    """The fused head behind the backbone as it is: batch norms, and TensorFlow's padding."""
    from segface_hf.inference.infer import derived
    from segface_hf.inference.readout import labels_at

    head = derived(model).head

    def call() -> Tensor:
        with torch.inference_mode():
            features, detail = model.pyramid.features(model.backbone, pixels)
            return labels_at(head.read(features, detail, lambda x: x), pixels.shape[-2:])

    return call


def openvino(model: SegFace, pixels: Tensor) -> Call:
    """The exported graph in OpenVINO, on as many threads as torch has."""
    import openvino as ov

    # Left alone, it takes bfloat16 where the processor has it.
    options = {
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "INFERENCE_PRECISION_HINT": "f32",
    }
    graph = ov.Core().read_model(Path(_exported(model).name) / "model.onnx")
    network = ov.Core().compile_model(graph, "CPU", options)
    return lambda: network({"pixels": pixels.numpy()})


def onnx(model: SegFace, pixels: Tensor) -> Call:
    """The exported graph in ONNX Runtime, on as many threads as torch has."""
    from segface_hf.onnx import OnnxEngine

    engine = OnnxEngine(_exported(model).name, threads=torch.get_num_threads())
    return lambda: engine.logits_and_labels(pixels.numpy())


@lru_cache(maxsize=1)
def _exported(model: SegFace) -> TemporaryDirectory[str]:
    """Both runtimes read one export; writing it takes a minute. The folder goes with the cache."""
    from segface_hf.export.onnx_export import export_onnx
    from segface_hf.export.parity import Limits

    folder = TemporaryDirectory()
    # Random weights tie here and there, so labels may differ; tests hold the parity of exports.
    export_onnx(model, folder.name, limits=Limits(None, 0.0))
    return folder


VARIANTS: Mapping[str, Callable[[SegFace, Tensor], Call]] = {
    "plain": plain,
    "plain, channels last": channels_last,
    "plain, attention without SDPA": by_hand,
    "plain, torch.compile": compiled,
    "fused, backbone not folded": unfolded,
    "fused, bfloat16 autocast": autocast,
    "exported, ONNX Runtime": onnx,
    "exported, OpenVINO": openvino,
}


def measure(
    backbone: str, setup: Setup, *, size: int, names: Sequence[str] | None = None
) -> list[dict]:
    """Rows of every variant that runs here, or of the named ones, beside the fused path."""
    model = build(backbone)
    pixels = portraits(1, size, model.config)
    calls: dict[str, Call] = {"fused": lambda: infer(model, pixels).labels}
    seconds: dict[str, float] = {}
    refused: dict[str, str] = {}
    for name in VARIANTS if names is None else names:
        print(f"preparing: {backbone}, {name}", file=sys.stderr, flush=True)
        try:
            calls[name], seconds[name] = _prepared(VARIANTS[name], model, pixels)
        except Exception as error:  # whatever a compiler or a tool may raise is the finding
            refused[name] = f"{type(error).__name__}: {str(error).splitlines()[0][:60]}"
    times = interleaved(calls, repeats=setup.repeats, clock=setup.clock)
    rows = [
        {
            "backbone": backbone,
            "variant": name,
            **timing.to_dict(),
            "times_as_long": round(ratio(timing, times["fused"]), 2),
            "seconds_to_prepare": seconds.get(name),
        }
        for name, timing in times.items()
    ]
    empty = dict.fromkeys(("p50_ms", "p95_ms", "times_as_long", "seconds_to_prepare"))
    return rows + [
        {"backbone": backbone, "variant": f"{name} ({why})", **empty}
        for name, why in refused.items()
    ]


def _prepared(
    make: Callable[[SegFace, Tensor], Call], model: SegFace, pixels: Tensor
) -> tuple[Call, float]:
    """Makes a variant and calls it once: compilers compile then. Returns the seconds it took.

    The first of the runtimes that read an export pays for writing it.
    """
    start = time.perf_counter()
    call = make(model, pixels)
    call()
    return call, round(time.perf_counter() - start, 1)


def main() -> int:
    """Runs the comparison and rewrites its table."""
    parser = argparse.ArgumentParser(prog="python -m bench.tried", description=__doc__)
    parser.add_argument("--backbones", nargs="+", default=(EMBEDDED, "mobilenet"), metavar="NAME")
    parser.add_argument("--variants", nargs="+", choices=list(VARIANTS), metavar="VARIANT")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--size", type=int, default=SIZE)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--clock", choices=list(CLOCKS), default="wall")
    parser.add_argument("--doc", type=Path, default=DOCUMENT, help="the page to update")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    setup, rows = Setup(args.repeats, args.clock), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for backbone in args.backbones:
            rows += measure(backbone, setup, size=args.size, names=args.variants)
    machine = {**describe(), "clock": args.clock, "openvino": find_spec("openvino") is not None}
    told = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in machine.items())
    text = f"Measured on: {told}.\n\n{table(rows)}"
    print(text)
    write_between(text, args.doc, MARKS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
