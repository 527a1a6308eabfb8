"""Figures of benchmark reports."""

from __future__ import annotations

import io
from collections.abc import Sequence

from matplotlib.figure import Figure


def log_log(
    x_values: Sequence[float], y_values: Sequence[float], *, x: str, y: str, title: str
) -> bytes:
    """Points on logarithmic axes beside a line of slope 1, as PNG."""
    figure = Figure(figsize=(6, 4), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    axes.loglog(x_values, y_values, "o-", label="measured")
    middle = len(x_values) // 2
    linear = [y_values[middle] * value / x_values[middle] for value in x_values]
    axes.loglog(x_values, linear, "--", color="grey", label="slope 1")
    axes.set(xlabel=x, ylabel=y, title=title)
    axes.grid(which="both", alpha=0.3)
    axes.legend()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
