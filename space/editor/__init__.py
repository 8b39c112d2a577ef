"""The mask editor: a Gradio component that corrects a label map byte-exactly in the browser."""

from space.editor.component import EVENT, FaceMaskEditor, accepted, refused
from space.editor.value import editor_value

__all__ = ["EVENT", "FaceMaskEditor", "accepted", "editor_value", "refused"]
