"""The error tree: every failure that a caller can act on, and nothing else.

    SegFaceError
    ├── ImageError                 bytes that can't be decoded as a picture (ValueError)
    │   └── ImageTooLargeError     a picture above the pixel limit
    ├── LabelError                 a mask or a schema that breaks the label contract (ValueError)
    ├── ConfigError                a configuration value that can't work (ValueError)
    ├── CheckpointError            a checkpoint folder or file that can't be loaded
    │   ├── CheckpointNotFoundError  no such folder, repository or revision
    │   └── ConversionError        a published pickle that can't be converted
    ├── LandmarksRequiredError     a warped model called without landmarks (ValueError)
    ├── DetectorUnavailableError   no face detector on this platform (RuntimeError)
    ├── MissingPackageError        a package that the call needs is not installed (ImportError)
    ├── DataError                  a training or evaluation folder that can't be used (ValueError)
    ├── DivergedError              the training loss became NaN or infinite (ArithmeticError)
    ├── UnreachableError           data that can't be read for now, and may be later (OSError)
    ├── ParityError                an exported model further from its original than promised
    └── OutputError                a place that can't be written (OSError)

Messages name what was expected, what came instead, and what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

_EXTRA_OF = {
    "torch": "torch",
    "timm": "torch",
    "datasets": "tables",
    "pyarrow": "tables",
    "ray": "ray",
    "accelerate": "train",
    "onnx": "export",
    "onnxscript": "export",
    "gradio": "app",
}


class SegFaceError(Exception):
    """Base of every error that this project raises on purpose."""


class ImageError(SegFaceError, ValueError):
    """The input is not a picture that can be decoded."""


class ImageTooLargeError(ImageError):
    """The picture has more pixels than the limit."""


class LabelError(SegFaceError, ValueError):
    """A mask or schema breaks the label contract."""


class ConfigError(SegFaceError, ValueError):
    """A configuration value is unknown, missing or out of range."""


class CheckpointError(SegFaceError):
    """A checkpoint exists but can't be loaded exactly."""


class CheckpointNotFoundError(CheckpointError):
    """No checkpoint at that folder, repository or revision."""


class ConversionError(CheckpointError):
    """A published checkpoint can't be converted exactly."""


class LandmarksRequiredError(SegFaceError, ValueError):
    """A model that warps its input was called without landmarks."""


class DetectorUnavailableError(SegFaceError, RuntimeError):
    """No face detector can run on this platform."""


class MissingPackageError(SegFaceError, ImportError):
    """A package that the call needs is not installed; the message says how to install it."""

    @classmethod
    def of(cls, error: ModuleNotFoundError) -> MissingPackageError | None:
        """Returns an error with the line that installs the package; None for unknown packages."""
        package = (error.name or "").split(".")[0]
        extra = _EXTRA_OF.get(package)
        if extra is None:
            return None
        return cls(f"{package} is not installed: run `pip install 'segface-hf[{extra}]'`")


@contextmanager
def says_what_to_install() -> Iterator[None]:
    """Turns the import error of an optional package into one with the line that installs it.

    Raises:
        MissingPackageError: An optional package is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingPackageError.of(error) or error from error


class DataError(SegFaceError, ValueError):
    """A data folder for training or evaluation can't be used."""


class DivergedError(SegFaceError, ArithmeticError):
    """The training loss became NaN or infinite."""


class UnreachableError(SegFaceError, OSError):
    """Data that can't be read for now; trying again later goes on."""


class OutputError(SegFaceError, OSError):
    """A file or folder can't be written."""


class ParityError(SegFaceError):
    """An exported model is further from its original than promised."""
