import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from segface_hf.checkpoints.upstream import REPOSITORY
from space.errors import DeployError
from space.ops.deploy import ROOT, check_front_matter, deploy, front_matter, make_plan, space_files
from tests.test_architecture import imported_modules

CONSTRAINTS = (ROOT / "constraints.txt").read_text().splitlines()
FIELDS = {
    "title": "SegFace", "emoji": "🧑", "colorFrom": "green", "colorTo": "blue", "sdk": "gradio",
    "sdk_version": "6.31.0", "python_version": "3.11", "app_file": "app.py", "license": "mit",
    "models": [], "datasets": [], "preload_from_hub": [], "hf_oauth": True,
    "hf_oauth_scopes": ["write-discussions"],
    "short_description": "Face parts",
}  # fmt: skip
NEEDED = ("app.py", "README.md", "requirements.txt", "LICENSE", "NOTICE", "segface_hf/labels.py",
          "segface_hf/weights/model.safetensors", "space/web/viewer/viewer.mjs",
          "space/web/mask_editor/core/labelmap.mjs", "annotate/dataset/folder.py",
          "examples/a.jpg")  # fmt: skip
USELESS = ("segface_hf/training/run.py", "segface_hf/cli/train.py", "space/ui.pyi",
           "tests/test_a.py", "docs/a.md", "space/__pycache__/ui.pyc", ".git/config",
           "contributions/row.parquet", "annotate/.cache/x", "runs/a.pt")  # fmt: skip


def yaml_of(fields):
    return "---\n" + "\n".join(f"{k}: {v!r}" for k, v in fields.items()) + "\n---\n# SegFace\n"


def held(api):
    return set(api.list_repo_files("owner/faces", repo_type="space")) - {".gitattributes"}


@pytest.fixture
def project(tmp_path):
    """A project folder with files that a Space needs, and others."""
    for path in (*NEEDED, *USELESS):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    fields = {k: ("true" if v is True else v) for k, v in FIELDS.items()}
    text = yaml_of(fields).replace("'true'", "true")
    (tmp_path / "README.md").write_text(text, encoding="utf-8")
    return tmp_path


def test_exactly_what_a_space_needs_is_uploaded(project):
    assert set(space_files(project)) == set(NEEDED)


def module_file(name):
    """The file of a module of ours, None for others."""
    start = ROOT / name.replace(".", "/")
    files = (start.with_suffix(".py"), start / "__init__.py")
    return next((file.relative_to(ROOT).as_posix() for file in files if file.is_file()), None)


def imported_from(start):
    """Every module that one imports, at once or later."""
    found, left = set(), [start]
    while left:
        path = left.pop()
        if path in found:
            continue
        found.add(path)
        names = set(imported_modules(ROOT / path))
        names |= {name.rsplit(".", i)[0] for name in names for i in range(1, name.count(".") + 1)}
        left += filter(None, map(module_file, names))
    return found


def test_every_module_that_the_app_imports_is_uploaded():
    uploaded = {path for path in space_files() if path.endswith(".py")}
    assert imported_from("app.py") - uploaded == set()


def test_a_deployment_makes_the_space_hold_the_planned_files_and_no_others(project, hub):
    api = HfApi(endpoint=hub.url, token=hub.token("owner"))
    plan = make_plan("owner/faces", root=project)
    address = deploy(plan, api=api, root=project)
    assert address == f"{hub.url}/spaces/owner/faces"
    assert held(api) == set(NEEDED)
    (project / "examples" / "a.jpg").rename(project / "examples" / "b.jpg")
    deploy(make_plan("owner/faces", root=project), api=api, root=project)
    assert held(api) == {*NEEDED, "examples/b.jpg"} - {"examples/a.jpg"}


def text_of(api, path):
    return Path(api.hf_hub_download("owner/faces", path, repo_type="space")).read_text("utf-8")


def test_on_zero_gpu_the_space_gets_its_package_and_a_python_that_it_offers(project, hub):
    (project / "requirements.txt").write_text("torch>=2.6,<3\n")
    api = HfApi(endpoint=hub.url, token=hub.token("owner"))
    plan = make_plan("owner/faces", hardware="zero-a10g", root=project)
    assert set(plan.changed(project)) == {"README.md", "requirements.txt"}
    deploy(plan, api=api, root=project)
    assert hub.repos["space", "owner/faces"].hardware == "zero-a10g"
    assert text_of(api, "requirements.txt").splitlines() == ["torch>=2.6,<3", "spaces>=0.40"]
    message = front_matter(text_of(api, "README.md"))
    assert message == {**FIELDS, "python_version": "3.12.12", "suggested_hardware": "zero-a10g"}
    assert text_of(api, "README.md").endswith("---\n# SegFace\n")


def test_the_dataset_that_contributions_go_to_is_named_on_the_spaces_card(project):
    plan = make_plan("owner/faces", dataset="owner/rows", root=project)
    changed = plan.changed(project)
    assert set(changed) == {"README.md"}
    assert front_matter(changed["README.md"]) == {**FIELDS, "datasets": ["owner/rows"]}
    check_front_matter(front_matter(changed["README.md"]))


def test_without_options_every_uploaded_file_equals_the_projects(project):
    assert make_plan("owner/faces", hardware="cpu-upgrade", root=project).changed(project) == {}


def test_a_refused_deployment_is_one_sentence(project, hub):
    api = HfApi(endpoint=hub.url, token=hub.token("visitor"))
    with pytest.raises(DeployError, match="the Hub refused owner/faces"):
        deploy(make_plan("owner/faces", root=project), api=api, root=project)


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_each_missing_field_of_the_front_matter_is_named(field):
    check_front_matter(FIELDS)
    with pytest.raises(DeployError, match=field):
        check_front_matter({key: value for key, value in FIELDS.items() if key != field})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sdk": "docker"}, "sdk"),
        ({"app_file": "main.py"}, "app.py"),
        ({"hf_oauth_scopes": ["email"]}, "write-discussions"),
        ({"python_version": "3"}, "like '3.11'"),
        ({"sdk_version": "6"}, "like 6.31.0"),
    ],
)
def test_an_invalid_front_matter_is_refused(change, message):
    with pytest.raises(DeployError, match=message):
        check_front_matter({**FIELDS, **change})


@pytest.mark.parametrize("readme", ["# SegFace\n", "---\n- a\n---\n", "---\na: [\n---\n"])
def test_a_readme_without_a_front_matter_is_refused(readme):
    with pytest.raises(DeployError, match="front matter"):
        front_matter(readme)


def test_a_project_without_weights_is_not_deployed(project):
    (project / "segface_hf" / "weights" / "model.safetensors").unlink()
    with pytest.raises(DeployError, match="embedded checkpoint"):
        make_plan("owner/faces", root=project)


def test_the_readme_of_this_project_is_a_complete_space_card():
    values = front_matter((ROOT / "README.md").read_text(encoding="utf-8"))
    check_front_matter(values)
    pins = dict(line.split("==") for line in CONSTRAINTS if "==" in line)
    assert values["sdk_version"] == pins["gradio"]
    assert values["python_version"] == "3.11"
    assert values["models"] == [REPOSITORY]
    assert values["preload_from_hub"] == []  # The embedded weights come with the code.
    assert values["hf_oauth_scopes"] == ["write-discussions"]
    assert len(values["short_description"]) <= 60


def test_a_dry_run_lists_the_files_and_sends_nothing():
    done = subprocess.run(
        [sys.executable, "-m", "space", "deploy", "org/name", "--dry-run"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={"HF_ENDPOINT": "http://127.0.0.1:9", "PATH": ""},
    )
    assert done.returncode == 0, done.stderr
    assert "app.py" in done.stdout.splitlines()
    assert "files," in done.stdout.splitlines()[-1]
    assert not any("training" in line for line in done.stdout.splitlines())
