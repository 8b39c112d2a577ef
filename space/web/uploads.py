"""Files that reach the app: uploaded ones only; no address that a visitor gives is fetched."""

from __future__ import annotations

import binascii
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import gradio as gr
from gradio.data_classes import FileData, ListFiles
from gradio.processing_utils import save_base64_to_cache
from gradio.utils import get_upload_folder
from pydantic import model_validator

from space.errors import NotUploadedError
from space.handlers.parse import as_sentence

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


def _stored(address: str) -> str:
    """Returns the path of a file that came as a text: a `data:` address, or as `uploaded` says."""
    if not address.startswith("data:"):
        return uploaded_or_told(address)
    try:
        return save_base64_to_cache(address, get_upload_folder())
    except (binascii.Error, ValueError, OSError) as error:
        told = "This data: address holds no file: send its bytes as base64."
        raise gr.Error(told, title=NotUploadedError.__name__, print_exception=False) from error


class _Files(ListFiles):
    """Several files, each as Gradio's clients send it, or a text as MCP clients do.

    Gradio turns the text of a single file into a file, and forgets those in a list.
    """

    @model_validator(mode="before")
    @classmethod
    def texts_are_files(cls, files: Any) -> Any:
        """Puts a file in place of each text."""
        if not isinstance(files, list):
            return files
        meta = {"_type": "gradio.FileData"}
        return [{"path": _stored(f), "meta": meta} if isinstance(f, str) else f for f in files]


def _schema_of_a_file() -> dict[str, Any]:
    """Returns the JSON schema of one file, without references."""
    schema = FileData.model_json_schema()
    meta = schema.pop("$defs")["FileDataMeta"]
    return {**schema, "properties": {**schema["properties"], "meta": meta}}


class UploadedFile(gr.File):
    """A `gr.File` that takes uploads only; Gradio's own would fetch public addresses."""

    is_template = True

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.file_count == "multiple":
            self.data_model = _Files

    def api_info(self) -> dict[str, Any]:
        """Writes every reference out: in a tool of MCP the definitions are out of its reach."""
        info = super().api_info()
        if self.file_count != "multiple":
            return info
        left = {name: part for name, part in info.items() if name != "$defs"}
        return {**left, "items": _schema_of_a_file()}

    async def async_move_resource_to_block_cache(self, url_or_file_path: Any) -> str | None:
        """Refuses every address before anything is fetched; see `gr.File`."""
        if "://" in str(url_or_file_path or ""):
            return uploaded_or_told(str(url_or_file_path))
        return await super().async_move_resource_to_block_cache(url_or_file_path)

    def preprocess(self, payload: Any) -> Any:
        """Looks at every path once more: some claims of a client keep Gradio from doing so."""
        files = payload if self.file_count == "multiple" else [payload]
        for file in filter(None, files or ()):
            # Gradio removes what is noted here after the visit; it doesn't note what `_stored` did.
            self.temp_files.add(uploaded_or_told(file.path))
        return super().preprocess(payload)
