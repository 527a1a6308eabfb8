"""What the map shows besides the points: a class's boundaries, and a truth for the triangles."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from air_core.workspace import Workspace
from pages import resources
from pages.components.basis import Basis
from pages.components.map.boundary import Boundary, half_lines
from pages.components.truth import truth_controls


def boundaries(workspace: Workspace, xy: NDArray[np.float32], name: str) -> list[Boundary]:
    """Figure 1's lines for a class: AIR's solid, the SVM's dashed."""
    found, index = [], workspace.dataset.class_names.index(name)
    for title, detector in (("AIR", "air-margin"), ("SVM", "svm-margin")):
        if (ranking := resources.ranking(detector)) is not None:
            lines = half_lines(xy, ranking.suggested_labels == index)
            found.append(Boundary(f"{title}: half are “{name}”", lines, dashed=title == "SVM"))
    return found


def layers(workspace: Workspace) -> tuple[str, Basis | None]:
    """What else to draw: a class's boundaries, and a truth for the triangles."""
    name = ""
    if not workspace.dataset.multilabel:
        name = st.selectbox(
            "Boundaries of a class", ["", *workspace.dataset.class_names],
            format_func=lambda name: name or "None", key="explore-boundary",
            persist_state="session",
            help="Lines where a detector suggests this class for half of the images nearby, as in "
            "Figure 1 of the paper: AIR's solid, the SVM's dashed.",
        )  # fmt: skip
    return name, truth_controls(workspace, "Triangles then show wrong labels.")
