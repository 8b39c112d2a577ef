"""Upload of a checkpoint folder to the Hub, after a check that it loads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import yaml
from huggingface_hub import CommitOperationAdd, HfApi, get_token, metadata_load
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from segface_hf.checkpoints import files
from segface_hf.checkpoints.card import PLACEHOLDER, UNFINISHED
from segface_hf.checkpoints.files import Build
from segface_hf.config import SegFaceConfig
from segface_hf.errors import CheckpointError, CheckpointNotFoundError
from segface_hf.hub_client import hub_errors, is_transient

FILES = (files.CARD_FILE, files.CONFIG_FILE, files.WEIGHTS_FILE)
OPTIONAL = (files.ONNX_FILE, files.GATE_FILE, files.ROWS_FILE)


@dataclass(frozen=True)
class PublishPlan:
    """What publishing would do.

    Attributes:
        folder: The checkpoint folder.
        repo_id: `org/name`.
        private: Whether a repository that is made for it is private.
        sizes: Bytes of each file to upload, by name.
        config: The checkpoint's configuration.
    """

    folder: Path
    repo_id: str
    private: bool
    sizes: dict[str, int]
    config: SegFaceConfig


def plan(folder: str | Path, repo_id: str, *, build: Build, private: bool = False) -> PublishPlan:
    """Checks that a folder can be published: complete, loadable, licensed, with a valid name.

    Args:
        folder: A checkpoint folder with its model card.
        repo_id: `org/name`.
        build: Makes a model of a configuration: `SegFace`; the checkpoint is loaded once.
        private: Whether the repository, where it is made, is private.

    Raises:
        CheckpointNotFoundError: A file is missing.
        CheckpointError: The checkpoint does not load, its card doesn't say under which license it
            is, or the name can't be one.
    """
    folder = Path(folder)
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise CheckpointNotFoundError(
            f"{folder} lacks {missing}: publish a folder that `segface convert` or `train` wrote"
        )
    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise CheckpointError(f"'{repo_id}' can't be a repository name: {error}") from error
    if repo_id.count("/") != 1:
        raise CheckpointError(f"expected a repository name like org/name, got '{repo_id}'")
    _check_card(folder / files.CARD_FILE)
    files.load_folder(folder, build)
    config = files.load_config(folder)
    names = (*FILES, *(name for name in OPTIONAL if (folder / name).is_file()))
    sizes = {name: (folder / name).stat().st_size for name in names}
    return PublishPlan(folder, repo_id, private, sizes, config)


def check_gate(folder: Path, report: Path | None = None) -> None:
    """Checks that the gate let these weights pass.

    Args:
        folder: The checkpoint folder.
        report: What `segface promote` wrote; None takes `gate.json` in the folder.

    Raises:
        CheckpointError: The report is missing, describes other weights, or says that they failed.
    """
    path = report or folder / files.GATE_FILE
    remedy = "run `segface promote`, or publish --without-gate"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        verdict, digest = values["verdict"], values["candidate"]["digest"]
        sentence = str(values["sentence"])
    except FileNotFoundError as error:
        raise CheckpointError(f"{folder} has no report of the gate: {remedy}") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path} can't be read as a report of the gate: {remedy}") from error
    if digest != files.file_digest(folder / files.WEIGHTS_FILE):
        raise CheckpointError(f"{path} is about other weights than those of {folder}: {remedy}")
    if verdict != "passed":
        raise CheckpointError(f"the gate did not let {folder} pass ({sentence[:300]}): {remedy}")


def check_access(repo_id: str, *, token: str | None = None) -> None:
    """Checks that a token may write to a repository, or may make it, before hours of work.

    Raises:
        CheckpointError: It may not, or the Hub can't be reached.
    """
    api = HfApi(token=token)
    try:
        if not (token or get_token()):
            raise CheckpointError(_NO_RIGHTS.format(repo=repo_id, status="no token"))
        if api.repo_exists(repo_id):
            api.auth_check(repo_id, write=True)
            return
        account = api.whoami()
        owners = {account["name"], *(each["name"] for each in account.get("orgs", ()))}
        role = account.get("auth", {}).get("accessToken", {}).get("role")
    except hub_errors() as error:
        raise CheckpointError(_refusal(error, repo_id)) from error
    if role == "read" or repo_id.split("/")[0] not in owners:
        raise CheckpointError(_NO_RIGHTS.format(repo=repo_id, status=f"of {account['name']}"))


def _check_tag(api: HfApi, checked: PublishPlan, tag: str) -> None:
    """Checks that a tag is free, or names these weights since an attempt that was interrupted."""
    if all(ref.name != tag for ref in api.list_repo_refs(checked.repo_id).tags):
        return
    held = api.get_paths_info(checked.repo_id, [files.WEIGHTS_FILE], revision=tag)
    own = files.file_digest(checked.folder / files.WEIGHTS_FILE)
    if [f"sha256:{(getattr(each, 'lfs', None) or {}).get('sha256')}" for each in held] != [own]:
        raise CheckpointError(
            f"'{checked.repo_id}' has the tag '{tag}' for other weights: name another tag, or "
            "delete it on the Hub"
        )


def _check_card(path: Path) -> None:
    """Refuses a card without a license or with an unfinished statement about it."""
    try:
        text = path.read_text(encoding="utf-8")
        metadata = metadata_load(path) or {}
    except (UnicodeDecodeError, ValueError, yaml.YAMLError) as error:
        raise CheckpointError(f"{path} can't be read as a model card: {error}") from error
    if not metadata.get("license"):
        raise CheckpointError(
            f"{path} says no license: write `license:` and the license of the weights between its "
            "two lines of ---, such as `license: cc-by-4.0`; `other` where the text tells it"
        )
    if UNFINISHED in text:
        raise CheckpointError(
            f"{path} still reads '{UNFINISHED}': write in place of that sentence what the license "
            "of the training photos allows"
        )


def publish(
    folder: str | Path,
    repo_id: str,
    *,
    build: Build,
    private: bool = False,
    token: str | None = None,
    commit_message: str | None = None,
    revision: str | None = None,
    create_pr: bool = False,
    replace_card: bool = True,
    tag: str | None = None,
) -> str:
    """Uploads a checkpoint in one commit; the repository is made where it does not exist.

    Args:
        folder: A checkpoint folder with its model card.
        repo_id: `org/name`.
        build: Makes a model of a configuration: `SegFace`.
        private: Whether the repository, where it is made, is private.
        token: Hub token; None uses the one of `hf auth login`.
        commit_message: What the commit says; None names the model.
        revision: The branch that takes it; None for the main branch.
        create_pr: Whether it becomes a pull request instead.
        replace_card: Whether a card that is there already is replaced by the folder's.
        tag: Name of the tag that the commit gets.

    Returns:
        The address of the commit, or of the pull request.

    Raises:
        CheckpointNotFoundError: A file is missing.
        CheckpointError: `plan` refuses the folder, the tag is taken, or the Hub refuses it or can't
            be reached.

    Example:
        >>> publish("swin", "org/segface-swin-celeb-512", build=SegFace, private=True)
    """
    checked = plan(folder, repo_id, build=build, private=private)
    api = HfApi(token=token)
    try:
        api.create_repo(repo_id, private=private, exist_ok=True)
        if tag:
            _check_tag(api, checked, tag)
        keeps = not replace_card and api.file_exists(repo_id, files.CARD_FILE, revision=revision)
        names = [name for name in checked.sizes if not (keeps and name == files.CARD_FILE)]
        title = f"Add SegFace {checked.config.backbone}, {checked.config.schema}"
        commit = api.create_commit(
            repo_id,
            [_addition(checked, name) for name in names],
            commit_message=commit_message or title,
            revision=revision,
            create_pr=create_pr,
        )
        if tag:
            api.create_tag(repo_id, tag=tag, revision=commit.oid, exist_ok=True)
    except hub_errors() as error:
        raise CheckpointError(_refusal(error, repo_id)) from error
    return str(commit.pr_url or commit.commit_url)


def _addition(checked: PublishPlan, name: str) -> CommitOperationAdd:
    """A file to upload; the card's usage lines get the repository's name."""
    path = checked.folder / name
    if name != files.CARD_FILE:
        return CommitOperationAdd(path_in_repo=name, path_or_fileobj=path)
    text = path.read_text(encoding="utf-8").replace(PLACEHOLDER, checked.repo_id)
    return CommitOperationAdd(path_in_repo=name, path_or_fileobj=text.encode())


_NO_RIGHTS = (
    "the Hub does not let this token write to '{repo}' ({status}): log in with `hf auth login` or "
    "give --token of a member with write access"
)


def _refusal(error: Exception, repo_id: str) -> str:
    # The client wraps errors from uploads of large files in a RuntimeError without details.
    cause = error.__cause__ if isinstance(error, RuntimeError) and error.__cause__ else error
    status = getattr(getattr(cause, "response", None), "status_code", None)
    reason = " ".join(str(cause).split()).rstrip(".")
    if status in (401, 403):
        return _NO_RIGHTS.format(repo=repo_id, status=status)
    if is_transient(error):
        return (
            f"the Hub can't be reached or is busy ({reason}), so '{repo_id}' may lack the "
            "checkpoint: publish it again later, what is there already is not sent twice"
        )
    return f"the Hub refused '{repo_id}': {reason}"
