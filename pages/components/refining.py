"""The refined ranking: what it is, whether there is one, and the way to it and back."""

from __future__ import annotations

import streamlit as st

from air_core.fitting import refined_features
from air_core.workspace import Workspace
from pages import resources
from pages.jobs import registry
from pages.recipes import PUBLISHED, REFINE, start_going_back, start_refining


def draw_refining(workspace: Workspace) -> None:
    """Draw the section; of tags, which cannot be refined, nothing."""
    if workspace.dataset.multilabel:
        return
    st.header("Refined ranking", anchor=False)
    refined = resources.fit("refined")
    in_use = refined is not None and refined_features(workspace)
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.markdown(_standing(refined is not None, in_use), width="stretch")
        if _live(workspace, REFINE) or _live(workspace, PUBLISHED):
            st.markdown(":gray[It is running; its progress is above.]", width="content")
            return
        # Asked for again it is quick where nothing has changed, and learns from new decisions.
        label = "Refine again" if refined is not None else "Refine the ranking"
        if st.button(label, icon=":material/model_training:", key="refine-go"):
            start_refining(workspace.root)
            st.rerun()
        if in_use and st.button("Use the published features", key="refine-back", type="tertiary"):
            start_going_back(workspace.root)
            st.rerun()


def _standing(refined: bool, in_use: bool) -> str:
    if in_use:
        return (
            ":green[:material/check_circle:] **Refined features are in use.** Choose *Refined "
            "margin* among the detectors; AIR, the SVM and the next map use these features too."
        )
    if refined:
        return (
            ":material/check_circle: **There is a refined ranking**, *Refined margin* among the "
            "detectors. The other detectors use the published features."
        )
    return (
        "Trains the network's last blocks on your own labels, with AIR on top. On large sets "
        "the ranking and the features get much better, on small ones little. It takes minutes "
        "on a GPU and up to an hour for 10,000 images without one; you can go on working, stop it "
        "and resume it."
    )


def _live(workspace: Workspace, kind: str) -> bool:
    job = registry.find(workspace.root, kind)
    return job is not None and job.live
