"""Logit adjustment after training: takes back what sampling and pasting made common.

A model that saw a necklace in every third picture expects one in every third photo. Its logits
are lowered by the logarithm of how much commoner a class was in training than in the photos
(Menon et al., ICLR 2021, with the priors of photos instead of pixels).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from segface_hf.modeling.segface import SegFace
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


def with_class_bias(model: SegFace, bias: Mapping[str, float]) -> SegFace:
    """Returns the model with constants added to the logits of classes, in its configuration.

    Choose them on photos that were not trained on. A class that is not named keeps its own.

    Args:
        model: It stays as it is.
        bias: Class name -> what is added from now on, in place of what was; negative ones make a
            class rarer.

    Raises:
        LabelError: A class that the model doesn't have.
    """
    labels = model.config.labels
    values = list(model.config.class_bias or [0.0] * labels.num_classes)
    for name, value in bias.items():
        values[labels.id_of(name)] = value
    biased = SegFace(replace(model.config, class_bias=tuple(values)))
    biased.load_state_dict(model.state_dict())
    return biased.eval()
