"""The growth plot of a dataset card, as an SVG without a drawing library."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from segface_hf.wording import counted

WIDTH, HEIGHT = 720, 240
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 16, 36


def growth_svg(weeks: Sequence[tuple[date, int]]) -> str:
    """Draws the number of contributions over the weeks as steps.

    Args:
        weeks: `(Monday, contributions until then)` without gaps, at least one.
    """
    most = max(total for _, total in weeks)
    across = (WIDTH - LEFT - RIGHT) / len(weeks)
    floor = HEIGHT - BOTTOM

    def height(total: float) -> float:
        return round(floor - (floor - TOP) * total / most, 1)

    steps = [f"M{LEFT} {floor}"]
    for index, (_, total) in enumerate(weeks):
        left, right = LEFT + across * index, LEFT + across * (index + 1)
        steps.append(f"L{left:.1f} {height(total)}L{right:.1f} {height(total)}")
    area = "".join(steps) + f"L{WIDTH - RIGHT} {floor}Z"
    ticks = "".join(_tick(total, height(total)) for total in sorted({0, most // 2, most}))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'font-family="sans-serif" font-size="12"><title>{counted(most, "contribution")}</title>'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>{ticks}'
        f'<path d="{area}" fill="#2a7ab8" fill-opacity=".35" stroke="#1b5e94"/>'
        f'<g fill="#333"><text x="{LEFT}" y="{HEIGHT - 12}">{weeks[0][0]}</text>'
        f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 12}" text-anchor="end">'
        f"week of {weeks[-1][0]}</text></g></svg>\n"
    )


def _tick(total: int, y: float) -> str:
    return (
        f'<path d="M{LEFT} {y}H{WIDTH - RIGHT}" stroke="#ddd"/>'
        f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end" fill="#333">{total}</text>'
    )
