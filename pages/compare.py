"""Two detectors side by side: the paper's Figures 3 and 4, curves, agreement, confusion."""

from __future__ import annotations

import streamlit as st

from air_core import pipeline
from air_core.workspace import Workspace
from pages import resources
from pages.components import comparison
from pages.components.basis import from_flags, from_reviews
from pages.components.comparison import Side
from pages.components.learning import learnt
from pages.components.notices import empty
from pages.components.start import fitted_or_stop, workspace_or_stop
from pages.components.truth import choose_truth
from pages.recipes import start_audit, start_detector

VIEWS = {
    "images": "Ranked images",
    "activations": "Activations",
    "curves": "Curves",
    "agreement": "Agreement",
    "confusion": "Confusion",
}
PAIR = ("air-activation", "svm-activation")  # what the paper compares


def ready_or_stop(workspace: Workspace) -> list[str]:
    """Detectors that have been fitted; with none of the SVM's, offer it and end the page."""
    if resources.fit("svm") is None:
        if empty(
            "The SVM has not been fitted yet",
            "It is the last step of the audit, which takes up where it stopped.",
            icon=":material/compare:",
            action="Go on with the audit",
        ):
            start_audit(workspace)
            st.rerun()
        st.stop()
    return [name for name in resources.detectors() if resources.ranking(name) is not None]


def choose(place: str, label: str, ready: list[str], default: str) -> Side:
    """Let a person choose one of the two detectors."""
    name = st.selectbox(
        label, ready, index=ready.index(default), format_func=pipeline.detector_title,
        key=f"compare-detector-{place}", persist_state="session", width=230,
    )  # fmt: skip
    ranking = resources.ranking(name)
    assert ranking is not None  # `ready` holds those that have one
    fit = resources.fit(pipeline.model_of(name))
    return Side(place, name, pipeline.detector_title(name), ranking, fit)


def offer_others(workspace: Workspace, ready: list[str]) -> None:
    """Let a person run a detector that has not been, in the background."""
    waiting = {
        name: one for name, one in pipeline.ALL_DETECTORS.items()
        if name not in ready and (one.tags or not workspace.dataset.multilabel)
    }  # fmt: skip
    if not waiting:
        return
    with st.popover("More detectors", icon=":material/add:"):
        name = st.selectbox("Detector", waiting, format_func=pipeline.detector_title)
        about = waiting[name].about
        st.caption(f"{about[:1].upper()}{about[1:]}.")
        if st.button("Run it", key="compare-run", icon=":material/play_arrow:"):
            start_detector(workspace, name)
            st.rerun()


workspace = workspace_or_stop()
fitted_or_stop(workspace)
ready = ready_or_stop(workspace)
with st.container(horizontal=True, vertical_alignment="bottom"):
    st.title("Compare", width="stretch")
    first = choose("a", "Left", ready, PAIR[0])
    second = choose("b", "Right", ready, PAIR[1])
    with st.container(width=230):
        truth = choose_truth(workspace)
    offer_others(workspace, ready)
reviews = from_reviews(workspace.dataset, workspace.reviewed())
basis = truth or (reviews if reviews.known.any() else from_flags(first.ranking.flagged))
st.markdown(basis.explain())
if taught := [side.title for side in (first, second) if side.fit and learnt(side.fit)]:
    st.caption(
        f"Learnt from changed labels: {' and '.join(dict.fromkeys(taught))}. Scored on those very "
        "labels, a ranking knows the answers."
    )
view = st.segmented_control(
    "View", VIEWS, format_func=VIEWS.get, default="images", required=True,
    key="compare-view", persist_state="session", label_visibility="collapsed",
)  # fmt: skip
sides = (first, second)
if first.name == second.name:
    st.info("Both sides show the same detector.", icon=":material/info:")
match view:
    case "images":
        comparison.ranked_grids(workspace, sides, basis)
    case "activations":
        if not basis.scores_detectors:
            if basis.kind != "flags":
                st.caption(
                    f"Split by the flags of {first.title} until labels of both kinds are known, "
                    "kept and changed."
                )
            basis = from_flags(first.ranking.flagged)
        comparison.activations(sides, basis)
    case "curves":
        comparison.curves(sides, basis)
    case "agreement":
        comparison.agreement(workspace, sides, basis)
    case "confusion":
        comparison.confusion(workspace, sides)
