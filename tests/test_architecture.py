"""Rules that a machine can check: import order, sizes, wording, and what may be committed."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
import sys
import tomllib
from collections import defaultdict
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
# Inside a top-level package, each line imports only from the lines above it.
LAYERS = {
    "segface_hf": (
        "errors",
        "_progress _utils labels",
        "config faces images label_orders hub_client overlay",
        "checkpoints",
        "modeling pipeline",
        "data inference",
        "parser",
        "evaluation onnx",
        "explain export jobs rendering added_classes",
        "browser training",
        "cli",
    ),
    "annotate": (
        "errors",
        "label_maps _files",
        "correction",
        "rows",
        "dataset",
        "exchange outbox",
        "review growth",
        "cli",
    ),
    "space": ("errors settings", "state", "handlers", "ops web", "ui"),
}
MOST_FLAT_FILES = {"segface_hf": 16, "annotate": 9, "space": 8}
GRADIO_PACKAGES = ("space/ui/", "space/web/")
HUB_WRITERS = ("annotate/dataset/", "segface_hf/checkpoints/publish.py", "space/ops/deploy.py")
# A Ray worker sets, and does not read, the login that came with its job.
ENVIRONMENT_READERS = ("space/settings.py", "segface_hf/jobs/on_ray.py")


def sources(*folders):
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def relative(path):
    return path.relative_to(ROOT).as_posix()


def module_of(path):
    return relative(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


MODULES = {module_of(path): path for path in sources(*PACKAGES, "bench")}


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_modules(path):
    """The modules of this project that a file imports, without those for type checking only."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else node.module


def is_in(path, places):
    return relative(path).startswith(places)


def test_imports_go_one_way():
    wrong = [
        f"{relative(path)} imports {name}"
        for package in PACKAGES
        for path in sources(package)
        for name in imports(path)
        if name.split(".")[0] in {*PACKAGES, "tests", "bench"} - MAY_IMPORT[package]
    ]
    assert wrong == []


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_only_from_the_layers_above_them(package):
    layer = {name: i for i, line in enumerate(LAYERS[package]) for name in line.split()}
    wrong = []
    for path in sources(package):
        own = module_of(path).split(".")
        if len(own) == 1 or own[1] == "__main__":
            continue
        for name in imported_modules(path):
            other = name.split(".")
            if other[0] != package or len(other) == 1 or other[1] == own[1]:
                continue
            if layer[other[1]] >= layer[own[1]]:
                wrong.append(f"{relative(path)} imports {name}")
    assert wrong == []


def circles(graph):
    """Modules that can be reached from themselves."""
    return sorted(start for start in graph if start in reachable(graph, start))


def reachable(graph, start):
    found, left = set(), list(graph[start])
    while left:
        if (name := left.pop()) not in found:
            found.add(name)
            left += graph[name]
    return found


def test_no_modules_import_each_other_in_a_circle():
    graph = defaultdict(set)
    for name, path in MODULES.items():
        graph[name] |= {other for other in imported_modules(path) if other != name}
    assert circles(graph) == []


def test_no_path_leads_into_another_package():
    """A path put together from strings would hide an import from the tests above."""
    wrong = []
    for package in PACKAGES:
        others = {*PACKAGES, "bench", "tests"} - {package}
        for path in sources(package):
            if relative(path) == "space/ops/deploy.py":
                continue  # It uploads the files of all packages.
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
                    part = getattr(node.right, "value", None)
                    if part in others:
                        wrong.append(f"{relative(path)}:{node.lineno} leads into {part}/")
    assert wrong == []


def test_few_files_are_flat_and_every_package_has_a_docstring():
    for package, most in MOST_FLAT_FILES.items():
        assert len(list((ROOT / package).glob("*.py"))) <= most
    silent = [
        relative(path)
        for path in sources(*PACKAGES)
        if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_gradio_stays_in_the_user_interface():
    wrong = [
        relative(path)
        for path in sources(*PACKAGES)
        if any(name.split(".")[0] == "gradio" for name in imports(path))
        and not is_in(path, GRADIO_PACKAGES)
    ]
    assert wrong == []


def test_the_hub_is_written_from_few_places():
    wrong = [
        relative(path)
        for path in sources(*PACKAGES)
        if "huggingface_hub.HfApi" in imports(path) and not is_in(path, HUB_WRITERS)
    ]
    assert wrong == []


def test_the_environment_is_read_in_one_module():
    wrong = [
        relative(path)
        for path in sources(*PACKAGES)
        if any(word in path.read_text() for word in ("os.environ", "os.getenv", "from os import"))
        and not is_in(path, ENVIRONMENT_READERS)
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
    scripts = [p for package in PACKAGES for p in (ROOT / package).rglob("*.*js")]
    files = [*sources(*PACKAGES, "tests", "bench"), *scripts]
    assert [relative(p) for p in files if len(p.read_text().splitlines()) > 500] == []


def test_one_class_name_means_one_thing():
    homes = defaultdict(list)
    for path in sources(*PACKAGES):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(relative(path))
    assert {name: paths for name, paths in homes.items() if len(paths) > 1} == {}


# Words of the private English that this project once had; CONTRIBUTING.md has the rules.
FORBIDDEN = (
    "anew",
    "as good as",
    "gives way",
    "nobody",
    "not without end",
    "shelf",
    "strangers?",
    "told",
    "tray",
    "whoever",
    "without a word",
)
FORBIDDEN_NAMES = ("Clerk", "Company", "Courier", "Desk", "Laid", "Lookout", "Parcel", "Tray")
# Marks of files on disk, which keep their words, and the picture that shows a rendered face.
_MARKS = ("written anew -->", "of nobody:", '"nobody")', 'b"segface tray')


def test_forbidden_words_do_not_come_back():
    words = re.compile(
        rf"\b({'|'.join(FORBIDDEN)})\b|\bclass ({'|'.join(FORBIDDEN_NAMES)})\b", re.IGNORECASE
    )
    files = [
        *(
            p
            for folder in (*PACKAGES, "bench", "docs", "tests")
            for p in (ROOT / folder).rglob("*.*")
        ),
        ROOT / "README.md",
        ROOT / "CHANGELOG.md",
    ]
    found = [
        f"{relative(path)}:{number}: {line.strip()[:80]}"
        for path in files
        if path.suffix in (".py", ".md", ".mjs", ".js", ".html") and path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if words.search(line) and not any(mark in line for mark in _MARKS)
    ]
    assert found == []


# Stored rows, cards and the app's endpoint (space/ui/api.py) keep "licence"; so do two options.
_STORED_SPELLING = re.compile(r"""(["'`])(photo_)?licences?\1|"--(photo-)?licence\"""")
_WITH_STORED_NAMES = (Path(__file__), ROOT / "space/ui/api.py")


def test_license_has_one_spelling_outside_stored_names():
    folders = (*PACKAGES, "bench", "docs", "tests")
    files = [*ROOT.glob("*.md"), *(p for folder in folders for p in (ROOT / folder).rglob("*"))]
    found = [
        f"{relative(path)}:{number}: {line.strip()[:80]}"
        for path in files
        if path.suffix in (".py", ".md", ".mjs", ".js", ".html") and path not in _WITH_STORED_NAMES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if "licence" in _STORED_SPELLING.sub("", line).lower()
    ]
    assert found == []


def test_importing_the_library_reads_and_starts_nothing():
    code = (
        "import sys, segface_hf, segface_hf.labels, segface_hf.errors;"
        "assert not {'torch', 'timm', 'gradio', 'datasets'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_the_app_is_ready_without_packages_that_it_may_never_need() -> None:
    # Each takes seconds or a hundred megabytes.
    code = (
        "import sys, space.ui.app\n"
        "found = {'torch', 'timm', 'scipy.signal', 'scipy.stats'} & set(sys.modules)\n"
        "assert not found, found"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


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
    allowed = ("examples/", "docs/images/", "tests/segface_hf/elsewhere/", "bench/wild_photos/")
    assert [name for name in pictures if not name.startswith(allowed)] == []


@pytest.mark.parametrize("folder", ["examples", "tests/segface_hf/elsewhere"])
def test_every_photo_states_its_source_and_carries_no_metadata(folder):
    stated = (ROOT / folder / "SOURCES.md").read_text("utf-8")
    for path in sorted((ROOT / folder).glob("*.jpg")):
        assert f"| `{path.name}` |" in stated
        assert path.stat().st_size < 300_000
        with Image.open(path) as photo:
            size = {"jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi"}
            assert not set(photo.info) - size
