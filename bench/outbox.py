"""Does a save get lost or doubled? Many writers, a failing Hub whose lists lag, a killed app.

    python -m bench.outbox --rows 300 --writers 8 --kills 5 --lag 8 --json outbox.json

A Hub double in this process answers over HTTP. One app process saves corrections in a thread for
each writer and sends them as pull requests. The Hub answers 429 or 412, answers 500 after it has
done the work, or cuts the connection, and lists a pull request only `--lag` seconds after it was
opened. The whole app is killed with SIGKILL while it saves and sends, and started again. At the
end the owner merges every pull request and `load_dataset` reads the dataset back.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tests.hub_double.plugin import ROUTES
from tests.hub_double.server import serve
from tests.hub_double.state import Fault, Hub

REPO = "owner/faces"
WRITER_PROCESSES = 4
FAULTS = (
    Fault(429, {"Retry-After": "1"}),
    Fault(429),
    Fault(412),
    Fault(500),
    Fault(500, after=True),
    Fault(503, after=True),
    Fault(cut=True),
    Fault(cut=True, after=True),
)


@dataclass(frozen=True)
class Result:
    """What a run ended with; every count but `faults` and `requests` should equal `rows`."""

    rows: int
    saved: int
    pull_requests: int
    different_pull_requests: int
    merged_rows: int
    different_rows: int
    whole_rows: int
    faults: int
    kills: int
    requests: int
    seconds: float

    @property
    def exact(self) -> bool:
        """Whether nothing was lost, doubled or half written."""
        counts = (
            self.saved,
            self.pull_requests,
            self.different_pull_requests,
            self.merged_rows,
            self.different_rows,
            self.whole_rows,
        )
        return set(counts) == {self.rows}


def chaos(seed: int, *, share: float) -> tuple[Callable[[str, str], Fault | None], Counter[str]]:
    """Returns a source of faults for a share of the requests that push, and its tally."""
    generator, tally = random.Random(seed), Counter[str]()

    def fault(method: str, path: str) -> Fault | None:
        # The client itself sleeps a second when a preupload fails, so those are fewer.
        likely = 0.1 * share if "/preupload/" in path else share
        pushes = "/commit/" in path or "/preupload/" in path or "/discussions" in path
        if not pushes or generator.random() >= likely:
            return None
        chosen = generator.choice(FAULTS)
        tally[f"{'cut' if chosen.cut else chosen.status}{' after' if chosen.after else ''}"] += 1
        return chosen

    return fault, tally


def run(
    rows: int, *, writers: int, kills: int, share: float, folder: Path, lag: float = 0.0
) -> Result:
    """Runs the whole experiment and counts."""
    started, hub = time.monotonic(), Hub()
    server = serve(hub, ROUTES)
    try:
        prepare(hub, writers)
        hub.chaos, tally = chaos(7, share=share)
        hub.listing_lag = lag
        run_app_until_sent(hub, folder, rows=rows, writers=writers, kills=kills)
        hub.chaos, hub.listing_lag = None, 0.0
        saved = len(list(folder.glob("*/*.parquet")))
        titles = Counter(d.title for d in hub.repos["dataset", REPO].discussions.values())
        merge_everything(hub)
        loaded = load_in_fresh_process(hub.url, folder.parent / "cache")
        return Result(
            rows=rows,
            saved=saved,
            pull_requests=titles.total(),
            different_pull_requests=len(titles),
            kills=kills,
            faults=tally.total(),
            requests=len(hub.log),
            seconds=round(time.monotonic() - started, 1),
            **loaded,
        )
    finally:
        server.shutdown()
        server.server_close()


def prepare(hub: Hub, writers: int) -> None:
    """Opens the accounts and sets the dataset up."""
    from annotate.dataset.proposals import HubStore
    from segface_hf.labels import CELEBAMASK_HQ

    owner = hub.token("owner")
    for number in range(writers):
        hub.token(f"guest{number}")
    HubStore(REPO, token=owner, endpoint=hub.url).create(CELEBAMASK_HQ)


class Writers:
    """Writer processes that end with the block, also when it fails."""

    def __init__(self, folder: Path, *, rows: int, writers: int) -> None:
        self._commands = [
            [
                "--write",
                str(folder),
                "--rows",
                str(rows),
                "--writers",
                str(writers),
                "--share-of",
                f"{index}/{WRITER_PROCESSES}",
            ]
            for index in range(WRITER_PROCESSES)
        ]

    def __enter__(self) -> list[subprocess.Popen[bytes]]:
        self._processes = [child(command) for command in self._commands]
        return self._processes

    def __exit__(self, *exception: object) -> None:
        for process in self._processes:
            process.kill()
            process.wait()


def child(arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    """Starts this module again with other arguments."""
    environment = {
        **os.environ,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.Popen([sys.executable, "-m", "bench.outbox", *arguments], env=environment)


def run_app_until_sent(hub: Hub, folder: Path, *, rows: int, writers: int, kills: int) -> None:
    """Keeps the app running until every row is proposed; kills it while it saves and sends."""
    repo = hub.repos["dataset", REPO]
    command = ["--app", str(folder), "--endpoint", hub.url, "--rows", str(rows)]
    command += ["--writers", str(writers), "--lag", str(hub.listing_lag)]
    app, left = child(command), kills
    try:
        while not finished(folder, rows):
            time.sleep(0.05)
            done = len(list(folder.glob("*/*.parquet"))) + len(repo.discussions)
            if left and done >= 2 * rows * (kills - left + 1) // (kills + 1):
                app.kill()
                app.wait()
                app, left = child(command), left - 1
            elif app.poll() is not None:
                raise RuntimeError(f"the app ended with {app.returncode}")
    finally:
        app.kill()
        app.wait()


def finished(folder: Path, rows: int) -> bool:
    """Tells whether the notes of every contribution say that it is proposed."""
    proposed = 0
    for path in folder.glob("*/*.json"):
        with suppress(FileNotFoundError):
            proposed += json.loads(path.read_bytes())["state"] == "proposed"
    return proposed >= rows


def merge_everything(hub: Hub) -> None:
    """Merges every open pull request as the owner."""
    from annotate.dataset.proposals import HubStore

    repo = HubStore(REPO, token="hf_owner", endpoint=hub.url).repo
    for request in list(repo.pull_requests(status="open")):
        repo.merge(request.number)


def load_in_fresh_process(endpoint: str, cache: Path) -> dict[str, int]:
    """Counts the rows that `load_dataset` gives, in a process that knows only this Hub."""
    script = """
import json, sys
from datasets import load_dataset
rows = load_dataset(sys.argv[1], split="train", cache_dir=sys.argv[2])
ids = rows["content_id"]
whole = 0
for row in rows:
    whole += row["mask"].size == row["image"].size and row["mask"].mode == "L"
print(json.dumps({"merged_rows": len(ids), "different_rows": len(set(ids)), "whole_rows": whole}))
"""
    environment = {
        **os.environ,
        "HF_ENDPOINT": endpoint,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HOME": str(cache),
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }
    command = [sys.executable, "-c", script, REPO, str(cache)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def write_share(folder: Path, *, rows: int, writers: int, part: str) -> None:
    """Puts this process's share of the corrections into the queues of its writers."""
    from annotate.outbox.queue import Outbox
    from tests.annotate.conftest import draw

    index, count = (int(number) for number in part.split("/"))
    outbox = Outbox(folder)

    def write(writer: int) -> None:
        name = f"guest{writer}"
        for number in range(writer, rows, writers):
            outbox.queue(name).put(draw(number, contributor=name))

    threads = [threading.Thread(target=write, args=(w,)) for w in range(index, writers, count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def run_app(folder: Path, *, endpoint: str, rows: int, writers: int, lag: float) -> None:
    """Runs what the app runs behind Save: the outbox, its sender, and writers that save.

    After a restart every writer saves all its rows again, as people do who saw no answer.
    """
    from annotate.outbox.queue import Outbox
    from annotate.outbox.sender import Pace, Sender
    from space.state.saving import Contributor, HubCorrections
    from tests.annotate.conftest import draw

    pace = Pace(first=0.05, longest=1.0, confirm=2 * lag + 1, idle=0.1, poll=3600.0)
    sender = Sender(Outbox(folder), REPO, endpoint=endpoint, pace=pace)
    corrections = HubCorrections(sender.outbox, sender)
    sender.start()

    def save(writer: int) -> None:
        name = f"guest{writer}"
        who = Contributor(key=name, account=name, token=f"hf_{name}")
        for number in range(writer, rows, writers):
            corrections.save(draw(number, contributor=name), who=who)

    threads = [threading.Thread(target=save, args=(writer,)) for writer in range(writers)]
    for thread in threads:
        thread.start()
    threading.Event().wait()


def carry_forever(folder: Path, *, endpoint: str, writers: int, direct: str) -> None:
    """Runs one sender until it is killed: with every writer's token, or with the owner's.

    Args:
        folder: The outbox.
        endpoint: The Hub double.
        writers: How many lend their tokens.
        direct: "rows in a commit/seconds between commits" for the owner's token, or "".
    """
    from annotate.outbox.queue import Outbox
    from annotate.outbox.sender import Pace, Sender

    pace = Pace(first=0.05, longest=1.0, idle=0.1, poll=3600.0)
    token = None
    if direct:
        rows, _, seconds = direct.partition("/")
        pace, token = replace(pace, batch_rows=int(rows), batch=float(seconds)), "hf_owner"
    sender = Sender(Outbox(folder), REPO, service_token=token, endpoint=endpoint, pace=pace)
    for number in range(0 if direct else writers):
        sender.set_token(f"guest{number}", f"hf_guest{number}")
    sender.run()


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the experiment, or one of its processes."""
    parser = argparse.ArgumentParser(prog="python -m bench.outbox", description=__doc__)
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--lag", type=float, default=8.0, help="seconds until the Hub lists a row")
    parser.add_argument("--faults", type=float, default=0.1, help="share of requests that fail")
    parser.add_argument("--json", type=Path, help="write the result here")
    for inner in ("--app", "--write", "--carry", "--endpoint", "--share-of", "--direct"):
        parser.add_argument(inner, help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    if args.app:
        app = Path(args.app)
        run_app(app, endpoint=args.endpoint, rows=args.rows, writers=args.writers, lag=args.lag)
        return 0
    if args.write:
        write_share(Path(args.write), rows=args.rows, writers=args.writers, part=args.share_of)
        return 0
    if args.carry:
        carry_forever(
            Path(args.carry),
            endpoint=args.endpoint,
            writers=args.writers,
            direct=args.direct or "",
        )
        return 0
    with tempfile.TemporaryDirectory() as folder:
        result = run(
            args.rows,
            writers=args.writers,
            kills=args.kills,
            share=args.faults,
            lag=args.lag,
            folder=Path(folder) / "outbox",
        )
    print(json.dumps(asdict(result), indent=2))
    if args.json:
        args.json.write_text(json.dumps(asdict(result), indent=2) + "\n", encoding="utf-8")
    return 0 if result.exact else 1


if __name__ == "__main__":
    sys.exit(main())
