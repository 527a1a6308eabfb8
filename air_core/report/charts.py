"""Charts as SVG, drawn in the text's own colour so that they suit light and dark."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from matplotlib.ticker import MaxNLocator

WIDTH, HEIGHT = 460, 220
_LEFT, _BOTTOM, _TOP, _RIGHT = 46, 34, 12, 12
_POINTS = 400


def curve(points: Sequence[tuple[int, int]]) -> Markup:
    """Errors confirmed over images reviewed, as a line."""
    chosen = np.unique(np.linspace(0, len(points) - 1, min(len(points), _POINTS)).astype(int))
    line = [(0, 0), *(points[i] for i in chosen)]
    across, up = _across(line[-1][0]), _rise(line[-1][1])
    path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in line)
    drawn = f'<polyline class="line" points="{path}"/>'
    return _frame("Errors confirmed over images reviewed", drawn, line[-1][0], line[-1][1])


def bars(blocks: Sequence[tuple[int, int]], block: int) -> Markup:
    """Errors per 100 in each block of reviewed images."""
    rates = [100 * errors / reviewed for reviewed, errors in blocks]
    total = sum(reviewed for reviewed, _ in blocks)
    across, up = _across(total), _rise(max(rates))
    drawn, start = [], 0
    for (reviewed, _), rate in zip(blocks, rates, strict=True):
        left, right = across(start), across(start + reviewed)
        width, top = max(right - left - 1, 0.5), up(rate)
        drawn.append(
            f'<rect class="bar" x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" '
            f'height="{HEIGHT - _BOTTOM - top:.1f}"/>'
        )
        start += reviewed
    title = f"Errors per 100 reviewed, by blocks of {block}"
    return _frame(title, "".join(drawn), total, max(rates))


class _Scale:
    """Where a value lies on a line of the picture."""

    def __init__(self, largest: float, start: float, end: float) -> None:
        self._start, self._factor = start, (end - start) / max(largest, 1)

    def __call__(self, value: float) -> float:
        return self._start + value * self._factor


def _across(largest: float) -> _Scale:
    return _Scale(largest, _LEFT, WIDTH - _RIGHT)


def _rise(largest: float) -> _Scale:
    return _Scale(largest, HEIGHT - _BOTTOM, _TOP)


def _frame(title: str, drawn: str, right: float, top: float) -> Markup:
    across, up = _across(right), _rise(top)
    floor = HEIGHT - _BOTTOM
    marks = []
    for value in _ticks(right):
        x = across(value)
        marks.append(f'<text x="{x:.1f}" y="{floor + 18}" text-anchor="middle">{value:,}</text>')
    for value in _ticks(top):
        y = up(value)
        marks.append(
            f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        )
        marks.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:,}</text>')
    return Markup(  # numbers and our own words only
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">'
        f"{''.join(marks)}{drawn}</svg>"
    )


def _ticks(largest: float) -> list[int]:
    found = MaxNLocator(nbins=5, steps=[1, 2, 5, 10], integer=True).tick_values(0, max(largest, 1))
    return [int(value) for value in found if 0 <= value <= max(largest, 1)]
