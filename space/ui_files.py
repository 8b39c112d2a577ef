"""Files that reach the app: uploaded ones only; no address that a visitor gives is fetched."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import gradio as gr
from gradio.utils import get_upload_folder

from space.errors import NotUploadedError
from space.handlers import as_sentence

_SERVED = "/gradio_api/file="


def uploaded(path: str) -> str:
    """Returns the path of an uploaded file.

    Args:
        path: What a client sent: the path that the upload gave it, or the address under which this
            app serves that file, as MCP clients send it.

    Raises:
        NotUploadedError: It is another address, or a file that nobody uploaded.
    """
    if "://" in path:
        _, served, rest = urlsplit(path).path.partition(_SERVED)
        path = unquote(rest) if served else ""
    folder = Path(get_upload_folder()).resolve()
    found = Path(path).resolve() if path and "\0" not in path else folder
    if folder not in found.parents or not found.is_file():
        raise NotUploadedError("Upload the file itself: addresses and other files are not opened.")
    return str(found)


def uploaded_or_told(path: str) -> str:
    """Does the same where Gradio still has the value; its error reaches every client typed."""
    try:
        return uploaded(path)
    except NotUploadedError as error:
        raise gr.Error(
            as_sentence(error), title=type(error).__name__, print_exception=False
        ) from error


class UploadedFile(gr.File):
    """A `gr.File` that takes uploads only; Gradio's own would fetch public addresses."""

    is_template = True

    async def async_move_resource_to_block_cache(self, url_or_file_path: Any) -> str | None:
        """Refuses every address before anything is fetched; see `gr.File`."""
        if "://" in str(url_or_file_path or ""):
            return uploaded_or_told(str(url_or_file_path))
        return await super().async_move_resource_to_block_cache(url_or_file_path)

    def preprocess(self, payload: Any) -> Any:
        """Looks at every path once more: some claims of a client keep Gradio from doing so."""
        files = payload if self.file_count == "multiple" else [payload]
        for file in filter(None, files or ()):
            uploaded_or_told(file.path)
        return super().preprocess(payload)
