"""Class balance beside the estimated noise of each class."""

from __future__ import annotations

import numpy as np
import streamlit as st

from air_core.facts import stored_noise
from air_core.workspace import Workspace
from pages import resources
from pages.components.checklist import Status
from pages.components.class_charts import class_balance
from pages.components.noise_panel import draw_mixups, draw_noise

_MANY = 20


def draw_classes(workspace: Workspace, status: Status) -> None:
    """Draw both charts side by side, in the same order of classes."""
    names = workspace.dataset.class_names
    found = None if workspace.dataset.multilabel else resources.noise()
    st.subheader("Classes", anchor=False)
    many = len(names) > _MANY
    with st.container(height=640 if many else "content", border=many):
        left, right = st.columns(2, gap="medium")
        with left:
            _balance(workspace, status)
        with right:
            if found is not None:
                draw_noise(names, found)
            elif workspace.dataset.multilabel:
                st.info(
                    "The share of wrong labels is estimated where an image has one label. With "
                    "tags, the ranking doubts each tag.", icon=":material/info:",
                )  # fmt: skip
            else:
                st.info(_missing(status), icon=":material/hourglass_empty:")
    if found is not None and (estimate := stored_noise(workspace)) is not None:
        draw_mixups(names, estimate)


def _missing(status: Status) -> str:
    if status.auditing or status.checking:
        return "How many labels are wrong is shown here as soon as it is estimated."
    if not status.features:
        return "How many labels are wrong can be estimated once features are computed."
    return "How many labels are wrong has not been estimated yet; the list above offers it."


def _balance(workspace: Workspace, status: Status) -> None:
    dataset = workspace.dataset
    names = dataset.class_names
    given = np.array([int(dataset.having(name).sum()) for name in names])
    current = None
    if status.decided and not dataset.multilabel:
        labels = np.where(workspace.excluded(), -1, workspace.current_labels())
        current = np.bincount(labels[labels >= 0], minlength=len(names))
    unlabelled = len(dataset) - int((dataset.given_labels >= 0).sum())
    words = f"**{len(names):,} classes, {given.min():,} to {given.max():,} images each.**"
    if dataset.multilabel:
        words = f"**{len(names):,} tags, on {given.min():,} to {given.max():,} images each.**"
    st.markdown(words)
    aside = f"{unlabelled:,} images have no label." if unlabelled and not dataset.multilabel else ""
    st.caption(aside or "How many images have each label.")
    st.plotly_chart(
        class_balance(names, given, current), key="air-balance",
        alt=f"Images of each of {len(names)} classes: {given.min()} to {given.max()}.",
    )  # fmt: skip
