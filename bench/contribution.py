"""The cost of a contribution: HTTP requests and bytes, alone and batched, by photo size.

    python -m bench.contribution --photos FOLDER --json contribution.json

Real client, Hub double. Without `--photos` the pictures are smooth noise, which compresses about
as a photo does.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.hub_double.plugin import ROUTES
from tests.hub_double.server import serve
from tests.hub_double.state import Hub

REPO = "owner/faces"
BATCH = 20


def pictures(folder: Path | None, side: int) -> Iterator[np.ndarray]:
    """Yields square RGB pictures: photos of a folder, or smooth noise."""
    if folder is not None:
        for path in sorted(folder.iterdir()):
            with Image.open(path) as image:
                yield np.asarray(image.convert("RGB").resize((side, side)))
        return
    rng = np.random.default_rng(0)
    while True:
        coarse = Image.fromarray(rng.integers(0, 256, (24, 24, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC), np.int16)
        grain = rng.integers(-3, 4, smooth.shape)
        yield np.clip(smooth + grain, 0, 255).astype(np.uint8)


def rows(folder: Path | None, side: int) -> Iterator[Any]:
    """Yields contributions of a face-like mask with a hat painted on it."""
    from annotate.dataset.proposals import ConsentedRow
    from annotate.rows.record import to_parquet
    from tests.annotate.conftest import draw

    blank = draw(0)
    for image in pictures(folder, side):
        mask, prediction = (
            np.asarray(Image.fromarray(m).resize((side, side), Image.Resampling.NEAREST))
            for m in (blank.mask, blank.prediction)
        )
        yield ConsentedRow(to_parquet(draw(0, image=image, mask=mask, prediction=prediction)))


def measure(folder: Path | None, side: int) -> dict[str, Any]:
    """Returns the cost of one contribution as a pull request, and of one of a batch."""
    from annotate.dataset.proposals import HubStore
    from segface_hf.labels import CELEBAMASK_HQ

    hub = Hub()
    server = serve(hub, ROUTES)
    try:
        owner = HubStore(REPO, token=hub.token("owner"), endpoint=hub.url)
        guest = HubStore(REPO, token=hub.token("guest"), endpoint=hub.url)
        owner.create(CELEBAMASK_HQ)
        found = rows(folder, side)
        row = {"side": side}
        for name, store in (("first", guest), ("next", guest)):
            consented = next(found)
            row[name] = _cost(hub, lambda s=store, p=consented: s.propose(p), rows=1)
            row["row_bytes"] = len(consented.data)
        batch = [next(found) for _ in range(BATCH)]
        owner.commit([next(found)])
        row["batched"] = _cost(hub, lambda: owner.commit(batch), rows=BATCH)
    finally:
        server.shutdown()
        server.server_close()
    return row


def _cost(hub: Hub, work: Any, *, rows: int) -> dict[str, float]:
    hub.log.clear()
    started = time.perf_counter()
    work()
    seconds = time.perf_counter() - started
    counted = [entry for entry in hub.log if "agent-harnesses" not in entry["path"]]
    return {
        "requests": round(len(counted) / rows, 2),
        "sent": round(sum(entry["sent"] for entry in counted) / rows),
        "received": round(sum(entry.get("received", 0) for entry in counted) / rows),
        "seconds": round(seconds / rows, 3),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints one line for each size."""
    parser = argparse.ArgumentParser(prog="python -m bench.contribution", description=__doc__)
    parser.add_argument("--photos", type=Path, help="folder of photos to resize and send")
    parser.add_argument("--sides", type=int, nargs="+", default=[512, 1024])
    parser.add_argument("--json", type=Path, help="write the numbers here")
    args = parser.parse_args(arguments)
    rows = [measure(args.photos, side) for side in args.sides]
    for row in rows:
        print(f"{row['side']} px, a row of {row['row_bytes']} bytes")
        for name in ("first", "next", "batched"):
            print(f"  {name:8} {row[name]}")
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
