"""The same job on Ray Data: shards go to workers, which read, parse and write each by themselves.

Only the names of shards travel through Ray, so its object store stays empty whatever the photos
weigh. A worker that dies takes one shard with it; Ray gives that to another, which writes the same
file once more.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

from segface_hf.errors import ConfigError
from segface_hf.jobs.places import Place
from segface_hf.jobs.results import Row
from segface_hf.jobs.shards import Shard
from segface_hf.jobs.work import Job, rows_of_shards

# Enough for what travels; Ray's own default is a third of the machine's memory.
_OBJECT_STORE = 200 * 2**20
_TOLD = ("source", "row", "photo", "error")


class ShardParser:
    """A worker: it loads the model once, and parses shard after shard.

    Args:
        source: What `FaceParser.from_pretrained` takes; None for the embedded checkpoint.
        options: `whole` and `classes` of the job.
        revision: Of a model on the Hub.
        digest: Of the weights that the job was started with.
        column: Of the photos.
        out: Where results go.

    Raises:
        ConfigError: The worker found other weights than the machine that started the job.
    """

    def __init__(
        self, source: str | None, options: dict[str, Any], *, revision: str | None,
        digest: str | None, column: str, out: str,
    ) -> None:  # fmt: skip
        import torch

        from segface_hf.parser import FaceParser

        torch.set_num_threads(1)
        parser = FaceParser.from_pretrained(source, revision=revision)
        if parser.digest != digest:
            raise ConfigError(
                f"this worker's weights are {parser.digest}, the job's are {digest}: install the "
                "same version on all machines"
            )
        self._job = Job(parser, **options)
        self._column, self._out = column, Place.of(out)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        """Parses the shards of a batch and returns what a summary needs of their rows."""
        told: dict[str, list[Any]] = {name: [] for name in (*_TOLD, "faces")}
        shards = [Shard.from_json(text) for text in batch["shard"]]
        items = rows_of_shards(shards, column=self._column)
        for row in self._job.to_table(items, self._out):
            for name in _TOLD:
                told[name].append(row[name])
            told["faces"].append(len(row.get("faces") or ()))
        return told


def parse_on_ray(
    job: Job, shards: Sequence[Shard], out: Place, *, column: str, workers: int | None = None,
    address: str | None = None,
) -> Iterator[Row]:  # fmt: skip
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
        for row in done.iter_rows():
            yield {**row, "faces": [None] * row["faces"]}
    finally:
        if started:
            ray.shutdown()


def _start(ray: Any, address: str | None, workers: int | None) -> None:
    # What goes wrong with a photo comes back as a row; Ray's own chatter would tear the bar.
    quiet = {"log_to_driver": False, "logging_level": logging.WARNING}
    logging.getLogger("ray.data").setLevel(logging.WARNING)
    if address is not None:
        ray.init(address=address, **quiet)
        return
    ray.init(num_cpus=workers, object_store_memory=_OBJECT_STORE, include_dashboard=False, **quiet)


def _pipeline(
    ray: Any, job: Job, shards: Sequence[Shard], out: Place, *, column: str, workers: int | None
) -> Any:
    from segface_hf.parser import EMBEDDED

    ray.data.DataContext.get_current().enable_progress_bars = False
    count = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
    name = job.parser.model_id
    options = {"whole": job.whole, "classes": job.classes}
    rows = ray.data.from_items(
        [{"shard": shard.to_json()} for shard in shards], override_num_blocks=len(shards)
    )
    return rows.map_batches(
        ShardParser, batch_size=1, num_cpus=1,
        compute=ray.data.ActorPoolStrategy(size=min(count, len(shards))),
        fn_constructor_args=(None if name == EMBEDDED else name, options),
        fn_constructor_kwargs={
            "revision": job.parser.revision, "digest": job.parser.digest, "column": column,
            "out": str(out),
        },
    )  # fmt: skip


def _ray() -> Any:
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ConfigError(
            "--engine ray needs Ray: install it with `pip install 'segface-hf[ray]'`"
        ) from error
    return ray
