"""The same job on Ray Data: shards go to workers, which read, parse and write each by themselves.

Only the names of shards pass through Ray, so its object store stays empty however large the photos
are. If a worker dies, Ray gives its shard to another worker, which writes the same file again.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from socket import gethostname
from typing import Any

from segface_hf import errors
from segface_hf.errors import ConfigError, DataError, SegFaceError, UnreachableError
from segface_hf.hub_client import HUB
from segface_hf.jobs.shards import Shard
from segface_hf.jobs.storage import StoragePath
from segface_hf.jobs.table import Row
from segface_hf.jobs.work import Job, rows_of_shards

# Enough for the names of shards; Ray's own default is a third of the machine's memory.
_OBJECT_STORE = 200 * 2**20
_SUMMARY = ("source", "row", "photo", "error")
_STOPS = "stops"  # the kind of error that must stop the job


class ShardParser:
    """A worker: it loads the model with its first shard, and parses shard after shard.

    Args:
        source: What `FaceParser.from_pretrained` takes; None for the embedded checkpoint.
        options: `whole_image`, `classes` and `raw` of the job.
        revision: Of a model on the Hub.
        digest: Of the weights that the job was started with.
        column: Of the photos.
        out: Where results go.
        folder: Which relative paths start from.
        token: Hub token of the user who started the job; None keeps the worker's own.
    """

    def __init__(
        self,
        source: str | None,
        options: dict[str, Any],
        *,
        revision: str | None,
        digest: str | None,
        column: str,
        out: str,
        folder: str,
        token: str | None,
    ) -> None:
        self._source, self._options = source, options
        self._revision, self._digest = revision, digest
        self._column, self._out = column, StoragePath.of(out)
        self._folder = folder
        # A worker runs in its own process.
        if Path(folder).is_dir():
            os.chdir(folder)
        if token is not None:
            os.environ["HF_TOKEN"] = token

    @cached_property
    def _job(self) -> Job:
        from segface_hf.parser import FaceParser

        parser = FaceParser.from_pretrained(self._source, revision=self._revision, threads=1)
        if parser.digest != self._digest:
            raise ConfigError(
                f"this worker's weights are {parser.digest}, the job's are {self._digest}: install "
                "the same version on all machines"
            )
        return Job(parser, **self._options)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        """Parses the shards of a batch and returns what a summary needs of their rows.

        An error that must stop the job is returned as a row too: Ray would wrap it in traces.
        """
        summary: dict[str, list[Any]] = {name: [] for name in (*_SUMMARY, "faces", _STOPS)}
        shards = [Shard.from_json(text) for text in batch["shard"]]
        try:
            self._check_folder(shards)
            for row in self._job.to_table(rows_of_shards(shards, column=self._column), self._out):
                faces = len(row.get("faces") or ())
                _append(summary, **{name: row[name] for name in _SUMMARY}, faces=faces)
        except SegFaceError as error:
            first, text = shards[0], f"{gethostname()}: {error}"
            place: dict[str, Any] = {"source": first.source, "row": first.start, "photo": ""}
            _append(summary, **place, error=text, stops=type(error).__name__)
        return summary

    def _check_folder(self, shards: Sequence[Shard]) -> None:
        remote = self._out.is_remote and all(shard.source.startswith(HUB) for shard in shards)
        if not remote and not Path(self._folder).is_dir():
            raise DataError(
                f"'{self._folder}' isn't on this machine: all machines of a cluster must see the "
                "same files, or else read from and write to hf://"
            )


def _append(summary: dict[str, list[Any]], *, faces: int = 0, stops: str = "", **row: Any) -> None:
    for name, value in {**row, "faces": faces, _STOPS: stops}.items():
        summary[name].append(value)


def summary_row(row: Row) -> Row:
    """Returns a row for the summary.

    Raises:
        SegFaceError: A worker reported an error that must stop the job.
    """
    if row[_STOPS]:
        raise getattr(errors, row[_STOPS])(row["error"])
    return {**{name: row[name] for name in _SUMMARY}, "faces": [None] * row["faces"]}


def parse_on_ray(
    job: Job,
    shards: Sequence[Shard],
    out: StoragePath,
    *,
    column: str,
    workers: int | None = None,
    address: str | None = None,
) -> Iterator[Row]:
    """Parses shards on a Ray cluster and yields a summary of every row.

    The cluster's machines must see the same files: a shared folder, or the Hub.

    Args:
        job: The job; its model must be loadable by name on every machine.
        shards: What to parse.
        out: Where results go.
        column: Of the photos.
        workers: How many, each on one processor; None for one a processor of the cluster.
        address: Of a running cluster; None starts one on this machine.

    Yields:
        Rows with `source`, `row`, `photo`, `error`, and as many empty `faces` as were found.

    Raises:
        ConfigError: Ray is not installed, or `workers` is not positive.
        UnreachableError: No cluster answers at that address, or the connection broke.
        SegFaceError: What stopped a worker.
    """
    ray = _ray()
    if workers is not None and workers < 1:
        raise ConfigError(f"--workers is at least 1, got {workers}")
    if not shards:
        return
    started = not ray.is_initialized()
    if started:
        _start(ray, address, workers)
    try:
        done = _pipeline(ray, job, shards, out, column=column, workers=workers)
        yield from map(summary_row, done.iter_rows())
    except ray.exceptions.RayError as error:
        raise UnreachableError(
            f"the connection to the Ray cluster broke: {str(error).splitlines()[0]}. What was "
            "written is kept: run the same command again to resume"
        ) from error
    finally:
        if started:
            ray.shutdown()


def _start(ray: Any, address: str | None, workers: int | None) -> None:
    # Errors of photos come back as rows; Ray's own log lines would break the progress bar.
    quiet = {"log_to_driver": False, "logging_level": logging.WARNING}
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    if address is None:
        memory = {"object_store_memory": _OBJECT_STORE}
        ray.init(num_cpus=workers, include_dashboard=False, **memory, **quiet)
        return
    try:
        ray.init(address=address, **quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UnreachableError(
            f"no Ray cluster at '{address}' ({error}): start one with `ray start --head`, or leave "
            "out --address to start one on this machine"
        ) from error


def _pipeline(
    ray: Any,
    job: Job,
    shards: Sequence[Shard],
    out: StoragePath,
    *,
    column: str,
    workers: int | None,
) -> Any:
    from huggingface_hub import get_token

    ray.data.DataContext.get_current().enable_progress_bars = False
    count = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
    options = {"whole_image": job.whole_image, "classes": job.classes, "raw": job.raw}
    rows = ray.data.from_items(
        [{"shard": shard.to_json()} for shard in shards], override_num_blocks=len(shards)
    )
    return rows.map_batches(
        ShardParser,
        batch_size=1,
        num_cpus=1,
        runtime_env={"env_vars": _hub_switches()},
        compute=ray.data.ActorPoolStrategy(size=min(count, len(shards))),
        fn_constructor_args=(job.parser.model_id, options),
        fn_constructor_kwargs={
            "revision": job.parser.revision,
            "digest": job.parser.digest,
            "column": column,
            "out": str(out if out.is_remote else Path(str(out)).resolve()),
            # Not in the runtime environment, which Ray writes to its logs and shows to all users.
            "folder": os.getcwd(),
            "token": get_token(),
        },
    )


def _hub_switches() -> dict[str, str]:
    """What a worker's Hub client must find when it is imported: which Hub this machine uses."""
    from huggingface_hub import constants

    switches = {
        "HF_HUB_DISABLE_XET": constants.HF_HUB_DISABLE_XET,
        "HF_HUB_OFFLINE": constants.HF_HUB_OFFLINE,
    }
    return {"HF_ENDPOINT": constants.ENDPOINT, **{name: "1" for name, on in switches.items() if on}}


def _ray() -> Any:
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ConfigError(
            "--engine ray needs Ray: install it with `pip install 'segface-hf[ray]'`"
        ) from error
    return ray
