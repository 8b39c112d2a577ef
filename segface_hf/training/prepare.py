"""Training data: reads data folders as a recipe says, and draws and augments batches."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

import torch
from torch import Generator, Tensor

from segface_hf.data.folder import find_pairs
from segface_hf.data.photo_set import PhotoSet, load_photos
from segface_hf.data.swapped import ANCHORS, swapped_photos
from segface_hf.errors import ConfigError, DataError
from segface_hf.labels import LabelSchema
from segface_hf.modeling.segface import SegFace
from segface_hf.training.augment import augment_batch, mirror_table
from segface_hf.training.drawing.drawing import draw_parts, occlude
from segface_hf.training.paste import LOWEST_PIXELS, PartBank, collect_parts, paste_parts
from segface_hf.training.provenance import Sources, digest_of
from segface_hf.training.recipe import Recipe
from segface_hf.training.teacher import Teacher, fill_missing_parts, joined, pseudo_labelled


def photo_weights(presence: Tensor, *, power: float) -> Tensor:
    """Returns sampling weights by the rarest class (repeat factors, Gupta et al., CVPR 2019).

    Args:
        presence: bool (N, K), which classes each photo contains.
        power: Exponent of one over the share of photos with a class; 0 is uniform.

    Returns:
        float64 (N,), mean 1.
    """
    share = presence.double().mean(0).clamp(min=1 / max(1, len(presence)))
    weights = (presence.double() * share.pow(-power)).amax(1)
    weights = torch.where(weights > 0, weights, torch.ones_like(weights))
    return weights / weights.mean()


def draw_photos(weights: Tensor, count: int, generator: Generator) -> Tensor:
    """Draws int64 (count,) positions, without repeats if there are enough photos."""
    repeats = count > len(weights)
    return torch.multinomial(weights, count, replacement=repeats, generator=generator)


def draw_mixed(
    weights: Tensor, count: int, generator: Generator, *, pictures: int, share: float
) -> Tensor:
    """Draws from photos and from the synthetic pictures after them, each kind separately.

    Args:
        weights: (N,) of the photos, then of the pictures.
        count: How many to draw.
        generator: Source of all randomness.
        pictures: Number of pictures, the last ones of the N.
        share: Probability that an item of the batch is a picture.

    Returns:
        int64 (count,) positions.
    """
    places = torch.rand(count, generator=generator) < share
    chosen = torch.empty(count, dtype=torch.long)
    wanted, photos = int(places.sum()), len(weights) - pictures
    if wanted < count:
        chosen[~places] = draw_photos(weights[:photos], count - wanted, generator)
    if wanted:
        chosen[places] = photos + draw_photos(weights[photos:], wanted, generator)
    return chosen


def step_generator(seed: int, step: int) -> Generator:
    """Returns the random generator of one step, so that a resumed run draws the same batches."""
    return Generator().manual_seed((seed * 1_000_003 + step) % (2**63))


Item = TypeVar("Item")


class Prefetcher(Generic[Item]):
    """Computes items by number and prepares the next one in a thread.

    Args:
        make: From a number to an item; the result must depend on the number alone.
    """

    def __init__(self, make: Callable[[int], Item]) -> None:
        self._make = make
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="batch")
        self._pending: tuple[int, Future[Item]] | None = None

    def take(self, number: int) -> Item:
        """Returns an item and starts computing the next one."""
        if self._pending is not None and self._pending[0] == number:
            item = self._pending[1].result()
        else:
            item = self._make(number)
        self._pending = (number + 1, self._pool.submit(self._make, number + 1))
        return item


@dataclass(frozen=True)
class TrainingData:
    """Training photos, and the statistics and donors that the recipe derives from them.

    Attributes:
        photos: The training photos.
        weights: float64 (N,) sampling weights.
        share: float64 (K,) share of each class in all pixels.
        bank: Donors of rare parts.
        chances: Class id -> probability that it is pasted.
        swapped: Stems whose masks had left and right swapped.
        missing: Stems whose masks lack a part that is now ignored or completed.
        labelled: Number of photos that a teacher labelled; they follow those with masks.
        rendered: Number of synthetic pictures, which follow the photos.
        masks: Digest of all masks as they were read.
    """

    photos: PhotoSet
    weights: Tensor
    share: Tensor
    bank: PartBank
    chances: dict[int, float]
    swapped: tuple[str, ...]
    missing: tuple[str, ...] = ()
    labelled: int = 0
    rendered: int = 0
    masks: str = ""

    @property
    def counted(self) -> int:
        """Number of photos that `share` was counted on: all but synthetic pictures."""
        return len(self.photos) - self.rendered

    def sources(self) -> Sources:
        """Returns the identity of the photos and masks."""
        return Sources.of(
            self.photos.stems, labelled=self.labelled, rendered=self.rendered, masks=self.masks
        )

    def unused_options(self, recipe: Recipe) -> tuple[str, ...]:
        """Returns a note for each option of a recipe that has no effect on these photos."""
        if all(points is None for points in self.bank.anchors):
            return tuple(
                f"{option} changes nothing: no mask shows both eyes, nose and mouth"
                for option, groups in recipe.placed_by().items()
                if groups is ANCHORS
            )
        return tuple(
            f"tail.paste.{self.photos.schema.names[part]} changes nothing: no mask shows more than "
            f"{LOWEST_PIXELS} pixels of it together with both eyes, nose and mouth"
            for part in self.chances
            if not self.bank.donors[part]
        )

    def batch(self, recipe: Recipe, *, side: int, generator: Generator) -> tuple[Tensor, Tensor]:
        """Draws and augments one batch.

        Returns:
            float (B, 3, side, side) in 0 to 1 and int64 (B, side, side).
        """
        chosen = self.choose(recipe, generator)
        images = self.photos.images[chosen].float() / 255
        masks = self.photos.masks[chosen]
        if self.chances:
            images, masks = paste_parts(
                images, masks, chosen, bank=self.bank, chances=self.chances, generator=generator
            )
        if recipe.tail.drawn:
            images, masks = draw_parts(
                images,
                masks,
                schema=self.photos.schema,
                chances=recipe.tail.drawn,
                generator=generator,
            )
        if recipe.augment.occluded:
            images, masks = occlude(
                images,
                masks,
                schema=self.photos.schema,
                chance=recipe.augment.occluded,
                generator=generator,
            )
        return augment_batch(
            images,
            masks,
            recipe.augment,
            schema=self.photos.schema,
            side=side,
            generator=generator,
        )

    def choose(self, recipe: Recipe, generator: Generator) -> Tensor:
        """Draws int64 (B,) positions of the photos of a batch."""
        if not self.rendered:
            return draw_photos(self.weights, recipe.batch_size, generator)
        return draw_mixed(
            self.weights,
            recipe.batch_size,
            generator,
            pictures=self.rendered,
            share=recipe.tail.synthetic,
        )


def repaired(photos: PhotoSet, stems: tuple[str, ...]) -> PhotoSet:
    """Returns the photos with left and right ids swapped back in the named masks."""
    table = mirror_table(photos.schema).to(torch.uint8)
    masks = photos.masks.clone()
    # One at a time: int64 ids of all masks at once would take eight times their memory.
    for index, stem in enumerate(photos.stems):
        if stem in stems:
            masks[index] = table[masks[index].long()]
    return replace(photos, masks=masks)


def clean(photos: PhotoSet, how: str) -> tuple[PhotoSet, tuple[str, ...]]:
    """Repairs or drops photos whose masks have left and right swapped.

    Args:
        photos: The photos.
        how: A value of `recipe.SWAPPED`.

    Returns:
        The photos to train on, and the stems of swapped masks.
    """
    stems = swapped_photos(photos)
    if how == "keep" or not stems:
        return photos, stems
    if how == "repair":
        return repaired(photos, stems), stems
    keep = [i for i, stem in enumerate(photos.stems) if stem not in stems]
    return photos.subset(keep), stems


def prepare(
    folder: str | Path,
    recipe: Recipe,
    *,
    unlabelled: str | Path | None = None,
    synthetic: str | Path | None = None,
    progress: bool = False,
) -> TrainingData:
    """Reads and prepares training photos as a recipe says.

    Args:
        folder: Photos and masks.
        recipe: Says how they are prepared.
        unlabelled: Photos without masks, which the recipe's teacher labels.
        synthetic: Pictures with exact masks; `tail.synthetic` is their share of a batch.
        progress: Whether to show a progress bar of the teacher.

    Raises:
        DataError: A folder can't be used; the message names the file.
        ConfigError: Photos must be labelled or masks judged, but no teacher is set.
    """
    schema = recipe.model_config().labels
    photos = load_photos(find_pairs(folder), schema, side=recipe.storage)
    masks = digest_of(photos.masks.numpy())
    photos, swapped = clean(photos, recipe.tail.swapped)
    if not len(photos):
        raise DataError(
            f"every mask in {folder} has left and right swapped: set tail.swapped to repair or keep"
        )
    missing: tuple[str, ...] = ()
    labelled = 0
    how = recipe.tail.missing
    if how != "keep":
        need = f"tail.missing is '{how}', which needs a teacher"
        teacher = _teacher(recipe, need, progress=progress)
        photos, missing = fill_missing_parts(photos, teacher, complete=how == "complete")
    if unlabelled:
        need = f"the photos of {unlabelled} have no masks, so a teacher must label them"
        teacher = _teacher(recipe, need, progress=progress)
        more = pseudo_labelled(teacher, unlabelled, side=recipe.storage)
        photos, labelled = joined(photos, more), len(more)
    pictures = (
        load_photos(find_pairs(synthetic), schema, side=recipe.storage) if synthetic else None
    )
    data = derive(photos, recipe, schema=schema, swapped=swapped)
    data = replace(data, missing=missing, labelled=labelled, masks=masks)
    return data if pictures is None else mixed(data, pictures, share=recipe.tail.synthetic)


def mixed(data: TrainingData, pictures: PhotoSet, *, share: float) -> TrainingData:
    """Adds synthetic pictures so that they make up a share of batches on average.

    Donors, class shares and sampling weights are still derived from the photos alone. All pictures
    are drawn equally often, and nothing is pasted into them.

    Args:
        data: The prepared photos.
        pictures: Pictures with exact masks.
        share: Share of the pictures in what is drawn, between 0 and 1.
    """
    weights = data.weights / data.weights.sum() * (1 - share)
    more = torch.full((len(pictures),), share / len(pictures), dtype=weights.dtype)
    together = torch.cat([weights, more])
    bank = replace(data.bank, anchors=data.bank.anchors + (None,) * len(pictures))
    photos = joined(data.photos, pictures)
    weights = together / together.mean()
    masks = data.masks + digest_of(pictures.masks.numpy())
    return replace(
        data, photos=photos, weights=weights, bank=bank, rendered=len(pictures), masks=masks
    )


def _teacher(recipe: Recipe, need: str, *, progress: bool) -> Teacher:
    name = recipe.pseudo.teacher or recipe.initial
    if not name:
        raise ConfigError(f"{need}: set pseudo.teacher or initial in the recipe to a checkpoint")
    model = SegFace.from_pretrained(name)
    if model.config.labels != recipe.model_config().labels:
        raise ConfigError(
            f"the teacher {name} has other classes than the recipe's model: name a teacher with "
            "the same classes"
        )
    return Teacher(model, recipe.pseudo.confidence, workers=recipe.workers, progress=progress)


def derive(
    photos: PhotoSet, recipe: Recipe, *, schema: LabelSchema, swapped: tuple[str, ...] = ()
) -> TrainingData:
    """Computes sampling weights, class shares and donors of photos."""
    power = recipe.tail.sampling_power if recipe.tail.sampling == "balanced" else 0.0
    chances = {schema.id_of(name): chance for name, chance in recipe.tail.paste.items() if chance}
    return TrainingData(
        photos=photos,
        weights=photo_weights(photos.presence(), power=power),
        share=photos.pixel_share(),
        bank=collect_parts(photos, tuple(chances)),
        chances=chances,
        swapped=swapped,
    )
