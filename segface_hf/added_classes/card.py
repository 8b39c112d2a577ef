"""The part of a model card that says how classes were added."""

from __future__ import annotations

from segface_hf.added_classes.add import AddedClass
from segface_hf.checkpoints.card import UNFINISHED, model_card


def added_class_card(added: AddedClass, *, base: str) -> str:
    """Returns the card of a checkpoint by `segface add-class`.

    Args:
        added: The model and its scores.
        base: Name of the model that the class was added to.
    """
    scores, name = added.scores, added.name
    rows = "\n".join(
        f"| {stem} | {found:.3f} | {iou:.3f} |"
        for stem, found, iou in zip(scores.stems, scores.found, scores.iou, strict=True)
    )
    return "\n".join(
        [
            model_card(added.model.config),
            f"## Added class: {name}\n",
            f"`segface add-class` added `{name}` to `{base}` from {len(scores.stems)} masks by "
            f"the method `{added.method}`, without training. All other classes keep their logits; "
            f"a pixel changes only where `{name}` is above them.\n",
            "Each line shows one of the photos, and how the class was found in it by a row that "
            "was fitted to the other photos:\n",
            f"| photo | share found | IoU |\n| --- | --- | --- |\n{rows}\n"
            f"| mean | {sum(scores.found) / len(scores.found):.3f} | {scores.mean_iou:.3f} |\n",
            f"Of the other pixels of these photos, {100 * scores.taken:.2f} % became `{name}`. "
            "So few photos say little about other ones: measure with `segface evaluate`.\n",
            "The license of the example photos may limit the use of these weights: "
            f"{UNFINISHED}.\n",
        ]
    )
