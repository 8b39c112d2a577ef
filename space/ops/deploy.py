"""Deploys the app to a Hugging Face Space: the files, a checked front matter, one commit."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError

from segface_hf.cli.program import Functions
from space.errors import DeployError

ROOT = Path(__file__).resolve().parents[2]
_FILES = ("app.py", "README.md", "requirements.txt", "LICENSE", "NOTICE")
_FOLDERS = ("segface_hf", "annotate", "space", "examples")
# Folders that the app does not need: training, rendering, exports and command lines.
_LEFT_OUT = (
    "segface_hf/training/",
    "segface_hf/rendering/",
    "segface_hf/export/",
    "segface_hf/browser/",
    "segface_hf/cli/",
    "annotate/cli/",
    "space/web/page/",
    "space/ops/",
)
# Python and Gradio generate these.
_SUFFIXES_LEFT_OUT = (".pyc", ".pyi")
_KEPT_REMOTE = (".gitattributes",)
REQUIRED: Mapping[str, type] = {
    "title": str, "emoji": str, "colorFrom": str, "colorTo": str, "sdk": str, "sdk_version": str,
    "python_version": str, "app_file": str, "license": str, "models": list, "datasets": list,
    "preload_from_hub": list, "hf_oauth": bool, "hf_oauth_scopes": list, "short_description": str,
}  # fmt: skip
OAUTH_SCOPE = "write-discussions"
ZERO = "zero"
# ZeroGPU offers few Python versions, and needs its own package beside ours.
ZERO_PYTHON = "3.12.12"
ZERO_REQUIREMENT = "spaces>=0.40"


@dataclass(frozen=True)
class DeployPlan:
    """What a deployment uploads and asks for.

    Attributes:
        space: `org/name`.
        files: Paths in the repository, sorted.
        variables: Environment variables of the Space.
        hardware: Hardware to ask for; None leaves it as it is.
    """

    space: str
    files: tuple[str, ...]
    variables: Mapping[str, str]
    hardware: str | None = None

    @property
    def zero_gpu(self) -> bool:
        """Whether the hardware lends a GPU for each call."""
        return (self.hardware or "").startswith(ZERO)

    def changed(self, root: Path = ROOT) -> dict[str, str]:
        """Returns the text of the files that differ from those of the project, by path."""
        texts = {}
        fields: dict[str, Any] = {}
        if dataset := self.variables.get("SEGFACE_DATASET"):
            fields["datasets"] = [dataset]
        if self.zero_gpu:
            fields |= {"python_version": ZERO_PYTHON, "suggested_hardware": self.hardware}
            path = root / "requirements.txt"
            texts["requirements.txt"] = f"{path.read_text('utf-8').rstrip()}\n{ZERO_REQUIREMENT}\n"
        if fields:
            texts["README.md"] = with_fields((root / "README.md").read_text("utf-8"), fields)
        return texts

    def size(self, root: Path = ROOT) -> int:
        """Returns the bytes of all files."""
        return sum((root / path).stat().st_size for path in self.files)


def make_plan(
    space: str, *, dataset: str | None = None, hardware: str | None = None, root: Path = ROOT
) -> DeployPlan:
    """Decides what to upload, and checks that a Space can start from it.

    Raises:
        DeployError: A file or a field of the front matter is missing.
    """
    missing = [name for name in _FILES if not (root / name).is_file()]
    if missing:
        raise DeployError(f"a Space needs {', '.join(missing)}, missing in {root}")
    check_front_matter(front_matter((root / "README.md").read_text(encoding="utf-8")))
    if not (root / "segface_hf" / "weights" / "model.safetensors").is_file():
        raise DeployError("the embedded checkpoint is missing: the Space could not start offline")
    variables = {"SEGFACE_DATASET": dataset} if dataset else {}
    return DeployPlan(space, space_files(root), variables, hardware)


def space_files(root: Path = ROOT) -> tuple[str, ...]:
    """Returns every file that a Space needs, and no other, relative to the root."""
    found = list(_FILES)
    for folder in _FOLDERS:
        found += [p.relative_to(root).as_posix() for p in (root / folder).rglob("*") if p.is_file()]
    return tuple(sorted(path for path in found if _needed(path)))


def _needed(path: str) -> bool:
    hidden = any(part.startswith(".") or part == "__pycache__" for part in path.split("/"))
    return not (hidden or path.startswith(_LEFT_OUT) or path.endswith(_SUFFIXES_LEFT_OUT))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `python -m space deploy`."""
    parser.add_argument("space", help="the Space, as org/name")
    parser.add_argument("--dataset", help="dataset repository that contributions go to")
    parser.add_argument("--hardware", help="hardware to ask for, such as cpu-upgrade or zero-a10g")
    parser.add_argument("--dry-run", action="store_true", help="only list what would be uploaded")


def run(arguments: argparse.Namespace) -> int:
    """Lists the planned files and, unless it is a dry run, deploys them."""
    plan = make_plan(arguments.space, dataset=arguments.dataset, hardware=arguments.hardware)
    changed = plan.changed()
    for path in plan.files:
        print(f"{path} (changed for {plan.space})" if path in changed else path)
    print(f"{len(plan.files)} files, {plan.size() / 1e6:.1f} MB, to {plan.space}")
    if not arguments.dry_run:
        print(deploy(plan))
    return 0


def front_matter(readme: str) -> dict[str, Any]:
    """Returns the YAML block at the top of a README.

    Raises:
        DeployError: There is none, or it is malformed.
    """
    parts = readme.split("---\n", 2)
    if len(parts) != 3 or parts[0].strip():
        raise DeployError("README.md must start with a front matter between lines of ---")
    try:
        values = yaml.safe_load(parts[1])
    except yaml.YAMLError as error:
        raise DeployError(f"the front matter of README.md is not valid YAML: {error}") from error
    if not isinstance(values, dict):
        raise DeployError("the front matter of README.md must be a list of fields")
    return values


def with_fields(readme: str, fields: Mapping[str, Any]) -> str:
    """Returns a README whose front matter has other values, with the rest as it was."""
    values = {**front_matter(readme), **fields}
    text = yaml.safe_dump(values, allow_unicode=True, sort_keys=False)
    return f"---\n{text}---\n{readme.split('---' + chr(10), 2)[2]}"


def check_front_matter(values: Mapping[str, Any]) -> None:
    """Checks that a Space can be built from a front matter.

    Raises:
        DeployError: A field is missing, of another type, or names another entry point.
    """
    for field, kind in REQUIRED.items():
        if not isinstance(values.get(field), kind):
            raise DeployError(
                f"the front matter needs {field} as {kind.__name__}, got {values.get(field)!r}"
            )
    wrong = {"sdk": "gradio", "app_file": "app.py"}.items() - {
        (k, v) for k, v in values.items() if isinstance(v, str)
    }
    if wrong:
        raise DeployError(f"the front matter must say {dict(sorted(wrong))}")
    if not re.fullmatch(r"3\.\d+(\.\d+)?", values["python_version"]):
        raise DeployError(
            f"python_version must be quoted and like '3.11', got {values['python_version']!r}"
        )
    if not re.fullmatch(r"\d+\.\d+\.\d+", values["sdk_version"]):
        raise DeployError(f"sdk_version must be like 6.31.0, got {values['sdk_version']!r}")
    if values["hf_oauth"] and OAUTH_SCOPE not in values["hf_oauth_scopes"]:
        raise DeployError(f"hf_oauth_scopes needs {OAUTH_SCOPE}: contributions are pull requests")


def deploy(plan: DeployPlan, *, api: HfApi | None = None, root: Path = ROOT) -> str:
    """Creates the Space where needed and makes it hold exactly the planned files.

    Args:
        plan: What to do.
        api: A client; None uses the account that is logged in.
        root: Folder of the project.

    Returns:
        The address of the Space.

    Raises:
        DeployError: The Hub refuses.
    """
    api = api or HfApi()
    try:
        api.create_repo(plan.space, repo_type="space", space_sdk="gradio", exist_ok=True)
        held = api.list_repo_files(plan.space, repo_type="space")
        api.create_commit(
            plan.space,
            _operations(plan, held, root),
            repo_type="space",
            commit_message="Deploy the app",
        )
        for key, value in plan.variables.items():
            api.add_space_variable(plan.space, key, value)
        if plan.hardware:
            api.request_space_hardware(plan.space, plan.hardware)  # type: ignore[arg-type]
    except (HfHubHTTPError, HFValidationError) as error:
        raise DeployError(f"the Hub refused {plan.space}: {error}") from error
    return f"{api.endpoint}/spaces/{plan.space}"


def _operations(
    plan: DeployPlan, held: Sequence[str], root: Path
) -> list[CommitOperationAdd | CommitOperationDelete]:
    changed = plan.changed(root)
    adds = [
        CommitOperationAdd(path, changed[path].encode() if path in changed else root / path)
        for path in plan.files
    ]
    gone = sorted(set(held) - set(plan.files) - set(_KEPT_REMOTE))
    return [*adds, *(CommitOperationDelete(path) for path in gone)]


COMMANDS = {"deploy": Functions(add_arguments, run)}
