"""Training data: reads data folders as a recipe says, and draws and augments batches."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate
from pathlib import Path

import torch
from torch import Generator, Tensor

from segface_hf.data.folder import find_pairs
from segface_hf.data.photo_set import PhotoSet, load_photos
from segface_hf.data.stacks import with_changes
from segface_hf.data.swapped import ANCHORS, swapped_photos
from segface_hf.errors import ConfigError, DataError
from segface_hf.labels import LabelSchema
from segface_hf.modeling.segface import SegFace
from segface_hf.training.augment import augment_batch, mirror_table
from segface_hf.training.drawing.drawing import draw_parts, occlude
from segface_hf.training.paste import LOWEST_PIXELS, PartBank, collect_parts, paste_parts
from segface_hf.training.provenance import Sources, digest_of
from segface_hf.training.recipe import Recipe
from segface_hf.training.sampling import (
    SamplingGroup,
    draw_by_group,
    draw_photos,
    photo_weights,
    step_generator,
    weights_by_share,
)
from segface_hf.training.teacher import (
    Teacher,
    fill_missing_parts,
    find_photos,
    joined,
    pseudo_labeled,
    suspect_stems,
)

_LOWERED = 0.25  # how often suspects are drawn with `tail.suspects: lower`


@dataclass(frozen=True)
class DataFolder:
    """A folder of photos and masks to train on.

    Attributes:
        path: Contains `images/` and `masks/`.
        weight: Its share of what is drawn, relative to the weights of the other folders; None
            draws photos of all folders alike.
    """

    path: str | Path
    weight: float | None = None


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
        suspects: Stems whose masks a teacher contradicts strongly.
        labeled: Number of photos that a teacher labeled; they follow those with masks.
        rendered: Number of synthetic pictures, which follow the photos.
        masks: Digest of all masks as they were read.
        groups: Consecutive photos with a fixed share of what is drawn; without any, `weights`
            alone decide.
        mixture: The weights of folders in words, where they have any.
        aligned: Whether every picture counts as a crop of one upright face.
    """

    photos: PhotoSet
    weights: Tensor
    share: Tensor
    bank: PartBank
    chances: dict[int, float]
    swapped: tuple[str, ...]
    missing: tuple[str, ...] = ()
    suspects: tuple[str, ...] = ()
    labeled: int = 0
    rendered: int = 0
    masks: str = ""
    groups: tuple[SamplingGroup, ...] = ()
    mixture: str = ""
    aligned: bool = False

    @property
    def counted(self) -> int:
        """Number of photos that `share` was counted on: all but synthetic pictures."""
        return len(self.photos) - self.rendered

    @property
    def in_memory(self) -> bool:
        """Whether the photos are in memory; otherwise they are decoded each time they are used."""
        return isinstance(self.photos.images, Tensor)

    def sources(self) -> Sources:
        """Returns the identity of the photos and masks."""
        found = Sources.of(
            self.photos.stems, labeled=self.labeled, rendered=self.rendered, masks=self.masks
        )
        return replace(found, mixture=self.mixture)

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
        if not self.groups:
            return draw_photos(self.weights, recipe.batch_size, generator)
        return draw_by_group(self.weights, self.groups, recipe.batch_size, generator)


def step_batch(data: TrainingData, recipe: Recipe, step: int) -> tuple[Tensor, Tensor]:
    """Returns the batch of a step, which depends on data, recipe and step alone."""
    side = recipe.resolution_at(step / recipe.steps)
    return data.batch(recipe, side=side, generator=step_generator(recipe.seed, step))


def repaired(photos: PhotoSet, stems: tuple[str, ...]) -> PhotoSet:
    """Returns the photos with left and right ids swapped back in the named masks."""
    table = mirror_table(photos.schema).to(torch.uint8)
    named = set(stems)
    # One at a time: int64 ids of all masks at once would take eight times their memory.
    changes = {
        index: table[photos.masks[index].long()]
        for index, stem in enumerate(photos.stems)
        if stem in named
    }
    return replace(photos, masks=with_changes(photos.masks, changes))


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
    dropped = set(stems)
    keep = [i for i, stem in enumerate(photos.stems) if stem not in dropped]
    return photos.subset(keep), stems


def prepare(
    folders: str | Path | Sequence[DataFolder],
    recipe: Recipe,
    *,
    unlabeled: str | Path | None = None,
    synthetic: str | Path | None = None,
    aligned: bool = False,
    memory: float | None = None,
    progress: bool = False,
) -> TrainingData:
    """Reads and prepares training photos as a recipe says.

    Args:
        folders: A folder of photos and masks, or several with weights.
        recipe: Says how they are prepared.
        unlabeled: Photos without masks, which the recipe's teacher labels.
        synthetic: Pictures with exact masks; `tail.synthetic` is their share of a batch.
        aligned: Takes every picture of `folders` and `unlabeled` as a crop of one upright face.
        memory: Bytes that photos may take; more are decoded each time they are used. None is half
            of the machine's memory.
        progress: Whether to show progress bars.

    Raises:
        DataError: A folder can't be used; the message names the file.
        ConfigError: Photos must be labeled or masks judged, but no teacher is set; or only some
            folders have a weight.
    """
    schema = recipe.model_config().labels
    if not isinstance(folders, Sequence) or isinstance(folders, str):
        folders = (DataFolder(folders),)
    check_weights(folders)
    pairs = [find_pairs(folder.path) for folder in folders]
    rendered = find_pairs(synthetic) if synthetic else ()
    more = find_photos(unlabeled) if unlabeled else ()
    count = sum(map(len, (*pairs, rendered, more)))
    lazy = bytes_of(count, side=recipe.storage) > (half_of_memory() if memory is None else memory)
    load = partial(load_photos, schema=schema, side=recipe.storage, progress=progress, lazy=lazy)
    read = [load(listed, aligned=aligned) for listed in pairs]
    kept, swapped, masks = _cleaned(folders, read, recipe)
    kept, suspects = _without_suspects(folders, kept, recipe, progress=progress)
    photos, sizes = joined(*kept), tuple(len(photos) for photos in kept)
    photos, missing = _judged(photos, recipe, progress=progress)
    if more:
        need = f"the photos of {unlabeled} have no masks, so a teacher must label them"
        teacher = _teacher(recipe, need, progress=progress)
        labeled = pseudo_labeled(teacher, more, side=recipe.storage, aligned=aligned, lazy=lazy)
        photos = joined(photos, labeled)
    data = derive(photos, recipe, schema=schema, swapped=swapped)
    data = replace(data, missing=missing, labeled=len(more), masks=masks, aligned=aligned)
    data = with_lowered(replace(data, suspects=suspects), recipe)
    data = weighted(data, folders, sizes)
    if not rendered:
        return data
    return with_synthetic(data, load(rendered, aligned=True), share=recipe.tail.synthetic)


def _judged(
    photos: PhotoSet, recipe: Recipe, *, progress: bool
) -> tuple[PhotoSet, tuple[str, ...]]:
    """Lets a teacher find parts that masks lack; returns photos and the stems of changed masks."""
    how = recipe.tail.missing
    if how == "keep":
        return photos, ()
    teacher = _teacher(recipe, f"tail.missing is '{how}', which needs a teacher", progress=progress)
    return fill_missing_parts(photos, teacher, complete=how == "complete")


def check_weights(folders: Sequence[DataFolder]) -> None:
    """Checks that all folders have a weight, or none has.

    Raises:
        ConfigError: Only some have one.
    """
    without = [str(folder.path) for folder in folders if folder.weight is None]
    if without and len(without) < len(folders):
        raise ConfigError(
            f"{', '.join(without)} has no weight and other folders have one: give every folder a "
            "weight, as in --data a:3 b:1, or none"
        )


def bytes_of(count: int, *, side: int) -> int:
    """Returns the memory of decoded photos and masks."""
    return count * 4 * side * side


def half_of_memory() -> float:
    """Returns half of the machine's memory in bytes; infinity where the system doesn't say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2
    except (AttributeError, OSError, ValueError):
        return math.inf


def _cleaned(
    folders: Sequence[DataFolder], read: Sequence[PhotoSet], recipe: Recipe
) -> tuple[list[PhotoSet], tuple[str, ...], str]:
    """Treats swapped masks: the photos of each folder, swapped stems, digest of the masks."""
    sets, digests = [], []
    swapped: list[str] = []
    for folder, photos in zip(folders, read, strict=True):
        digests.append(digest_of(map(Tensor.numpy, photos.masks)))
        kept, stems = clean(photos, recipe.tail.swapped)
        if not len(kept):
            raise DataError(
                f"every mask in {folder.path} has left and right swapped: set tail.swapped to "
                "repair or keep"
            )
        sets.append(kept)
        swapped += stems
    return sets, tuple(swapped), "".join(digests)


def _without_suspects(
    folders: Sequence[DataFolder], sets: list[PhotoSet], recipe: Recipe, *, progress: bool
) -> tuple[list[PhotoSet], tuple[str, ...]]:
    """Finds suspects where the recipe treats them, and drops them if it says so."""
    how = recipe.tail.suspects
    if how == "keep":
        return sets, ()
    teacher = _teacher(
        recipe, f"tail.suspects is '{how}', which needs a teacher", progress=progress
    )
    stems: list[str] = []
    kept = []
    for folder, photos in zip(folders, sets, strict=True):
        found = set(suspect_stems(photos, teacher))
        stems += sorted(found)
        trusted = [i for i, stem in enumerate(photos.stems) if stem not in found]
        if how == "set_aside" and not trusted:
            raise DataError(
                f"every mask in {folder.path} is a suspect: look at them, or set tail.suspects to "
                "keep"
            )
        kept.append(photos.subset(trusted) if how == "set_aside" else photos)
    return kept, tuple(stems)


def with_lowered(data: TrainingData, recipe: Recipe) -> TrainingData:
    """Draws suspects a quarter as often where the recipe says so."""
    if recipe.tail.suspects != "lower":
        return data
    named = set(data.suspects)
    factors = [_LOWERED if stem in named else 1.0 for stem in data.photos.stems]
    weights = data.weights * torch.tensor(factors, dtype=data.weights.dtype)
    return replace(data, weights=weights / weights.mean())


def weighted(
    data: TrainingData, folders: Sequence[DataFolder], sizes: Sequence[int]
) -> TrainingData:
    """Gives each folder the share of batches that its weight says.

    Photos that a teacher labeled keep the share that they have by number.

    Args:
        data: The prepared photos: those of the folders, in order, then the labeled ones.
        folders: With a weight each; without any, `data` is returned unchanged.
        sizes: Number of photos of each folder.
    """
    weights = [folder.weight for folder in folders if folder.weight is not None]
    if not weights:
        return data
    labeled = data.labeled / len(data.photos)
    shares = [weight / sum(weights) * (1 - labeled) for weight in weights]
    sizes = [*sizes, data.labeled] if labeled else sizes
    groups = _groups(sizes, [*shares, labeled] if labeled else shares)
    mixture = ":".join(f"{weight:g}" for weight in weights)
    return replace(
        data, weights=weights_by_share(data.weights, groups), groups=groups, mixture=mixture
    )


def _groups(sizes: Sequence[int], shares: Sequence[float]) -> tuple[SamplingGroup, ...]:
    stops = list(accumulate(sizes))
    starts = [0, *stops[:-1]]
    return tuple(SamplingGroup(*values) for values in zip(starts, stops, shares, strict=True))


def with_synthetic(data: TrainingData, pictures: PhotoSet, *, share: float) -> TrainingData:
    """Adds synthetic pictures so that they make up a share of batches on average.

    Donors, class shares and sampling weights are still derived from the photos alone. All pictures
    are drawn equally often, and nothing is pasted into them.

    Args:
        data: The prepared photos.
        pictures: Pictures with exact masks.
        share: Share of the pictures in what is drawn, between 0 and 1.
    """
    count = len(data.photos)
    groups = data.groups or (SamplingGroup(0, count, 1.0),)
    groups = tuple(replace(group, share=group.share * (1 - share)) for group in groups)
    groups = (*groups, SamplingGroup(count, count + len(pictures), share))
    weights = torch.cat([data.weights, torch.ones(len(pictures), dtype=data.weights.dtype)])
    return replace(
        data,
        photos=joined(data.photos, pictures),
        weights=weights_by_share(weights, groups),
        groups=groups,
        bank=replace(data.bank, anchors=data.bank.anchors + (None,) * len(pictures)),
        rendered=len(pictures),
        masks=data.masks + digest_of(map(Tensor.numpy, pictures.masks)),
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
