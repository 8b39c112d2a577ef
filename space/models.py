"""Which checkpoints are loaded: a bounded shelf of parsers, one lock around a model call."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    from segface_hf.parser import FaceParse, FaceParser

EMBEDDED = "embedded"


def gpu_lease() -> Callable[..., Any]:
    """Returns the decorator with which a ZeroGPU Space lends a GPU for one call."""
    return import_module("spaces").GPU


def load_parser(model_id: str, *, device: str = "cpu") -> FaceParser:
    """Loads a checkpoint: `embedded`, a folder, `org/name`, or `hub:` and a published id.

    Raises:
        CheckpointError: It can't be found or loaded.
    """
    from segface_hf.parser import FaceParser

    return FaceParser.from_pretrained(None if model_id == EMBEDDED else model_id, device=device)


class ModelShelf:
    """Keeps the most recently used parsers in memory and runs one model call at a time.

    A checkpoint that fails to load leaves those already here in place.

    Args:
        capacity: How many parsers stay loaded.
        load: Turns a model id into a parser.
        around: Wraps the model call, such as with the GPU lease of a ZeroGPU Space.
    """

    def __init__(
        self,
        capacity: int,
        *,
        load: Callable[[str], FaceParser] = load_parser,
        around: Callable[..., Callable[..., FaceParse]] | None = None,
    ) -> None:
        self._capacity = capacity
        self._load = load
        self._parsers: OrderedDict[str, FaceParser] = OrderedDict()
        self._lock = threading.RLock()
        self._call = around(_call) if around else _call

    @property
    def loaded(self) -> tuple[str, ...]:
        """Ids in memory, the least recently used first."""
        with self._lock:
            return tuple(self._parsers)

    def get(self, model_id: str) -> FaceParser:
        """Returns a parser, loading it where needed.

        Raises:
            CheckpointError: It can't be found or loaded; nothing in memory changes.
        """
        with self._lock:
            if model_id not in self._parsers:
                parser = self._load(model_id)
                while len(self._parsers) >= self._capacity:
                    self._parsers.popitem(last=False)
                self._parsers[model_id] = parser
            self._parsers.move_to_end(model_id)
            return self._parsers[model_id]

    def parse(self, model_id: str, image: Image.Image, *, whole_image: bool = False) -> FaceParse:
        """Parses one prepared photo, alone on the machine.

        Raises:
            CheckpointError: The model can't be loaded.
        """
        with self._lock:
            return self._call(self.get(model_id), image, whole_image)


def _call(parser: FaceParser, image: Image.Image, whole_image: bool) -> FaceParse:
    return parser.parse(image, whole_image=whole_image, doubt=True)
