"""Plotly figures; numbers in, figure out. Streamlit's theme gives them its light or dark look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from pages.components.palette import AGREES, DISAGREES, OKABE_ITO

_MARGIN = {"l": 8, "r": 8, "t": 36, "b": 8}
_QUIET = "#8FABB1"  # what needs no attention, on white and on near-black
_LEGEND = {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "title": None}


def _hatch(shape: str) -> dict[str, Any]:
    return {
        "shape": shape,
        "size": 6,
        "solidity": 0.25,
        "fillmode": "overlay",
        "fgcolor": "#FFFFFF",
        "fgopacity": 0.75,
    }


def shares(
    values: NDArray[np.floating[Any]],
    groups: Sequence[NDArray[np.bool_]],
    bins: int = 40,
    span: tuple[float, float] | None = None,
) -> tuple[NDArray[np.float64], list[NDArray[np.float64]]]:
    """Histogram of each group over common bins, as a share of that group.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Numbers; what is not finite stays out.
    groups : sequence of ndarray of shape (n,), dtype bool
        Which values belong to a group.
    bins : int
        How many bins between the smallest and the largest value.
    span : (float, float), optional
        Or between these, so that several histograms have one scale.

    Returns
    -------
    edges : ndarray of shape (bins + 1,)
    shares : list of ndarray of shape (bins,)
        Each sums to 1, or is all zero for an empty group.

    Examples
    --------
    >>> v = np.array([0.0, 1.0, 1.0, 1.0])
    >>> edges, (low, high) = shares(v, [v < 0.5, v > 0.5], bins=2)
    >>> edges, low, high
    (array([0. , 0.5, 1. ]), array([1., 0.]), array([0., 1.]))
    """
    finite = values[np.isfinite(values)]
    ends = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    low, high = ends if span is None else span
    edges = np.linspace(low, high if high > low else low + 1.0, bins + 1)
    counts = [np.histogram(values[group], edges)[0].astype(np.float64) for group in groups]
    return edges, [count / max(count.sum(), 1.0) for count in counts]


def activation_histogram(
    values: NDArray[np.floating[Any]],
    right: NDArray[np.bool_],
    wrong: NDArray[np.bool_],
    names: tuple[str, str],
    *,
    title: str = "",
    height: int = 300,
    details: bool = True,
    axis: str = "Activation of the given class",
    span: tuple[float, float] | None = None,
) -> go.Figure:
    """The paper's Figure 3: activations of well and of wrongly labelled images.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Activation ‖v_{i,y_i}‖ of each image in its given class.
    right, wrong : ndarray of shape (n,), dtype bool
        The two groups.
    names : tuple of str
        Names of the right and the wrong group.
    title : str
    height : int
        In pixels.
    details : bool
        Whether to draw the legend and name the axes.
    axis : str
        What the values are.
    span : (float, float), optional
        Ends of the axis; those of the values by default.
    """
    edges, (of_right, of_wrong) = shares(values, (right, wrong), span=span)
    centres, width = (edges[:-1] + edges[1:]) / 2, np.diff(edges)
    figure = go.Figure()
    for name, share, colour, pattern in (
        (names[0], of_right, AGREES, ""),
        (names[1], of_wrong, DISAGREES, "/"),
    ):
        figure.add_bar(
            x=centres,
            y=share,
            width=width,
            name=name,
            opacity=0.7,
            marker={
                "color": colour,
                "line": {"width": 0},
                # Hatching tells the groups apart without colour.
                "pattern": _hatch(pattern),
            },
            hovertemplate="%{x:.4g}<br>%{y:.1%} of the group<extra>" + name + "</extra>",
        )
    figure.update_layout(
        barmode="overlay",
        bargap=0,
        title={"text": title, "font": {"size": 15}},
        height=height,
        margin=_MARGIN | {"t": 64 if details else 36},
        showlegend=details,
        legend=_LEGEND,
        yaxis={
            "tickformat": ".0%",
            "title": "Share of the group" if details else None,
            "rangemode": "tozero",
        },
        xaxis={"title": axis if details else None},
    )
    return figure


def separation_curve(
    epochs: Sequence[int],
    moving: Sequence[float],
    level: float,
    names: tuple[str, str] = ("AIR", "SVM"),
    height: int = 260,
) -> go.Figure:
    """AUROC of a detector over epochs, with another's as a level line.

    Parameters
    ----------
    epochs, moving : sequence of shape (k,)
    level : float
        NaN draws none.
    names : (str, str)
        Of the two detectors.
    height : int
        In pixels.
    """
    figure = go.Figure()
    figure.add_scatter(
        x=list(epochs),
        y=list(moving),
        name=names[0],
        mode="lines+markers",
        line={"color": AGREES, "width": 2.5},
        hovertemplate="epoch %{x}<br>AUROC %{y:.3f}<extra></extra>",
    )
    if not np.isnan(level):
        figure.add_scatter(
            x=[min(epochs), max(epochs)],
            y=[level, level],
            name=names[1],
            mode="lines",
            line={"color": OKABE_ITO["orange"], "dash": "dash", "width": 2.5},
            hovertemplate="AUROC %{y:.3f}<extra></extra>",
        )
    figure.update_layout(
        height=height,
        margin=_MARGIN,
        legend=_LEGEND,
        xaxis={"title": "Epoch"},
        yaxis={"title": "AUROC"},
    )
    return figure


def rate_curves(
    curves: Mapping[str, tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]],
    *,
    line: tuple[tuple[float, float], tuple[float, float]],
    line_name: str = "Chance",
    title: str,
    x: str,
    y: str,
    height: int = 340,
) -> go.Figure:
    """Two curves of rates in [0, 1], and a line to hold them against.

    Parameters
    ----------
    curves : mapping of str to (ndarray, ndarray)
        Name → x and y values; the first is solid, the second dashed.
    line : ((float, float), (float, float))
        x and y of the line's two ends.
    line_name : str
        What it is; what chance would give by default.
    title, x, y : str
        Names of the figure and its axes.
    height : int
        In pixels.
    """
    figure = go.Figure()
    looks = ((AGREES, "solid"), (OKABE_ITO["orange"], "dash"))
    for (name, (xs, ys)), (colour, dash) in zip(curves.items(), looks, strict=False):
        figure.add_scatter(
            x=xs,
            y=ys,
            name=name,
            mode="lines",
            line={"color": colour, "dash": dash, "width": 2.5},
            hovertemplate=f"{x} %{{x:.1%}}<br>{y} %{{y:.1%}}<extra></extra>",
        )
    figure.add_scatter(
        x=line[0],
        y=line[1],
        name=line_name,
        mode="lines",
        line={"color": _QUIET, "dash": "dot", "width": 1.5},
        hoverinfo="skip",
    )
    figure.update_layout(
        title={"text": title, "font": {"size": 15}},
        height=height,
        margin=_MARGIN | {"t": 64},
        legend=_LEGEND,
        xaxis={"title": x, "tickformat": ".0%", "range": [0, 1.01]},
        yaxis={"title": y, "tickformat": ".0%", "range": [0, 1.03]},
    )
    return figure
