"""What is in the audit, how far it is and what to do next."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from air_core.errors import AirError
from air_core.ranking import Ranking
from air_core.workspace import Workspace
from pages import resources
from pages.components.figures import class_balance
from pages.components.markdown import literal
from pages.components.strip import draw_strip, worst_undecided
from pages.components.welcome import AUDIT, start_audit, welcome
from pages.jobs import registry

STRIP = 10  # images beside the next step


def next_step(workspace: Workspace, ranking: Ranking | None) -> None:
    """The one thing to do now, as the primary action, and what it is about."""
    job = registry.find(workspace.root, AUDIT)
    if job is not None and job.live:
        st.info(
            "The audit is running; its progress is above. The worst labels are listed once it "
            "ends.", icon=":material/hourglass_top:",
        )  # fmt: skip
        return
    decided = workspace.reviewed()
    reviewed, flagged = len(decided), 0 if ranking is None else int(ranking.flagged.sum())
    if ranking is None:
        title, text = "Audit these images", "Features, AIR and the SVM: minutes on a laptop."
        action, page = "Start the audit", None
    elif not reviewed:
        title = f"Review the {flagged:,} labels that AIR questions"
        text = "The most suspicious come first; one key decides about each."
        action, page = "Start reviewing", "review.py"
    else:
        title = f"{reviewed:,} images are decided; {flagged:,} labels were questioned"
        text = "Go on, or take the cleaned labels away: only what you decided will differ."
        action, page = "Go on reviewing", "review.py"
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"#### {title}\n{text}", width="stretch")
            if page and reviewed and st.button("Export the cleaned labels"):
                st.switch_page("export.py")
            if st.button(action, type="primary"):
                if page:
                    st.switch_page(page)
                start_audit(workspace)
                st.rerun()
        if ranking is not None and (rows := worst_undecided(ranking, decided, STRIP)):
            draw_strip(workspace, ranking, rows, STRIP)


def numbers(workspace: Workspace, flagged: int | None) -> None:
    """Counts at a glance."""
    shown = {
        "Images": f"{len(workspace.dataset):,}",
        "Classes": f"{len(workspace.dataset.class_names):,}",
        "Labels questioned": "–" if flagged is None else f"{flagged:,}",
        "Decided": f"{len(workspace.reviewed()):,}",
        "Quarantined": f"{len(workspace.quarantined):,}",
    }
    for column, (label, value) in zip(st.columns(len(shown)), shown.items(), strict=True):
        column.metric(label, value, border=True)


def main() -> None:
    """Draw the page."""
    try:
        workspace = resources.workspace()
    except AirError as error:
        st.error(str(error), icon=":material/error:")
        return
    if workspace is None:
        return welcome()
    ranking = resources.ranking()
    flagged = None if ranking is None else ranking.flagged
    st.title("Overview")
    st.caption(literal(f"{workspace.info.source} · {workspace.info.format}"))
    count = None if flagged is None else int(flagged.sum())
    numbers(workspace, count)
    next_step(workspace, ranking)
    st.subheader("Classes")
    if flagged is not None:
        st.caption("Percentages: labels that AIR questions, an estimate of how many are wrong.")
    names = workspace.dataset.class_names
    members = [workspace.dataset.having(name) for name in names]
    given = np.array([mask.sum() for mask in members])
    doubted = None if flagged is None else np.array([(mask & flagged).sum() for mask in members])
    many = len(names) > 20
    with st.container(height=620 if many else "content", border=many):
        st.plotly_chart(class_balance(names, given, doubted))
    if workspace.quarantined:
        with st.expander(f"{len(workspace.quarantined):,} images could not be used"):
            rows = [(image.path, image.reason) for image in workspace.quarantined]
            st.dataframe(pd.DataFrame(rows, columns=["File", "Why"]), hide_index=True)


main()
