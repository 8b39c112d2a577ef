"""A small Gradio app around the editor alone, for the browser tests and the benchmark."""

from __future__ import annotations

import argparse
import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[4]))

from annotate.label_maps import unpack_label_map
from segface_hf.errors import SegFaceError
from segface_hf.labels import CELEBAMASK_HQ
from space.ui.queue import queue
from space.web.editor_component import FaceMaskEditor, accepted, refused
from space.web.editor_value import editor_value
from tests.space.web.editor.synthetic import synthetic_face

Update = dict[str, Any]


@cache
def value_of(size: str, folder: Path) -> Update:
    """The editor's value for "WIDTHxHEIGHT"; made once, since every test opens one or two."""
    width, height = (int(part) for part in size.split("x"))
    face = synthetic_face(width, height)
    path = folder / f"face_{size}.png"
    face.image.save(path, compress_level=1)
    return editor_value(
        path,
        face.prediction,
        face.prediction,
        CELEBAMASK_HQ,
        confidence=face.confidence,
        runner_up=face.runner_up,
        title=f"face {size}",
    )


def build(folder: Path) -> gr.Blocks:
    """Size and a load button above the editor; saves go to ``saved.npy`` and ``saved.json``."""

    def save(size: str, mood: str, event: gr.EventData) -> Update | None:
        payload = event._data
        width, height = (int(part) for part in size.split("x"))
        if mood == "silent":
            raise gr.Error("the handler broke")
        if mood == "refuse":
            return refused(payload, "The folder can't be written.")
        try:
            ids = unpack_label_map(payload, expected_size=(width, height), num_classes=19)
        except SegFaceError as error:
            return refused(payload, str(error))
        np.save(folder / "saved.npy", ids)
        claims = {key: value for key, value in payload.items() if key != "z"}
        (folder / "saved.json").write_text(json.dumps(claims), encoding="utf-8")
        return accepted(payload, "Saved as a test.")

    with gr.Blocks(title="Editor under test") as app:
        with gr.Row():
            size = gr.Textbox("512x512", elem_id="size", label="Size")
            mood = gr.Textbox("accept", elem_id="mood", label="How the backend answers")
            load = gr.Button("Load", elem_id="load")
        editor = FaceMaskEditor(elem_id="mask-editor")
        load.click(lambda text: value_of(text, folder), size, editor)
        editor.saved(save, [size, mood], editor)
    return app


def main() -> None:
    """Serve until killed: ``editor_app.py PORT FOLDER``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    app = build(args.folder)
    queue(app)
    app.launch(
        server_name="127.0.0.1",
        server_port=args.port,
        allowed_paths=[str(args.folder)],
        quiet=True,
        _frontend=False,
    )


if __name__ == "__main__":
    main()
