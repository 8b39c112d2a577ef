"""Which checkpoints are loaded: a bounded cache of parsers, and one model call at a time."""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, wait
from importlib import import_module
from typing import TYPE_CHECKING, Any

from PIL import Image

from segface_hf.checkpoints.files import PUBLISHED, SHIPPED
from segface_hf.errors import CheckpointError, ConfigError, says_what_to_install
from space.state.model_checks import Admission, check_architecture

if TYPE_CHECKING:
    from segface_hf.parser import FaceParse, FaceParser


_MOST_LATE = 8


def gpu_lease() -> Callable[..., Any]:
    """Returns the decorator with which a ZeroGPU Space lends a GPU for one call.

    Off ZeroGPU hardware the decorator of `spaces` changes nothing.

    Raises:
        ConfigError: The package `spaces` is missing.
    """
    try:
        return import_module("spaces").GPU
    except ModuleNotFoundError as error:
        raise ConfigError(
            "ZeroGPU needs the package `spaces`: add it to requirements.txt, as "
            "`python -m space deploy --hardware zero-a10g` does"
        ) from error


def load_parser(
    model_id: str, *, device: str = "cpu", admission: Admission | None = None, trusted: str = ""
) -> FaceParser:
    """Loads a checkpoint: one that ships, a folder, `org/name`, or `hub:` and a published id.

    Args:
        model_id: Which.
        device: Where it goes.
        admission: What a repository that a visitor names must pass; None asks nothing.
        trusted: The id that needs no admission, because the host of the app chose it.

    Raises:
        CheckpointError: It can't be found or loaded, or is not admitted.
        MissingPackageError: It needs torch, which is not installed.
    """
    from segface_hf.parser import FaceParser

    if model_id in SHIPPED or model_id == trusted:
        return FaceParser.from_pretrained(model_id, device=device)
    revision = None
    if admission and not model_id.startswith(PUBLISHED):
        with says_what_to_install():
            revision = _admitted(model_id, admission)
    # What an ONNX file of others computes can't be bounded; the network that torch builds is ours.
    parser = FaceParser.from_pretrained(model_id, revision=revision, device=device, engine="torch")
    if revision:
        _try_out(parser, model_id)
    return parser


def loading_text(model_id: str, size: str = "") -> str:
    """Says what a visitor waits for while a model is loaded.

    Args:
        model_id: Which.
        size: What is downloaded, such as "28 MB"; empty for nothing.
    """
    name = model_id.rpartition("/")[2] + (f", {size}" if size else "")
    if model_id in SHIPPED or "torch" in sys.modules:
        return f"Loading {name}"
    return f"Loading PyTorch, which runs this model, and {name}: this takes a while once"


def _try_out(parser: FaceParser, repo_id: str) -> None:
    """Parses a gray square, so that weights that give no numbers fail here and not for visitors."""
    side = parser.engine.config.resolution
    try:
        parser.parse(Image.new("RGB", (side, side), "grey"), whole_image=True, confidence=True)
    except RuntimeError as error:
        raise CheckpointError(
            f"the weights of '{repo_id}' give no usable numbers: train or upload it again"
        ) from error


def _admitted(repo_id: str, admission: Admission) -> str | None:
    """Downloads what is admitted and returns its commit, so that nothing else gets loaded."""
    from segface_hf.checkpoints.find import checkpoint_folder
    from segface_hf.modeling.segface import SegFace

    revision = admission.look(repo_id).revision
    check_architecture(
        checkpoint_folder(repo_id, build=SegFace, revision=revision, onnx=False), source=repo_id
    )
    return revision


class ModelCache:
    """Keeps the most recently used parsers in memory and runs one model call at a time.

    Each model is loaded in a thread of its own, so that a slow one keeps no visitor from another.
    A checkpoint that fails to load leaves those already here in place.

    Args:
        capacity: How many parsers stay loaded.
        load: Turns a model id into a parser.
        around: Wraps the model call, such as with the GPU lease of a ZeroGPU Space.
        patience: Seconds that a visitor waits for a model to load.
        most_loads: How many models that don't ship with the app are loaded at a time.
    """

    def __init__(
        self,
        capacity: int,
        *,
        load: Callable[[str], FaceParser] = load_parser,
        around: Callable[..., Callable[..., FaceParse]] | None = None,
        patience: float = 120.0,
        most_loads: int = 2,
    ) -> None:
        self._capacity = capacity
        self._load = load
        self._patience = patience
        self._most_loads = most_loads
        self._parsers: OrderedDict[str, FaceParser] = OrderedDict()
        self._loads: dict[str, Future[FaceParser]] = {}
        self._late: set[str] = set()  # those of them that took too long
        self._lock = threading.Lock()
        self._running = threading.Lock()
        self._call = around(self._parse) if around else self._parse

    @property
    def loaded(self) -> tuple[str, ...]:
        """Ids in memory, the least recently used first."""
        with self._lock:
            return tuple(self._parsers)

    def get(self, model_id: str) -> FaceParser:
        """Returns a parser, loading it where needed; meanwhile others go on parsing.

        Raises:
            CheckpointError: It can't be found or loaded in time; nothing in memory changes.
        """
        with self._lock:
            if model_id in self._parsers:
                self._parsers.move_to_end(model_id)
                return self._parsers[model_id]
            load = self._loads.get(model_id) or self._start(model_id)
        if not wait([load], timeout=self._patience).done:
            with self._lock:
                if self._loads.get(model_id) is load:
                    self._late.add(model_id)
            raise CheckpointError(
                f"'{model_id}' was not loaded within {self._patience:.0f} seconds: try again "
                "later, or choose another model"
            )
        return load.result()

    def _start(self, model_id: str) -> Future[FaceParser]:
        # A thread can't be ended. A late one frees its place; but many of them must not add up.
        others = self._loads.keys() - SHIPPED.keys() - self._late
        full = len(others) >= self._most_loads or len(self._late) >= _MOST_LATE
        if model_id not in SHIPPED and full:
            raise CheckpointError("Other models are being loaded: try again in a minute.")
        load: Future[FaceParser] = Future()
        self._loads[model_id] = load
        threading.Thread(target=self._work, args=(model_id, load), daemon=True).start()
        return load

    def _work(self, model_id: str, load: Future[FaceParser]) -> None:
        try:
            parser = self._kept(model_id, self._load(model_id))
        except BaseException as error:
            self._forget(model_id, load)
            load.set_exception(error)
        else:
            self._forget(model_id, load)
            load.set_result(parser)

    def _forget(self, model_id: str, load: Future[FaceParser]) -> None:
        """Frees the place of a load that ended."""
        with self._lock:
            if self._loads.get(model_id) is load:
                del self._loads[model_id]
                self._late.discard(model_id)

    def parse(self, model_id: str, image: Image.Image, *, whole_image: bool = False) -> FaceParse:
        """Parses one prepared photo, alone on the machine.

        Raises:
            CheckpointError: The model can't be loaded.
        """
        self.get(model_id)
        with self._running:
            return self._call(model_id, image, whole_image)

    def _kept(self, model_id: str, parser: FaceParser) -> FaceParser:
        with self._lock:
            while len(self._parsers) >= self._capacity:
                self._parsers.popitem(last=False)
            self._parsers[model_id] = parser
        return parser

    def _parse(self, model_id: str, image: Image.Image, whole_image: bool) -> FaceParse:
        # A ZeroGPU Space runs this in a forked process: arguments are pickled, so the model is
        # named; no lock is taken, since it may have been held at the fork; and a model that was
        # loaded after the fork is loaded once more.
        parser = self._parsers.get(model_id) or self._load(model_id)
        return parser.parse(image, whole_image=whole_image, confidence=True)
