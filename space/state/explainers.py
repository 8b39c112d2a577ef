"""The torch form of the model that was last asked why."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from segface_hf.errors import MissingPackageError

if TYPE_CHECKING:
    from segface_hf.explain.photo import Explainer


class Explainers:
    """The torch form of the model that was asked last; loaded when it is needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._name: tuple[str, str | None] | None = None
        self._explainer: Explainer | None = None

    def of(self, model_id: str, revision: str | None) -> Explainer:
        """Returns the explainer of a model that parsed a photo here.

        Raises:
            MissingPackageError: Torch is not installed.
            CheckpointError: The model is not here any more.
            ConfigError: The model warps its input.
        """
        with self._lock:
            if self._explainer is None or self._name != (model_id, revision):
                self._explainer = _load(model_id, revision)
                self._name = (model_id, revision)
            return self._explainer


def _load(model_id: str, revision: str | None) -> Explainer:
    try:
        from segface_hf.explain.photo import Explainer
        from segface_hf.modeling.segface import SegFace
    except ModuleNotFoundError as error:
        raise MissingPackageError.of(error) or error from error
    return Explainer(SegFace.from_pretrained(model_id, revision=revision))
