"""ROC and precision–recall curves, where truth or reviews exist."""

from __future__ import annotations

import numpy as np
import streamlit as st

from air_core import comparison
from pages.components.basis import Basis
from pages.components.comparison.side import Side
from pages.components.figures import rate_curves
from pages.components.notices import empty


def curves(sides: tuple[Side, Side], basis: Basis) -> None:
    """Draw both detectors in one plot of each kind, and their figures as a table."""
    if not basis.scores_detectors:
        empty(
            "There is nothing to score the detectors against yet",
            "Curves need images whose label is known to be right and others where it is wrong: "
            "review some of both, or score against a truth file.",
            icon=":material/query_stats:",
            action="Review images",
            page="review.py",
        )
        return
    judged = basis.known & ~np.isnan(sides[0].values()) & ~np.isnan(sides[1].values())
    wrong = basis.wrong[judged]
    if not wrong.any() or wrong.all():
        st.info("The labelled images with a verdict are all right, or all wrong: no curve.")
        return
    found = {side.title: comparison.curves(side.values()[judged], wrong) for side in sides}
    share = float(wrong.mean())
    left, right = st.columns(2)
    rates = {n: (one.false_positive_rate, one.true_positive_rate) for n, one in found.items()}
    left.plotly_chart(
        rate_curves(
            rates,
            line=((0.0, 1.0), (0.0, 1.0)), title="ROC",
            x="Right labels flagged", y="Wrong labels found",
        ), width="stretch", key="roc",
    )  # fmt: skip
    right.plotly_chart(
        rate_curves(
            {name: (one.recall, one.precision) for name, one in found.items()},
            line=((0.0, 1.0), (share, share)), title="Precision and recall",
            x="Wrong labels found", y="Flagged labels that are wrong",
        ), width="stretch", key="precision-recall",
    )  # fmt: skip
    st.dataframe(
        [
            {
                "Detector": name,
                "AUROC": one.auroc,
                "Average precision": one.average_precision,
                f"Precision among the worst {int(wrong.sum()):,}": one.precision_at_k,
            }
            for name, one in found.items()
        ],
        hide_index=True,
        column_config={
            "Detector": st.column_config.TextColumn(width="medium"),
            **{
                name: st.column_config.NumberColumn(format="%.3f")
                for name in (
                    "AUROC",
                    "Average precision",
                    f"Precision among the worst {int(wrong.sum()):,}",
                )
            },
        },
    )
    _suggestions(sides, basis)
    if basis.kind == "reviews":
        st.caption(
            "Judged on reviewed images only. Images reviewed from the top of one detector's list "
            "say little about what that detector missed; a random sample says more."
        )


def _suggestions(sides: tuple[Side, Side], basis: Basis) -> None:
    """Whether what is suggested is right, and as often as it says."""
    if basis.truth is None:
        return
    found = {side.title: comparison.reliability(side.ranking, basis.truth) for side in sides}
    told = {name: one for name, one in found.items() if one is not None}
    if not told:
        return
    left, right = st.columns(2)
    left.plotly_chart(
        rate_curves(
            {name: (one.confidence, one.right) for name, one in told.items()},
            line=((0.0, 1.0), (0.0, 1.0)), line_name="As sure as right",
            title="Reliability of suggestions",
            x="Confidence", y="Suggestions that are right",
        ), width="stretch", key="reliability",
    )  # fmt: skip
    right.dataframe(
        [
            {
                "Detector": name,
                "Right on wrong labels": one.right_on_wrong,
                "Calibration error (ECE)": one.calibration_error,
            }
            for name, one in told.items()
        ],
        hide_index=True,
        column_config={
            name: st.column_config.NumberColumn(format="%.3f")
            for name in ("Right on wrong labels", "Calibration error (ECE)")
        },
    )
    right.caption(
        "Right on wrong labels: how often the likeliest other class is right where the given label "
        "is not. ECE: how far confidence lies from the share that is right; 0 is best."
    )
