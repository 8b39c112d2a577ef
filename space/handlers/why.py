"""Why a class: asks the model that parsed a photo which of its attention heads voted for it."""

from __future__ import annotations

from dataclasses import replace

from segface_hf.labels import title
from space.errors import VisitError
from space.handlers.parse import Request
from space.handlers.services import Services
from space.state.photo_cache import OpenPhoto


def explain(services: Services, photo: OpenPhoto, name: str, *, request: Request) -> str:
    """Explains a class of an open photo.

    Args:
        services: What the app runs on.
        photo: The photo that is shown.
        name: A class of its schema.
        request: Who asks, for the rate limit.

    Returns:
        HTML: one sentence, the region, and the strongest heads as pictures over the photo.

    Raises:
        VisitError: No class was chosen.
        TooFastError: The visitor asks more often than accepted.
        SegFaceError: The model can't be loaded or explained.
    """
    if name not in photo.parse.schema.names:
        raise VisitError("Choose a class to explain.")
    services.limit.spend(request.visitor, request.address)
    explainer = services.explainers.of(photo.parse.model_id, photo.parse.revision)
    from segface_hf.explain.photo import Question
    from segface_hf.explain.report import as_fragment

    found = explainer.explain(photo.image, Question(name))
    return as_fragment(replace(found, names=tuple(title(known) for known in found.names)))
