"""Where one starts: what is in the audit, what is wrong with it, and what to do next."""

from __future__ import annotations

import streamlit as st

from air_core.errors import AirError
from air_core.facts import Copies
from air_core.ranking import Ranking
from air_core.workspace import Workspace
from pages import resources
from pages.components import classes_panel
from pages.components.checklist import Status, Step, draw_checklist, steps
from pages.components.copies_panel import draw_copies, draw_odd, review
from pages.components.markdown import literal
from pages.components.opening import draw_opening, follow_imports, may_open
from pages.components.quarantine import draw_quarantine
from pages.components.refining import draw_refining
from pages.components.status import status_of, worst_rows
from pages.components.strip import draw_worst
from pages.components.welcome import welcome
from pages.recipes import start_audit, start_facts


@st.dialog("Open other images", width="large", icon=":material/folder_open:")
def open_others() -> None:
    """Every way to other images; the ones on screen stay as they are."""
    draw_opening(sample=True)


def heading(workspace: Workspace) -> None:
    """Whose audit it is, and the way to another."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title("Overview", width="stretch")
        if may_open() and st.button("Open other images", icon=":material/folder_open:"):
            open_others()
    st.caption(literal(f"{workspace.info.source} · {workspace.info.format}"))


def numbers(status: Status, classes: int) -> None:
    """Counts at a glance."""
    shown = {
        "Images": f"{status.images:,}",
        "Classes": f"{classes:,}",
        "Labels questioned": f"{status.flagged:,}" if status.ranked else "–",
        "Decided": f"{status.decided:,}",
        "Quarantined": f"{status.quarantined:,}",
    }
    for column, (label, value) in zip(st.columns(len(shown)), shown.items(), strict=True):
        column.metric(label, value, border=True)


def take(step: Step, workspace: Workspace, ranking: Ranking | None, copies: Copies | None) -> None:
    """Do what the primary button says."""
    if step.action == "audit":
        start_audit(workspace)
    elif step.action == "facts":
        start_facts(workspace.root)
    elif step.action == "copies" and copies is not None:
        rows = [row for one in copies.conflicts for row in one.rows]
        review(workspace, rows, "copies that conflict")
    elif step.action == "worst":
        review(workspace, worst_rows(ranking).tolist(), "the worst of the ranking")
    elif step.action is not None:
        st.switch_page(step.action)
    st.rerun()


def main() -> None:
    """Draw the page."""
    try:
        workspace = resources.workspace()
    except AirError as error:
        st.error(str(error), icon=":material/error:")
        follow_imports()
        draw_opening(sample=True)
        return
    if workspace is None:
        return welcome()
    follow_imports()
    ranking, copies = resources.ranking(), resources.copies()
    decided = resources.standing().decided
    status = status_of(workspace, ranking, copies, decided)
    heading(workspace)
    numbers(status, len(workspace.dataset.class_names))
    left, right = st.columns([6, 5], gap="small")
    with left:
        asked = draw_checklist(steps(status))
    with right:
        draw_worst(workspace, ranking, decided)
    if asked is not None:
        take(asked, workspace, ranking, copies)
    classes_panel.draw_classes(workspace, status)
    if status.ranked:
        draw_refining(workspace)
    if copies is not None:
        st.header("Copies", anchor=False)
        draw_copies(workspace, copies)
        st.header("Off-topic images", anchor=False)
        draw_odd(workspace, copies)
    draw_quarantine(workspace)


main()
