"""Peak memory of one call, in a process of its own: `python -m bench.memory CASE ...`.

The peak is the kernel's (VmHWM), above what the process held before the call. Linux only.
"""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

_STATUS = Path("/proc/self/status")
_MMAP_THRESHOLD = -3  # mallopt's M_MMAP_THRESHOLD


def peak(call: Callable[[], object]) -> float:
    """Returns the MB that a call holds at most, after one call to warm up."""
    # Freed blocks go back to the kernel at once, or the peak would count freed memory.
    ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, 65536)
    call()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = _kilobytes("VmRSS")
    call()
    return (_kilobytes("VmHWM") - before) / 1024


def _kilobytes(field: str) -> int:
    for line in _STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise ValueError(f"{_STATUS} has no {field}")


def peak_elsewhere(case: str, *arguments: object) -> float | None:
    """Measures a case in a fresh process; None where the system can't tell."""
    if not Path("/proc/self/clear_refs").exists():
        return None
    command = [sys.executable, "-m", "bench.memory", case, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout)["peak_mb"])


def _labels(backbone: str, path: str, size: str) -> Callable[[], object]:
    from bench.cases import PATHS, build
    from bench.pictures import portraits

    model = build(backbone)
    pixels = portraits(1, int(size), model.config)
    return lambda: PATHS[path](model, pixels)


def _photo(width: str, height: str, faces: str) -> Callable[[], object]:
    from bench.cases import crowd
    from segface_hf.parser import FaceParser

    parser, photo = FaceParser.from_pretrained(), crowd(int(width), int(height), int(faces))
    return lambda: parser.parse(photo)


_CASES: Mapping[str, Callable[..., Callable[[], object]]] = {"labels": _labels, "photo": _photo}

if __name__ == "__main__":
    print(json.dumps({"peak_mb": peak(_CASES[sys.argv[1]](*sys.argv[2:]))}))
