"""AIR beside the SVM: the paper's Figures 3 and 4 on this dataset."""

from __future__ import annotations

import numpy as np
import streamlit as st

from air_core.pipeline import Fit
from air_core.workspace import Workspace
from pages import resources
from pages.components.basis import Basis, from_flags, from_reviews
from pages.components.figures import activation_histogram, separation_curve
from pages.components.grid import review_grid
from pages.components.notices import empty
from pages.components.start import fitted_or_stop, workspace_or_stop
from pages.components.tiles import tiles
from pages.components.truth import choose_truth
from pages.components.welcome import start_audit

SHOWN = 200  # tiles a side
FIGURE_3_EPOCHS = (1, 4, 12)


def ranked_grids(workspace: Workspace, fits: dict[str, Fit], basis: Basis) -> None:
    """Figure 4: one class, ranked by each model's activation."""
    dataset, reviewed = workspace.dataset, workspace.reviewed()
    with st.container(horizontal=True):
        name = st.selectbox("Images labelled", dataset.class_names, width=320)
        lowest = st.segmented_control(
            "On top", ["Highest", "Lowest"], default="Highest", required=True
        )
    members = dataset.having(name)
    verdict = np.zeros(len(dataset), np.int8) if basis.kind == "flags" else basis.verdict
    for column, (title, fit) in zip(st.columns(2), fits.items(), strict=True):
        rows = np.flatnonzero(members)
        rows = rows[np.argsort(fit.activations[rows] * (-1 if lowest == "Highest" else 1))]
        column.markdown(f"#### {title}{basis.in_words(fit.activations, members)}")
        with column:
            review_grid(
                tiles(
                    workspace, rows[:SHOWN], reviewed=reviewed, verdict=verdict,
                    activations=fit.activations,
                ),
                key=f"compare-{fit.model}",
                class_names=dataset.class_names,
                workspace=resources.version(workspace),
                readonly=True,
                density="compact",
                height=560,
                caption=f"{title}: {name} by activation",
            )  # fmt: skip


def histograms(fits: dict[str, Fit], basis: Basis) -> None:
    """Figure 3: how far the activations of right and wrong labels lie apart."""
    air, svm = fits.values()
    epochs, names = [int(epoch) for epoch in air.epochs], basis.group_names()

    def draw(place, title: str, values: np.ndarray, **options) -> None:
        right, wrong = basis.known & ~basis.wrong & ~np.isnan(values), basis.wrong
        heading = f"{title}{basis.in_words(values)}"
        figure = activation_histogram(values, right, wrong, names, title=heading, **options)
        place.plotly_chart(figure, width="stretch", key=f"hist-{title}-{options}")

    one, paper = st.tabs(["One epoch", "As in the paper"])
    with one:
        epoch = st.select_slider("Epoch of AIR", epochs, value=epochs[-1])
        left, right = st.columns(2)
        draw(left, f"AIR, epoch {epoch}", air.epoch_activations[epochs.index(epoch)])
        draw(right, "SVM", svm.activations)
    with paper:
        left, right = st.columns(2)
        for epoch in [e for e in (*FIGURE_3_EPOCHS, epochs[-1]) if e in epochs]:
            values = air.epoch_activations[epochs.index(epoch)]
            draw(left, f"AIR, epoch {epoch}", values, height=170, details=False)
        draw(right, "SVM, trained to the end", svm.activations, height=330)
    if basis.scores_detectors:
        curve = [basis.auroc(values) for values in air.epoch_activations]
        figure = separation_curve(epochs, curve, basis.auroc(svm.activations))
        st.plotly_chart(figure, width="stretch", key="separation")


st.title("Compare")
workspace = workspace_or_stop()
fitted_or_stop(workspace)
fits = {"AIR": resources.fit("air"), "SVM": resources.fit("svm")}
if fits["SVM"] is None:
    if empty(
        "The SVM has not been fitted yet",
        "It is the last step of the audit, which takes up where it stopped.",
        icon=":material/compare:",
        action="Go on with the audit",
    ):
        start_audit(workspace)
        st.rerun()
    st.stop()
ranking = resources.ranking()
heading, control = st.columns([3, 1], vertical_alignment="center")
with control:
    truth = choose_truth(workspace)
reviews = from_reviews(workspace.dataset, workspace.reviewed())
basis = truth or (reviews if reviews.known.any() else from_flags(ranking.flagged))
heading.markdown(basis.explain())
st.subheader("Which images carry the class", help="Figure 4 of the paper")
ranked_grids(workspace, fits, basis)
st.subheader("How well activations separate labels", help="Figure 3 of the paper")
if not basis.scores_detectors:
    if basis.kind != "flags":
        st.caption("Split by AIR's flags until labels of both kinds are known, kept and changed.")
    basis = from_flags(ranking.flagged)
histograms(fits, basis)
