"""Writes a static page that parses and corrects photos in the browser and sends nothing."""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from segface_hf.browser.export import export_for_browser
from segface_hf.checkpoints.files import EMBEDDED, load_config
from segface_hf.checkpoints.find import checkpoint_folder
from segface_hf.cli.program import Functions
from segface_hf.config import SegFaceConfig
from segface_hf.errors import OutputError
from space.handlers.browser_values import describe_schema, safe_colors
from space.ops.runtime import fetch_runtime

_WEB = Path(__file__).resolve().parents[1] / "web"
_PARTS = {"page": "*", "viewer": "*", "mask_editor": "**/*"}
_SUFFIXES = (".mjs", ".css")
# `blob:` are files of the page itself, such as a chosen photo; 'wasm-unsafe-eval' lets models run.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "worker-src 'self'",
        "connect-src 'self'",
        "img-src 'self' blob: data:",
        "style-src 'self' 'unsafe-inline'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
    )
)
_MANIFEST = {
    "name": "Face parsing on this device",
    "short_name": "Face parsing",
    "start_url": "./",
    "display": "standalone",
    "background_color": "#0f766e",
    "theme_color": "#0f766e",
    "icons": [{"src": "icon.svg", "sizes": "any", "type": "image/svg+xml"}],
}


@dataclass(frozen=True)
class BrowserPage:
    """What was written.

    Attributes:
        folder: What a web server serves.
        size: Bytes of all its files.
    """

    folder: Path
    size: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `python -m space browser`."""
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    parser.add_argument("--model", default=EMBEDDED, help="checkpoint; default: %(default)s")


def run(arguments: argparse.Namespace) -> int:
    """Writes the page and prints its size."""
    page = build_page(arguments.out, model=arguments.model)
    print(f"{page.folder}: {page.size / 1e6:.1f} MB; serve it, for example with")
    print(f"python -m http.server --directory {page.folder} 8000")
    return 0


def build_page(out: Path, *, model: str = EMBEDDED) -> BrowserPage:
    """Writes the page, its models and ONNX Runtime Web.

    Args:
        out: An empty or new folder.
        model: The checkpoint: a folder, `org/name` on the Hub, or a shipped one.

    Raises:
        OutputError: The folder holds files, or can't be written.
        RuntimeFetchError: npm can't fetch ONNX Runtime Web.
        SegFaceError: As `export_for_browser` raises them.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"{out} is not empty: name a new folder")
    checkpoint = checkpoint_folder(model, build=_build)
    export_for_browser(checkpoint, out / "parser")
    fetch_runtime(out / "runtime")
    for folder, pattern in _PARTS.items():
        for path in sorted((_WEB / folder).glob(pattern)):
            if path.suffix in _SUFFIXES:
                target = out / path.relative_to(_WEB)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
    _write_page(out, load_config(checkpoint), model)
    _write_service_worker(out)
    return BrowserPage(out, sum(path.stat().st_size for path in out.rglob("*") if path.is_file()))


def _write_page(out: Path, config: SegFaceConfig, model: str) -> None:
    """Writes `index.html` and what it names."""
    page = _text("page/index.html").replace("{policy}", POLICY)
    page = page.replace("{viewer}", _text("viewer/viewer.html"))
    page = page.replace("{editor}", _text("mask_editor/template.html"))
    (out / "index.html").write_text(page, encoding="utf-8")
    shutil.copyfile(_WEB / "page" / "icon.svg", out / "icon.svg")
    (out / "manifest.webmanifest").write_text(json.dumps(_MANIFEST), encoding="utf-8")
    (out / "schema.json").write_text(json.dumps(_schema(config, model)), encoding="utf-8")
    licenses = [*out.glob("*/*LICENSE.txt"), *out.glob("parser/model.md")]
    text = "\n\n".join(path.read_text(encoding="utf-8") for path in sorted(licenses))
    (out / "licenses.txt").write_text(text, encoding="utf-8")


def _schema(config: SegFaceConfig, model: str) -> dict[str, object]:
    """The model's name and its classes by id, with what the viewer and the editor show of them."""
    schema = config.labels
    safe, mirrored = safe_colors(schema.num_classes), dict(schema.mirror_pairs)
    family = {index: name for name, members in schema.families for index in members}
    classes = [
        {
            **row,
            "safe": safe[row["id"]],
            "mirror": mirrored.get(row["id"], 0),
            "family": family.get(row["id"], "person"),
        }
        for row in describe_schema(schema)
    ]
    return {"model": model, "classes": classes}


def _write_service_worker(out: Path) -> None:
    """Writes the script that keeps every file; another content has another version."""
    files = sorted(path for path in out.rglob("*") if path.is_file())
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
    names = ["./", *(path.relative_to(out).as_posix() for path in files)]
    script = _text("page/service_worker.js").replace("{version}", digest[:16])
    script = script.replace("{files}", json.dumps(names)).replace("{policy}", POLICY)
    (out / "service_worker.js").write_text(script, encoding="utf-8")


def _text(name: str) -> str:
    return (_WEB / name).read_text(encoding="utf-8")


def _build(config: SegFaceConfig) -> object:
    from segface_hf.modeling.segface import SegFace

    return SegFace(config)


COMMANDS = {"browser": Functions(add_arguments, run)}
