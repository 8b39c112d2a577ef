"""Settings of the app; the only module that reads environment variables."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from annotate.outbox.queue import MOST_ANONYMOUS
from segface_hf._utils import counted
from segface_hf.errors import ConfigError

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}


def _default_cache() -> Path:
    return Path(tempfile.gettempdir()) / "segface-visits"


@dataclass(frozen=True)
class Settings:
    """Every choice of the person who runs the app; construction refuses values that can't work.

    Attributes:
        model: Checkpoint used first: `embedded`, `synthetic`, a folder, `org/name`, or `hub:` and
            its folder.
        contributions: Folder that receives saved corrections, one row each.
        dataset: Dataset repository on the Hub that contributions go to; None keeps them local.
        service_token: Token that may write to `dataset`, for batched direct commits.
        photo_queue: Queue of photos to correct: a parquet file, or one of a dataset on the Hub as
            `org/name/queue.parquet`; None offers none.
        photo_source: Where its photos are: a folder, or a dataset on the Hub as `org/name`.
        maintainers: Account names that may review; empty means every visitor from this machine.
        license: License that contributors agree to.
        cache: Folder of the photos of current visits, emptied as they end.
        keep_seconds: How long a visit's files live.
        allowed_hosts: Further host names by which the app may be addressed, and whose pages may
            call it, off a Space.
        max_upload_mb: Largest accepted upload, in megabytes.
        max_pixels: Largest accepted picture, in pixels.
        max_side: Longer side, in pixels, to which larger photos are reduced for the editor.
        max_photos: Photos accepted at once.
        parses_per_minute: Photos that one visitor may parse in a minute.
        parses_per_address: Photos that all visitors of one address may parse in a minute.
        saves_per_minute: Corrections that one visitor may save in a minute.
        saves_per_address: Corrections that all visitors of one address may save in a minute.
        uploads_mb_per_session: Megabytes that one browser may send in a minute.
        uploads_mb_per_address: Megabytes that all visitors of one address may send in a minute.
        uploads_mb: Megabytes that all visitors together may send within `keep_seconds`.
        max_unclaimed: Corrections without an account that may wait to be sent, all together.
        max_model_mb: Largest checkpoint that a visitor may have downloaded, in megabytes.
        queue_size: Visitors that may wait before further ones are refused.
        models_in_memory: Checkpoints kept loaded; the least recently used is dropped.
        host: Address to listen on.
        port: Port to listen on.
        mcp: Whether to serve the named endpoints as MCP tools too.
        space_id: Set by Hugging Face on a Space.
        oauth: Whether the Space has sign-in configured.
        zero_gpu: Whether the Space lends a GPU for each call.
    """

    model: str = "embedded"
    contributions: Path = Path("contributions")
    dataset: str | None = None
    service_token: str | None = field(default=None, repr=False)
    photo_queue: str | None = None
    photo_source: str | None = None
    maintainers: tuple[str, ...] = ()
    license: str = "cc-by-4.0"
    cache: Path = field(default_factory=_default_cache)
    keep_seconds: int = 3600
    allowed_hosts: tuple[str, ...] = ()
    max_upload_mb: int = 20
    max_pixels: int = 50_000_000
    max_side: int = 4096
    max_photos: int = 16
    parses_per_minute: int = 60
    parses_per_address: int = 120
    saves_per_minute: int = 60
    saves_per_address: int = 120
    uploads_mb_per_session: int = 400
    uploads_mb_per_address: int = 800
    uploads_mb: int = 10_000
    max_unclaimed: int = MOST_ANONYMOUS
    max_model_mb: int = 600
    queue_size: int = 100
    models_in_memory: int = 2
    host: str = "127.0.0.1"
    port: int = 7860
    mcp: bool = True
    space_id: str | None = None
    oauth: bool = False
    zero_gpu: bool = False

    def __post_init__(self) -> None:
        for name in _POSITIVE:
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 64 <= self.max_side <= 4096:
            raise ConfigError(f"max_side must be 64 to 4096 pixels, got {self.max_side}")
        if self.port > 65535:
            raise ConfigError(f"port must be at most 65535, got {self.port}")

    @property
    def on_space(self) -> bool:
        """Whether the app runs on Hugging Face."""
        return self.space_id is not None

    @property
    def for_this_machine(self) -> bool:
        """Whether only this machine can reach the app."""
        return not self.on_space and is_loopback(self.host)

    @property
    def kept_for(self) -> str:
        """How long a visit's files live, in words, rounded up."""
        minutes = -(-self.keep_seconds // 60)
        if minutes < 60:
            return counted(minutes, "minute")
        hours = -(-minutes // 60)
        return "an hour" if hours == 1 else f"{hours} hours"

    @property
    def private(self) -> bool:
        """Whether what is saved stays on the person's own machine."""
        return self.dataset is None and not self.on_space

    @property
    def lasting(self) -> bool:
        """Whether saved corrections outlive a restart: a Space's own disk doesn't."""
        return not self.on_space or self.contributions.is_relative_to("/data")

    @property
    def sign_in(self) -> bool:
        """Whether a sign-in button works here; off a Space it would crash the app."""
        return self.on_space and self.oauth


_POSITIVE = (
    "keep_seconds", "max_upload_mb", "max_pixels", "max_photos", "parses_per_minute",
    "parses_per_address", "saves_per_minute", "saves_per_address", "uploads_mb_per_session",
    "uploads_mb_per_address", "uploads_mb", "max_unclaimed",
    "max_model_mb", "queue_size", "models_in_memory", "port",
)  # fmt: skip


@dataclass(frozen=True)
class Variable:
    """One environment variable: where its value goes and how it is read."""

    name: str
    setting: str
    read: Callable[[str], Any]
    meaning: str


def _boolean(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError("expected 1 or 0")


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


VARIABLES = (
    Variable("SEGFACE_MODEL", "model", str, "checkpoint shown first: `embedded`, `synthetic`, "
             "a folder, `org/name` on the Hub, or `hub:` and a published id"),
    Variable("SEGFACE_CONTRIBUTIONS", "contributions", Path, "folder for saved corrections"),
    Variable("SEGFACE_DATASET", "dataset", str, "dataset repository that contributions go to; "
             "unset keeps them in the folder"),
    Variable("SEGFACE_DATASET_TOKEN", "service_token", str, "secret: token that commits batched "
             "contributions to that repository"),
    Variable("SEGFACE_PHOTO_QUEUE", "photo_queue", str, "queue of photos that visitors correct, "
             "from `python -m annotate queue`: a file, or `org/name/queue.parquet` on the Hub"),
    Variable("SEGFACE_PHOTO_SOURCE", "photo_source", str, "its photos: their folder, or `org/name` "
             "on the Hub; every visitor can see them"),
    Variable("SEGFACE_MAINTAINERS", "maintainers", _names, "account names that may review, "
             "separated by commas; unset allows it to visitors from the app's own machine, and on "
             "a Space to no one"),
    Variable("SEGFACE_LICENSE", "license", str, "license that contributors agree to"),
    Variable("SEGFACE_CACHE", "cache", Path, "folder for the photos of current visits"),
    Variable("SEGFACE_KEEP_SECONDS", "keep_seconds", int, "how long those photos live"),
    Variable("SEGFACE_ALLOWED_HOSTS", "allowed_hosts", _names, "further host names, separated by "
             "commas, by which the app may be addressed and whose pages may call it; where it "
             "listens on 127.0.0.1, other names are refused"),
    Variable("SEGFACE_MAX_UPLOAD_MB", "max_upload_mb", int, "largest upload in megabytes"),
    Variable("SEGFACE_MAX_PIXELS", "max_pixels", int, "largest picture in pixels"),
    Variable("SEGFACE_MAX_SIDE", "max_side", int, "longer side to which "
             "larger photos are reduced for showing and correcting, after the parse"),
    Variable("SEGFACE_MAX_PHOTOS", "max_photos", int, "photos accepted at once"),
    Variable("SEGFACE_PARSES_PER_MINUTE", "parses_per_minute", int, "photos a minute per visitor"),
    Variable("SEGFACE_PARSES_PER_ADDRESS", "parses_per_address", int, "photos a minute for all "
             "visitors of one address"),
    Variable("SEGFACE_SAVES_PER_MINUTE", "saves_per_minute", int, "corrections that a visitor may "
             "save in a minute"),
    Variable("SEGFACE_SAVES_PER_ADDRESS", "saves_per_address", int, "corrections that all visitors "
             "of one address may save in a minute"),
    Variable("SEGFACE_UPLOADS_MB_PER_SESSION", "uploads_mb_per_session", int, "megabytes that one "
             "browser may send in a minute"),
    Variable("SEGFACE_UPLOADS_MB_PER_ADDRESS", "uploads_mb_per_address", int, "megabytes that all "
             "visitors of one address may send in a minute"),
    Variable("SEGFACE_UPLOADS_MB", "uploads_mb", int, "megabytes that all visitors together may "
             "send while earlier photos are kept"),
    Variable("SEGFACE_MAX_UNCLAIMED", "max_unclaimed", int, "corrections without an account that "
             "may wait to be sent, all together"),
    Variable("SEGFACE_MAX_MODEL_MB", "max_model_mb", int, "largest checkpoint that a visitor may "
             "have downloaded, in megabytes"),
    Variable("SEGFACE_QUEUE_SIZE", "queue_size", int, "visitors that may wait, at most half of "
             "them from one address"),
    Variable("SEGFACE_MODELS_IN_MEMORY", "models_in_memory", int, "checkpoints kept loaded"),
    Variable("SEGFACE_HOST", "host", str, "address to listen on (a Space listens on 0.0.0.0)"),
    Variable("SEGFACE_PORT", "port", int, "port to listen on"),
    Variable("SEGFACE_MCP", "mcp", _boolean, "1 also serves the endpoints as MCP tools"),
    Variable("SPACE_ID", "space_id", str, "set by Hugging Face on a Space"),
    Variable("OAUTH_CLIENT_ID", "oauth", bool, "set by Hugging Face where sign-in is configured"),
    Variable("SPACES_ZERO_GPU", "zero_gpu", bool, "set by Hugging Face on ZeroGPU hardware"),
)  # fmt: skip


def is_loopback(host: str) -> bool:
    """Tells whether a host name or address is that of the machine itself."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def settings_from(environment: Mapping[str, str]) -> Settings:
    """Reads the settings from environment variables; empty ones count as unset.

    Args:
        environment: Usually `os.environ`.

    Raises:
        ConfigError: A value is malformed or out of range; the message names the variable.
    """
    values: dict[str, Any] = {}
    for variable in VARIABLES:
        text = environment.get(variable.name, "").strip()
        if not text:
            continue
        try:
            values[variable.setting] = variable.read(text)
        except ValueError as error:
            raise ConfigError(f"{variable.name} is '{text}': {error}") from error
    if values.get("space_id"):
        values.setdefault("host", "0.0.0.0")
        if Path("/data").is_dir():
            values.setdefault("contributions", Path("/data/contributions"))
    return Settings(**values)


def trust_no_forwarded_address(environment: MutableMapping[str, str] | None = None) -> None:
    """Makes the web server ignore `X-Forwarded-For`, which any local client can invent.

    Uvicorn trusts that header from 127.0.0.1 and reads this variable at its start; Gradio offers
    no option for it. A value that is set already stays: it names a proxy that is trusted.

    Args:
        environment: By default that of this process.
    """
    changed = os.environ if environment is None else environment
    changed.setdefault("FORWARDED_ALLOW_IPS", "")


def load_settings() -> Settings:
    """Reads the settings of this process.

    Raises:
        ConfigError: A variable is malformed or out of range.
    """
    return settings_from(os.environ)


def table() -> str:
    """Returns the settings as the Markdown table of the documentation."""
    defaults = {f.name: getattr(Settings(), f.name) for f in fields(Settings)}
    defaults["cache"] = "a folder in the system's temporary folder"
    rows = ["| Variable | Default | Meaning |", "|---|---|---|"]
    for variable in VARIABLES:
        rows.append(
            f"| `{variable.name}` | {_shown(defaults[variable.setting])} | {variable.meaning} |"
        )
    return "\n".join(rows)


def _shown(value: object) -> str:
    if value is None or value == () or value is False:
        return "unset"
    if value is True:
        return "1"
    return str(value)
