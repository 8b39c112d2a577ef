"""Owns what a simulation is summed up as: medians, spread, ratios, and where the seconds go."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """One face corrected in one arm.

    Attributes:
        name: The photo's stem.
        arm: How it was corrected.
        seconds: All seconds under the cost model.
        by_tool: Seconds by what they were spent on.
        actions: Actions taken.
        reached: Did every class reach its target?
    """

    name: str
    arm: str
    seconds: float
    by_tool: dict[str, float]
    actions: int
    reached: bool


TITLES = {
    "brush": "brush only",
    "walk": "doubtful regions, then brush",
    "tools": "all tools, no guidance",
    "guided": "guided: doubtful regions, all tools",
}


def table(outcomes: Sequence[Outcome]) -> str:
    """Two Markdown tables: seconds by arm, and where they go."""
    arms = [arm for arm in TITLES if any(outcome.arm == arm for outcome in outcomes)]
    by_arm = {arm: [one for one in outcomes if one.arm == arm] for arm in arms}
    return "\n".join(["", *_seconds(by_arm), "", *_shares(by_arm)])


def _seconds(by_arm: dict[str, list[Outcome]]) -> list[str]:
    lines = [
        "| arm | faces | median s | quartiles | mean s | of brush-only | reached |",
        "|---|---|---|---|---|---|---|",
    ]
    base = {one.name: one.seconds for one in by_arm.get("brush", [])}
    for arm, found in by_arm.items():
        seconds = [one.seconds for one in found]
        low, middle, high = _quartiles(seconds)
        reached = sum(one.reached for one in found)
        lines.append(
            f"| {TITLES[arm]} | {len(found)} | {middle:.0f} | {low:.0f} to {high:.0f} "
            f"| {statistics.fmean(seconds):.0f} | {_ratio(found, base)} "
            f"| {reached} of {len(found)} |"
        )
    return lines


def _ratio(found: Sequence[Outcome], base: dict[str, float]) -> str:
    """Ratio of all seconds, and the quartiles of the ratio by face."""
    shared = [one for one in found if base.get(one.name)]
    if not shared:
        return "-"
    whole = sum(one.seconds for one in shared) / sum(base[one.name] for one in shared)
    low, _, high = _quartiles([one.seconds / base[one.name] for one in shared])
    return f"{whole:.2f} ({low:.2f} to {high:.2f})"


def _quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    if len(values) < 2:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def _shares(by_arm: dict[str, list[Outcome]]) -> list[str]:
    """Mean seconds a face by what they were spent on."""
    tools = sorted({tool for found in by_arm.values() for one in found for tool in one.by_tool})
    lines = [
        "| seconds a face | " + " | ".join(tools) + " |",
        "|---|" + "---|" * len(tools),
    ]
    for arm, found in by_arm.items():
        means = [statistics.fmean(one.by_tool.get(tool, 0.0) for one in found) for tool in tools]
        lines.append(f"| {TITLES[arm]} | " + " | ".join(f"{mean:.1f}" for mean in means) + " |")
    return lines
