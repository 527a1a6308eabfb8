"""How many errors the review still finds, and how many are left."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from air_core.reviewers import Reviews
from air_core.stopping import BLOCK, Progress, review_progress
from pages.components.markdown import literal
from pages.components.palette import AGREES, DISAGREES

_MARGIN = {"l": 8, "r": 8, "t": 40, "b": 8}


def progress(reviews: Reviews) -> None:
    """Draw it."""
    found = review_progress(reviews.dataset, reviews.history, reviews.assignments)
    places = st.columns(4)
    places[0].metric(
        "Reviewed", f"{found.reviewed:,}", border=True, height="stretch",
        help=f"Of {found.images:,} images with a label. Those that reviewers are unsure about "
        "do not count.",
    )  # fmt: skip
    places[1].metric("Errors confirmed", f"{found.errors:,}", border=True, height="stretch")
    places[2].metric(
        "Errors per 100 reviewed", _rate(found.per_hundred_last), border=True, height="stretch",
        delta=None if found.per_hundred is None else f"{_rate(found.per_hundred)} over all",
        delta_color="off", delta_arrow="off",
        help=f"Among the last {BLOCK} images reviewed in turn.",
    )  # fmt: skip
    places[3].metric(
        "Errors left", left_in_words(found), border=True, height="stretch",
        delta=None if found.left is None else f"{found.left.confidence:.0%} confidence",
        delta_color="off", delta_arrow="off",
    )  # fmt: skip
    words, target = st.columns([4, 1], vertical_alignment="center")
    words.markdown(literal(found.advice(_target())))
    target.number_input(
        "Per cent that may stay wrong", min_value=0.1, max_value=50.0, value=1.0, step=0.5,
        format="%.1f", key="review-target", persist_state="session",
    )  # fmt: skip
    if found.curve:
        left, right = st.columns(2)
        left.plotly_chart(curve(found), config={"displayModeBar": False})
        right.plotly_chart(blocks(found), config={"displayModeBar": False})
        st.caption(
            "When the curve flattens, the ranking has given what it has. Images in the order in "
            "which they were first judged; drawn samples are left out, as is what was undone."
        )
    if found.settled or found.disputed:
        st.caption(
            f"Reviewers differ about {found.settled + found.disputed:,} images. {found.settled:,} "
            "are settled and count as settled, the rest by the latest verdict."
        )


def left_in_words(found: Progress) -> str:
    """Errors left with their interval."""
    left = found.left
    if left is None:
        return "0" if found.reviewed else "–"
    if left.estimator == "tail rate":
        return f"≤ {left.high:,}"
    return f"{left.estimate:,.0f} ({left.low:,}–{left.high:,})"


def curve(found: Progress) -> go.Figure:
    """Errors confirmed over images reviewed."""
    xs, ys = zip((0, 0), *found.curve, strict=True)
    figure = go.Figure()
    figure.add_scatter(
        x=xs, y=ys, mode="lines", line={"color": DISAGREES, "width": 2.5},
        hovertemplate="%{y} errors in %{x} images<extra></extra>",
    )  # fmt: skip
    return _framed(figure, "Errors confirmed", "Images reviewed")


def blocks(found: Progress) -> go.Figure:
    """Errors per 100 in each block of reviewed images."""
    ends, names, rates = 0, [], []
    for reviewed, errors in found.blocks:
        names.append(f"{ends + 1}–{ends + reviewed}")
        rates.append(100 * errors / reviewed)
        ends += reviewed
    figure = go.Figure()
    figure.add_bar(
        x=names, y=rates, marker={"color": AGREES},
        hovertemplate="images %{x}: %{y:.1f} errors per 100<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(type="category")
    return _framed(figure, "Errors per 100 reviewed", "Images reviewed, in blocks")


def _framed(figure: go.Figure, title: str, below: str) -> go.Figure:
    figure.update_layout(
        title={"text": title, "font": {"size": 15}}, height=280, margin=_MARGIN, showlegend=False,
        xaxis={"title": below}, yaxis={"rangemode": "tozero"},
    )  # fmt: skip
    return figure


def _rate(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _target() -> float:
    return float(st.session_state.get("review-target", 1.0)) / 100
