"""Files that reach the app: uploaded ones only; no address that a visitor gives is fetched."""

from __future__ import annotations

import binascii
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import gradio as gr
from gradio.data_classes import FileData, ListFiles
from gradio.processing_utils import save_base64_to_cache
from gradio.route_utils import MultiPartException, upload_fn
from gradio.utils import get_upload_folder
from pydantic import model_validator
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from space.errors import NotUploadedError
from space.handlers.parse import as_sentence

_SERVED = "/gradio_api/file="
_ENDING = re.compile(r"\.[a-z0-9]{1,5}")
_UPLOAD_IT = "Upload the file itself: addresses and other files are not opened."


async def receive_files(request: Request) -> Response:
    """Stores uploaded files, as Gradio's own route does, but without the visitor's file names.

    Returns:
        The paths as JSON, or a sentence where the upload is malformed or too large.
    """
    app = request.app
    blocks = app.get_blocks()
    try:
        paths, *_ = await upload_fn(request, app.uploaded_file_dir, blocks.max_file_size, None)
    except MultiPartException as error:
        too_large = "maximum allowed size" in error.message
        return PlainTextResponse(error.message, status_code=413 if too_large else 400)
    stored = [_without_its_name(Path(path)) for path in paths]
    blocks.upload_file_set.update(stored)
    return JSONResponse(stored)


def _without_its_name(path: Path) -> str:
    """Renames an uploaded file, in its folder that is named by a digest of the content."""
    ending = path.suffix.lower() if _ENDING.fullmatch(path.suffix.lower()) else ""
    return str(path.replace(path.with_name(f"upload{ending}")))


class UnfinishedUploads:
    """Files of uploads that were cut off, which Gradio never removes.

    Args:
        keep_seconds: How long they stay.
    """

    def __init__(self, keep_seconds: float) -> None:
        self._keep = keep_seconds

    def sweep(self) -> None:
        """Removes those whose time ran out."""
        oldest = time.time() - self._keep
        for path in Path(get_upload_folder()).glob("tmp*"):
            with suppress(FileNotFoundError):
                if path.is_file() and path.stat().st_mtime < oldest:
                    path.unlink()


def uploaded_files(value: object) -> list[str]:
    """Returns the paths of the photos that a page named, `{"files": [{"path": ...}]}`.

    Raises:
        NotUploadedError: It is anything else, or a path is not of an uploaded file.
    """
    files = value.get("files") if isinstance(value, dict) else None
    if not isinstance(files, list) or not all(isinstance(file, dict) for file in files):
        raise NotUploadedError(_UPLOAD_IT)
    return [uploaded(file.get("path")) for file in files]


def uploaded(path: object) -> str:
    """Returns the path of an uploaded file.

    Args:
        path: What a client sent: the path that the upload gave it, or the address under which this
            app serves that file, as MCP clients send it.

    Raises:
        NotUploadedError: It is another address, another file, or not a path.
    """
    try:
        found = _path_of(path) if isinstance(path, str) else None
        if found is not None and found.is_file():
            return str(found)
    except (OSError, ValueError):
        pass  # too long, or with characters that no path has
    raise NotUploadedError(_UPLOAD_IT)


def _path_of(path: str) -> Path | None:
    """Returns the place in the upload folder that a client named; None where it is elsewhere."""
    if "://" in path:
        _, served, rest = urlsplit(path).path.partition(_SERVED)
        path = unquote(rest) if served else ""
    folder = Path(get_upload_folder()).resolve()
    found = Path(path).resolve()
    return found if path and folder in found.parents else None


def uploaded_or_error(path: str) -> str:
    """Does the same while Gradio holds the value; every client gets the error with its type."""
    try:
        return uploaded(path)
    except NotUploadedError as error:
        raise gr.Error(
            as_sentence(error), title=type(error).__name__, print_exception=False
        ) from error


def _stored(address: str) -> str:
    """Returns the path of a file that came as a text: a `data:` address, or as `uploaded` says."""
    if not address.startswith("data:"):
        return uploaded_or_error(address)
    try:
        return save_base64_to_cache(address, get_upload_folder())
    except (binascii.Error, ValueError, OSError) as error:
        message = "This data: address holds no file: send its bytes as base64."
        raise gr.Error(message, title=NotUploadedError.__name__, print_exception=False) from error


class _Files(ListFiles):
    """Several files, each as Gradio's clients send it, or a text as MCP clients do.

    Gradio turns the text of a single file into a file, but not texts in a list.
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
        """Writes every reference out: an MCP tool can't reach the definitions."""
        info = super().api_info()
        if self.file_count != "multiple":
            return info
        left = {name: part for name, part in info.items() if name != "$defs"}
        return {**left, "items": _schema_of_a_file()}

    async def async_move_resource_to_block_cache(self, url_or_file_path: Any) -> str | None:
        """Refuses every address before anything is fetched; see `gr.File`."""
        if "://" in str(url_or_file_path or ""):
            return uploaded_or_error(str(url_or_file_path))
        return await super().async_move_resource_to_block_cache(url_or_file_path)

    def preprocess(self, payload: Any) -> Any:
        """Checks every path again: some client claims keep Gradio from checking."""
        files = payload if self.file_count == "multiple" else [payload]
        for file in filter(None, files or ()):
            # Gradio removes these after the visit; it doesn't know the files that `_stored` wrote.
            self.temp_files.add(uploaded_or_error(file.path))
        return super().preprocess(payload)
