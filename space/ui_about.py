"""The About view: what the app does with photos, its models, and its limits."""

from __future__ import annotations

import gradio as gr

from space.services import Services


def layout(services: Services) -> None:
    """Lays the view out."""
    settings = services.settings
    hours = max(1, round(settings.keep_seconds / 3600))
    gr.Markdown(
        f"""## About
SegFace labels every pixel of a face with one of 19 classes: skin, brows, eyes, nose, lips, ears,
hair, neck and clothes, and the accessories that other parsers miss: eyeglasses, hats, earrings and
necklaces. The architecture is that of [SegFace](https://arxiv.org/abs/2412.08647) (AAAI 2025).

**Your photos.** They are parsed on the machine that runs this app and removed within
{hours} hour{"s" if hours > 1 else ""} after your visit. Nothing is kept or sent on unless you press
Save and agree. File names and pixels are never logged.

**Left and right** are those of the person in the photo.

**Limits.** It was trained on portraits: faces smaller than about 40 pixels, seen from behind or
upside down are often missed. It finds parts of faces; it does not recognise people, and it must not
be used to guess who they are or how they feel.

**Weights** may have licences of their own: the embedded one was trained on CelebAMask-HQ and is for
non-commercial research. The code is Apache-2.0.
""",
        elem_classes="narrow",
    )
