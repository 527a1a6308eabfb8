"""What the stopping rule says, in one line, with the reasons behind it."""

from __future__ import annotations

import streamlit as st

from air_core.stopping import BLOCK, Progress
from pages.components.markdown import literal

TARGET = 1.0  # per cent


def stopping_line(progress: Progress) -> None:
    """Draw it: errors in the last hundred, errors left, stop or go on; details on a click.

    Parameters
    ----------
    progress : Progress
        See :func:`air_core.stopping.review_progress`.
    """
    # The line comes before the field that it depends on.
    target = float(st.session_state.get("review-target", TARGET)) / 100
    done = progress.left is None or progress.may_stop(target)
    icon = ":material/check_circle:" if done and progress.reviewed else ":material/flag:"
    with (
        st.popover(in_words(progress, target), icon=icon, key="review-stopping"),
        st.container(width=400),
    ):
        st.markdown("**When to stop**")
        places = st.columns(3)
        places[0].metric("Reviewed", f"{progress.reviewed:,}")
        places[1].metric("Wrong", f"{progress.errors:,}")
        places[2].metric("Left at most", _most_left(progress))
        st.markdown(literal(progress.advice(target)))
        st.number_input(
            "Stop once no more than so many per cent of the labels are wrong",
            min_value=0.1, max_value=50.0, value=TARGET, step=0.5, format="%.1f",
            key="review-target", persist_state="session",
        )  # fmt: skip
        st.caption(
            f"The rate is that of the last {BLOCK} images reviewed in turn. Images about which "
            "reviewers are unsure count as not reviewed."
        )


def in_words(progress: Progress, target: float) -> str:
    """The line.

    Parameters
    ----------
    progress : Progress
    target : float
        Share of the images that may still be wrong.
    """
    left = progress.left
    if left is None:
        return "All reviewed" if progress.reviewed else "When to stop"
    parts = []
    if progress.curve:
        rate, (judged, wrong) = progress.per_hundred_last, progress.curve[-1]
        # Of a handful, a rate would say more than is known.
        few = judged < BLOCK
        parts.append(f"{wrong} of {judged} wrong" if few else f"{rate:.0f} in 100 wrong")
    if left.estimator == "random sample":
        parts.append(f"about {left.estimate:,.0f} left ({left.low:,}–{left.high:,})")
    else:
        parts.append(f"at most {left.high:,} left")
    parts.append("may stop" if progress.may_stop(target) else "go on")
    return " · ".join(parts)


def _most_left(progress: Progress) -> str:
    if progress.left is None:
        return "0" if progress.reviewed else "–"
    return f"{progress.left.high:,}"
