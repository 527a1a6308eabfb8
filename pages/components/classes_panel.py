"""Class balance beside the estimated noise of each class."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from air_core.facts import noise_applies, stored_noise
from air_core.workspace import Workspace
from pages import resources
from pages.components.checklist import Status
from pages.components.class_charts import class_balance
from pages.components.noise_panel import basis, draw_mixups, draw_noise, in_words

_MANY = 20


def draw_classes(workspace: Workspace, status: Status) -> None:
    """Draw both charts side by side, in the same order of classes."""
    names = workspace.dataset.class_names
    found = resources.noise() if noise_applies(workspace.dataset) else None
    given = np.array([int(workspace.dataset.having(name).sum()) for name in names])
    st.header("Classes", anchor=False)
    # Words and charts in rows of their own, so that the classes are level.
    left, right = st.columns(2, gap="medium")
    with left:
        _count(workspace, given)
    with right:
        if found is None:
            waits = noise_applies(workspace.dataset)
            icon = ":material/hourglass_empty:" if waits else ":material/info:"
            st.info(_missing(workspace, status), icon=icon)
        else:
            st.markdown(f"**{in_words(found.overall)}**")
            st.caption(f"{basis(found.overall)} Whiskers: 95 % intervals.")
    many = len(names) > _MANY
    with st.container(height=640 if many else "content", border=many):
        left, right = st.columns(2, gap="medium")
        with left:
            _balance(workspace, status, given)
        if found is not None:
            with right:
                draw_noise(names, found)
    if found is not None and (estimate := stored_noise(workspace)) is not None:
        draw_mixups(names, estimate)


def _missing(workspace: Workspace, status: Status) -> str:
    if workspace.dataset.multilabel:
        return (
            "The share of wrong labels is estimated where an image has one label. With tags, the "
            "ranking doubts each tag."
        )
    if not noise_applies(workspace.dataset):
        return "The share of wrong labels cannot be estimated: it takes labels of two classes."
    if status.auditing or status.checking:
        return "How many labels are wrong is shown here as soon as it is estimated."
    if not status.features:
        return "How many labels are wrong can be estimated once features are computed."
    return "How many labels are wrong has not been estimated yet; the list above offers it."


def _count(workspace: Workspace, given: NDArray[np.intp]) -> None:
    dataset = workspace.dataset
    least, most = int(given.min(initial=len(dataset))), int(given.max(initial=0))
    if dataset.multilabel:
        st.markdown(f"**{len(given):,} tags, on {least:,} to {most:,} images each.**")
        st.caption("How many images have each tag.")
        return
    unlabelled = int((dataset.given_labels < 0).sum())
    st.markdown(f"**{len(given):,} classes, {least:,} to {most:,} images each.**")
    aside = f" {unlabelled:,} images have no label." if unlabelled else ""
    st.caption(f"How many images have each label.{aside}")


def _balance(workspace: Workspace, status: Status, given: NDArray[np.intp]) -> None:
    names, current = workspace.dataset.class_names, None
    if status.decided and not workspace.dataset.multilabel:
        labels = np.where(workspace.excluded(), -1, workspace.current_labels())
        current = np.bincount(labels[labels >= 0], minlength=len(names))
    st.plotly_chart(
        class_balance(names, given, current), key="air-balance",
        alt=f"Images of each of {len(names)} classes: {given.min()} to {given.max()}.",
    )  # fmt: skip
