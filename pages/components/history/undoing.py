"""Taking events back, after saying what that will do."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from air_core.errors import AirError
from air_core.labels import LabelEvent
from air_core.workspace import Workspace
from pages import state
from pages.components.markdown import literal

LISTED = 8
Change = tuple[LabelEvent, str | None, str | None]


def undo_bar(workspace: Workspace) -> None:
    """Draw undo and redo of what this reviewer did last."""
    labels, me = workspace.labels, state.reviewer()
    for title, icon, waiting, act in (
        ("Undo my last", ":material/undo:", labels.next_undo(me), labels.undo_last),
        ("Redo", ":material/redo:", labels.next_redo(me), labels.redo_last),
    ):
        what = in_words(waiting) if waiting else "there is nothing"
        if st.button(title, icon=icon, disabled=not waiting, help=f"{title}: {what}."):
            try:
                done = act(me)
            except AirError as error:
                st.error(str(error), icon=":material/error:")
            else:
                st.toast(f"{title}: {in_words(done)}.", icon=icon)
                st.rerun()


def confirm_undo(workspace: Workspace, changes: Sequence[Change]) -> None:
    """Say how many events of whom are taken back and which labels that leaves; then do it."""
    title = "Bring these back?" if brings_back(changes) else "Take these back?"
    st.dialog(title, width="large")(_confirm)(workspace, changes)


def brings_back(changes: Sequence[Change]) -> bool:
    """Whether all that is taken back are undos."""
    return bool(changes) and all(event.action == "undo" for event, _, _ in changes)


def _confirm(workspace: Workspace, changes: Sequence[Change]) -> None:
    events = [event for event, _, _ in changes]
    mine = sum(event.reviewer == state.reviewer() for event in events)
    st.markdown(
        f"**{in_words(events).capitalize()}** will be taken back. Nothing is deleted: each undo is "
        "one more event, and undoing that brings the decision back."
    )
    if mine < len(events):
        others = sorted({e.reviewer for e in events if e.reviewer != state.reviewer()})
        names = ", ".join(literal(name) for name in others)
        st.warning(
            f"{len(events) - mine:,} of them are by {names}, not by you.",
            icon=":material/group:",
        )
    _list_labels(workspace, changes)
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Cancel"):
            st.rerun()
        redo = brings_back(changes)
        what = "decision" if redo else "event"
        title = f"{'Bring' if redo else 'Take'} back {len(events):,} {what}"
        icon = ":material/redo:" if redo else ":material/undo:"
        if st.button(title + "s" * (len(events) != 1), type="primary", icon=icon):
            try:
                workspace.labels.undo_events(
                    [event.event_id for event in events], reviewer=state.reviewer()
                )
            except AirError as error:
                st.error(f"{error} Nothing was taken back.", icon=":material/error:")
            else:
                st.toast(f"{in_words(events).capitalize()}: taken back.", icon=":material/undo:")
                st.rerun()


def _list_labels(workspace: Workspace, changes: Sequence[Change]) -> None:
    """What each image has now, and what it will have."""
    dataset, before, after = workspace.dataset, {}, {}
    for event, old, new in changes:
        before.setdefault(event.item_id, old)
        after[event.item_id] = new
    moved = [item for item, label in before.items() if label != after[item]]
    same = len(before) - len(moved)
    lines = [
        f"- {literal(dataset.paths[dataset.row_of(item)] if item in dataset else item)}: "
        f"{_shown(workspace, before[item])} → **{_shown(workspace, after[item])}**"
        for item in moved[:LISTED]
    ]
    if len(moved) > LISTED:
        lines.append(f"- and {len(moved) - LISTED:,} more")
    if moved:
        plural = "s change their labels" if len(moved) != 1 else " changes its label"
        st.markdown(f"{len(moved):,} image{plural}:\n" + "\n".join(lines))
    if same:
        st.caption(
            f"{same:,} {'images keep their labels' if same != 1 else 'image keeps its label'}."
        )


def _shown(workspace: Workspace, label: str | None) -> str:
    return literal(workspace.dataset.shown(label) or "no label")


def in_words(events: Sequence[LabelEvent]) -> str:
    """How many decisions and undos these are."""
    undos = sum(event.action == "undo" for event in events)
    counts = {"decision": len(events) - undos, "undo": undos}
    return " and ".join(
        f"{count:,} {name}{'s' if count != 1 else ''}" for name, count in counts.items() if count
    )
