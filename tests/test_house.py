"""The house rules that a machine can check: rooms, sizes, secrets of the shelf, and packaging."""

from __future__ import annotations

import ast
import statistics
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("segface_hf", "annotate", "space")
MAY_IMPORT = {
    "segface_hf": {"segface_hf"},
    "annotate": {"segface_hf", "annotate"},
    "space": {"segface_hf", "annotate", "space"},
}
GRADIO_ROOMS = ("space/ui/", "space/ui_", "space/web/")
HUB_API_ROOMS = ("annotate/dataset/", "segface_hf/checkpoints/publish.py", "space/ops/deploy.py")
# A Ray worker sets, and does not read, the login that came with its job.
ENVIRONMENT_ROOMS = ("space/settings.py", "segface_hf/jobs/on_ray.py")


def sources(*folders):
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def relative(path):
    return path.relative_to(ROOT).as_posix()


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def in_rooms(path, rooms):
    return relative(path).startswith(rooms)


def test_imports_go_one_way():
    wrong = [
        f"{relative(path)} imports {name}"
        for package in PACKAGES
        for path in sources(package)
        for name in imports(path)
        if name.split(".")[0] in {*PACKAGES, "tests", "bench"} - MAY_IMPORT[package]
    ]
    assert wrong == []


def test_gradio_stays_in_the_user_interface():
    wrong = [
        relative(path)
        for path in sources(*PACKAGES)
        if any(name.split(".")[0] == "gradio" for name in imports(path))
        and not in_rooms(path, GRADIO_ROOMS)
    ]
    assert wrong == []


def test_the_hub_is_written_from_few_places():
    wrong = [
        relative(path)
        for path in sources(*PACKAGES)
        if "huggingface_hub.HfApi" in imports(path) and not in_rooms(path, HUB_API_ROOMS)
    ]
    assert wrong == []


def test_the_environment_is_read_in_one_module():
    wrong = [
        relative(path)
        for path in sources(*PACKAGES)
        if any(word in path.read_text() for word in ("os.environ", "os.getenv", "from os import"))
        and not in_rooms(path, ENVIRONMENT_ROOMS)
    ]
    assert wrong == []


def functions(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def test_functions_and_files_stay_small():
    sizes = {
        f"{relative(path)}:{name}": lines
        for path in sources(*PACKAGES)
        for name, lines in functions(path)
    }
    assert [name for name, lines in sizes.items() if lines > 60] == []
    assert statistics.quantiles(sizes.values(), n=10)[-1] <= 35
    scripts = [p for package in PACKAGES for p in (ROOT / package).rglob("*.?js")]
    scripts += [p for package in PACKAGES for p in (ROOT / package).rglob("*.js")]
    files = [*sources(*PACKAGES, "tests", "bench"), *scripts]
    assert [relative(p) for p in files if len(p.read_text().splitlines()) > 500] == []


def test_every_module_opens_with_a_sentence_on_what_it_owns():
    silent = [
        relative(path)
        for path in sources(*PACKAGES)
        if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_importing_the_library_reads_and_starts_nothing():
    code = (
        "import sys, segface_hf, segface_hf.labels, segface_hf.errors;"
        "assert not {'torch', 'timm', 'gradio', 'datasets'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_the_public_names_are_sorted_and_importable():
    import segface_hf

    constants = [name for name in segface_hf.__all__ if name.isupper()]
    others = [name for name in segface_hf.__all__ if not name.isupper()]
    assert segface_hf.__all__ == sorted(constants) + sorted(others)
    for name in segface_hf.__all__:
        assert getattr(segface_hf, name) is not None


def test_requirements_equal_the_project_and_its_app_extra():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    expected = {*project["dependencies"], *project["optional-dependencies"]["app"]}
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    assert {line for line in lines if line and not line.startswith("#")} == expected


def test_no_picture_of_the_shared_data_is_tracked():
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    pictures = [name for name in tracked if name.lower().endswith((".png", ".jpg", ".jpeg"))]
    allowed = ("examples/", "docs/images/", "tests/segface_hf/elsewhere/")
    assert [name for name in pictures if not name.startswith(allowed)] == []


@pytest.mark.parametrize("folder", ["examples", "tests/segface_hf/elsewhere"])
def test_every_photo_states_its_source_and_carries_no_metadata(folder):
    sources = (ROOT / folder / "SOURCES.md").read_text("utf-8")
    for path in sorted((ROOT / folder).glob("*.jpg")):
        assert f"| `{path.name}` |" in sources
        assert path.stat().st_size < 300_000
        with Image.open(path) as photo:
            size = {"jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi"}
            assert not set(photo.info) - size
