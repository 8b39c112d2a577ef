"""How well votes of heads rank what happens without them: `python -m bench.explain --data DIR`.

For the largest part of a class on each photo, the votes of all heads (one backward pass) are
compared with the margins that remain when each head is switched off (one forward pass a head), by
Spearman's rank correlation, together with the time of both.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import numpy as np
from scipy.stats import spearmanr
from tqdm import tqdm

from segface_hf.data.folder import Pair, find_pairs
from segface_hf.explain.labeled import labeled_subjects
from segface_hf.explain.margin import Subject, margin_of, rival_of
from segface_hf.modeling.segface import SegFace


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the correlation, its spread over photos, and the ratio of the times."""
    parser = argparse.ArgumentParser(prog="python -m bench.explain", description=__doc__)
    parser.add_argument("--data", required=True, help="folder with images/ and masks/ of crops")
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--photos", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0, help="of the choice of classes")
    args = parser.parse_args(arguments)
    rows = compared(SegFace.from_pretrained(args.model), find_pairs(args.data)[: args.photos], args)
    votes, ratios = np.array(rows).T
    low, high = np.percentile(votes, [2.5, 97.5])
    print(f"{len(rows)} photos; Spearman of votes and ablation: median {np.median(votes):.2f}, ")
    print(f"95 % of photos {low:.2f} to {high:.2f}; votes take 1/{np.median(ratios):.1f} the time")
    return 0


def compared(
    model: SegFace, pairs: Sequence[Pair], args: argparse.Namespace
) -> list[tuple[float, float]]:
    """Returns the rank correlation and the ratio of times of each photo."""
    random, rows = np.random.default_rng(args.seed), []
    for subject, truth in tqdm(labeled_subjects(model, pairs), total=len(pairs)):
        present = [index for index in np.unique(truth) if 0 < index < 255]
        if present:
            target = int(random.choice(present))
            rows.append(_one(subject, truth == target, target))
    return rows


def _one(subject: Subject, region: np.ndarray, target: int) -> tuple[float, float]:
    rival = rival_of(subject.logits(), region, target)
    start = time.process_time()
    margin = margin_of(subject, region, target, rival, tried=0)
    voted = time.process_time() - start
    start = time.process_time()
    votes, drops = [], []
    for head in margin.heads:
        logits = subject.without(head.name)
        drops.append(margin.value - float((logits[target] - logits[rival]).numpy()[region].mean()))
        votes.append(head.vote)
    ablated = time.process_time() - start
    return float(spearmanr(votes, drops).statistic), ablated / voted


if __name__ == "__main__":
    raise SystemExit(main())
