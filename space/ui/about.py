"""The About view: what the app does with photos, its models, its limits, and its use by scripts."""

from __future__ import annotations

import gradio as gr

from space.handlers.services import Services
from space.settings import Settings
from space.state.model_list import describe_model

_PAPER = "https://arxiv.org/abs/2412.08647"


def layout(services: Services) -> None:
    """Lays the view out."""
    gr.Markdown(about(services.settings), elem_classes="narrow")


def about(settings: Settings) -> str:
    """Returns the view's text, as Markdown."""
    return f"""## About
SegFace labels every pixel of a face with one of 19 classes: skin, brows, eyes, nose, lips, ears,
hair, neck and clothes, and accessories: eyeglasses, hats, earrings and necklaces. The architecture
is that of [SegFace]({_PAPER}) (AAAI 2025). You can correct its mistakes here, and corrections
become a dataset to train the next model on.

**Left and right** are those of the person in the photo: their left eye is on the right side of the
picture.

### Your photos
They are parsed on the machine that runs this app and removed within {settings.kept_for} after
your visit. {_kept(settings)} File names and pixels are never logged.

### What it is bad at
Necklaces and small earrings are often missed: there were few to learn from. So are faces smaller
than about 40 pixels or seen from behind. It was trained on portraits, mostly of
celebrities; nothing here measures how well it works for other people.

It finds parts of faces. It does not recognize people, and it must not be used to guess who they are
or how they feel.

### The model
{describe_model(settings.model)} Others can be chosen below a photo, under Model. The code is
Apache-2.0; each checkpoint has a license of its own.

### From a script
```text
from gradio_client import Client, handle_file

app = Client("{settings.space_id or f"http://127.0.0.1:{settings.port}"}")
summary, mask = app.predict(
    handle_file("photo.jpg"), model="{settings.model}", api_name="/parse"
)
```
`summary` lists faces and classes, `mask` is a gray PNG of class ids. There are `/parse_many`,
`/list_classes` and `/save_correction` too, for JavaScript, curl and as MCP tools: *Use via API* at
the foot of the page shows how to call each.
"""


def _kept(settings: Settings) -> str:
    """Says what pressing Save keeps, and where."""
    if settings.private:
        return (
            "Nothing is kept until you press Save. What you save stays in a folder of that "
            "machine; the app sends it nowhere."
        )
    return (
        "Nothing is kept until you press Save, and nothing is shared until you agree. What you "
        "save then goes to the dataset, with your statements."
    )
