"""Latency, throughput and memory of the model: by backbone and path, batch, classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from bench.cases import PATHS, SIZE, Setup, build, rounded
from bench.memory import peak_elsewhere
from bench.pictures import portraits
from bench.timing import Timing, interleaved, ratio
from segface_hf import SegFace
from segface_hf.inference.infer import infer


def by_backbone(backbones: Sequence[str], setup: Setup, *, size: int = SIZE) -> list[dict]:
    """Labels of one picture by the plain and the fused path, interleaved."""
    rows = []
    for backbone in backbones:
        model = build(backbone)
        pixels = portraits(1, size, model.config)
        calls = {name: bound(path, model, pixels) for name, path in PATHS.items()}
        times = interleaved(calls, repeats=setup.repeats, clock=setup.clock)
        peaks = {name: peak_elsewhere("labels", backbone, name, size) for name in PATHS}
        for name, timing in times.items():
            rows.append(
                {
                    "backbone": backbone,
                    "path": name,
                    **timing.to_dict(),
                    "per_second": round(1 / timing.p50, 2),
                    "peak_mb": rounded(peaks[name]),
                    "times_faster": round(ratio(times["plain"], timing), 2),
                    "memory_share": _share(peaks[name], peaks["plain"]),
                }
            )
    return rows


def by_batch(backbone: str, setup: Setup, *, batches: Sequence[int] = (1, 2, 4, 8)) -> list[dict]:
    """Throughput of the fused path by batch size."""
    model = build(backbone)
    side = model.config.resolution
    calls = {
        str(n): bound(PATHS["fused"], model, portraits(n, side, model.config)) for n in batches
    }
    times = interleaved(calls, repeats=setup.repeats, clock=setup.clock)
    return [
        {"backbone": backbone, "batch": n, **t.to_dict(), "per_second": round(int(n) / t.p50, 2)}
        for n, t in times.items()
    ]


def by_request(backbone: str, setup: Setup) -> list[dict]:
    """What asking for less or more than labels costs."""
    model = build(backbone)
    pixels = portraits(1, model.config.resolution, model.config)
    wanted = ("eyeglasses", "earring")
    calls = {
        "labels": lambda: infer(model, pixels),
        f"only {' and '.join(wanted)}": lambda: infer(model, pixels, classes=wanted),
        "labels, confidence, runner-up": lambda: infer(model, pixels, confidence=True),
        "labels and logits": lambda: infer(model, pixels, logits=True),
    }
    times = interleaved(calls, repeats=setup.repeats, clock=setup.clock)
    base: Timing = times["labels"]
    return [
        {"backbone": backbone, "asked": name, **t.to_dict(), "times": round(ratio(t, base), 2)}
        for name, t in times.items()
    ]


def bound(
    path: Callable[[SegFace, Tensor], object], model: SegFace, pixels: Tensor
) -> Callable[[], object]:
    """Binds a path to its input."""
    return lambda: path(model, pixels)


def _share(peak: float | None, of: float | None) -> float | None:
    return None if peak is None or not of else round(peak / of, 2)
