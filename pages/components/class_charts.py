"""Charts by class; numbers in, Plotly figure out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from pages.components.palette import AGREES, DISAGREES

_QUIET = "#8FABB1"  # what needs no attention, on white and on near-black
_WHISKER = "#7F8C90"
_LONGEST = 28


def class_balance(
    names: Sequence[str],
    given: NDArray[np.integer[Any]],
    current: NDArray[np.integer[Any]] | None = None,
) -> go.Figure:
    """Images of each class as they came, and as decisions have them.

    Parameters
    ----------
    names : sequence of str
        In class order.
    given : ndarray of shape (C,), dtype integer
        Images with that given label.
    current : ndarray of shape (C,), dtype integer, optional
        With relabels applied and excluded images left out.
    """
    figure = go.Figure()
    series: list[tuple[str, NDArray[Any], dict[str, Any]]] = [("Given", given, {"color": _QUIET})]
    if current is not None:
        # Hatching tells the two apart without colour.
        hatch = {"shape": "/", "size": 5, "solidity": 0.25, "fgcolor": "#FFFFFF"}
        series.append(("After decisions", current, {"color": AGREES, "pattern": hatch}))
    for name, counts, marker in series:
        figure.add_bar(
            y=list(range(len(names))),
            x=counts,
            orientation="h",
            name=name,
            marker=marker,
            customdata=[_text(name) for name in names],
            hovertemplate="%{customdata}: %{x:,}<extra>" + name + "</extra>",
        )
    figure.update_layout(barmode="group")
    return _finished(figure, names, "Images", series[0][1].max(initial=1))


def noise_bars(
    names: Sequence[str],
    rates: NDArray[np.floating[Any]],
    low: NDArray[np.floating[Any]],
    high: NDArray[np.floating[Any]],
) -> go.Figure:
    """Estimated share of wrong labels in each class, with 95 % intervals as whiskers.

    Parameters
    ----------
    names : sequence of str
        In class order.
    rates, low, high : ndarray of shape (C,)
        Shares, 0 … 1.
    """
    figure = go.Figure()
    figure.add_bar(
        y=list(range(len(names))),
        x=rates,
        orientation="h",
        name="Wrong labels",
        marker={"color": DISAGREES, "opacity": 0.75},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": high - rates,
            "arrayminus": rates - low,
            "thickness": 1.6,
            "width": 5,
            "color": _WHISKER,
        },
        customdata=[
            f"{_text(name)}: {rate:.1%}, {least:.1%} to {most:.1%}"
            for name, rate, least, most in zip(names, rates, low, high, strict=True)
        ],
        hovertemplate="%{customdata}<extra></extra>",
        showlegend=False,
    )
    figure = _finished(figure, names, "Share of labels that are wrong", high.max(initial=0.05))
    return figure.update_xaxes(tickformat=".0%")


def _finished(figure: go.Figure, names: Sequence[str], title: str, reach: float) -> go.Figure:
    """The common shape: one row a class, the first on top.

    Rows are numbered, since two long names may be cut to the same text.
    """
    figure.update_layout(
        bargap=0.3,
        height=64 + 26 * max(len(names), 4) + 32 * (len(figure.data) > 1),
        margin={"l": 8, "r": 16, "t": 36 if len(figure.data) > 1 else 4, "b": 8},
        showlegend=len(figure.data) > 1,
    )
    figure.update_layout(
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.01, "x": 0, "title": None}
    )
    figure.update_xaxes(title=title, range=[0, float(reach) * 1.06])
    figure.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=[_short(name) for name in names],
        range=[len(names) - 0.5, -0.5],
        automargin=True,
    )
    return figure


def _short(name: str) -> str:
    return _text(name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…")


def _text(name: str) -> str:
    """A name as Plotly shows it; it reads a few HTML tags, which names must not become."""
    return name.replace("&", "&amp;").replace("<", "&lt;")
