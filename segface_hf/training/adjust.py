"""Logit adjustment at inference: takes back what sampling and pasting made common in training.

A model that saw a necklace in every third picture expects one in every third photo. Its logits
are lowered by the logarithm of how much commoner a class was in training than in the photos
(Menon et al., ICLR 2021, with the priors of photos instead of pixels).
"""

from __future__ import annotations

from torch import Tensor

from segface_hf.training.prepare import TrainingData
from segface_hf.training.recipe import Recipe

_RAREST = 1e-4


def prior_shift(data: TrainingData, recipe: Recipe) -> Tensor:
    """Returns float32 (K,): the log of how much commoner each class was made by a recipe.

    Args:
        data: The photos that were trained on, as the recipe prepares them.
        recipe: Says how they were sampled, pasted and drawn on.

    Returns:
        0 for a class that came up as often as the photos hold it, log 2 for twice as often.
    """
    present = data.photos.presence().double()
    share = present.mean(0)
    weights = data.weights / data.weights.sum()
    seen = (present * weights[:, None]).sum(0)
    schema = data.photos.schema
    given = [*recipe.tail.paste.items(), *recipe.tail.drawn.items()]
    for name, chance in given:
        seen[schema.id_of(name)] += (1 - seen[schema.id_of(name)]) * chance
    return (seen.clamp(min=_RAREST) / share.clamp(min=_RAREST)).log().float()
