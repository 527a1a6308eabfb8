"""The audit trail: every decision, who made it and why, and undo of any one."""

from __future__ import annotations

import streamlit as st

from air_core.errors import AirError
from air_core.workspace import Workspace
from pages import resources, state
from pages.components.markdown import literal
from pages.components.notices import empty
from pages.components.start import workspace_or_stop
from pages.components.trail import IN_FORCE, UNDONE, dim_undone, in_full, trail

STYLED = 5000  # rows; above that the table stays plain and quick
COLUMNS = {
    "event": st.column_config.NumberColumn("#", width=46, format="%d"),
    "time": st.column_config.DatetimeColumn("Time", width=136, format="D MMM YYYY, HH:mm:ss"),
    "reviewer": st.column_config.TextColumn("Reviewer", width=76),
    "image": st.column_config.ImageColumn("Image", width=58),
    "path": st.column_config.TextColumn("File", width=116),
    "action": st.column_config.TextColumn("Action", width=80),
    "change": st.column_config.TextColumn("Label", width=118),
    "state": st.column_config.TextColumn("State", width=92),
    "why": st.column_config.TextColumn("Why", width=112),
    "detector": st.column_config.TextColumn("Detector"),
    "score": st.column_config.NumberColumn("Score", format="%.3f"),
    "lambda_g": st.column_config.NumberColumn("λ_g", format="%.4g"),
    "reason": st.column_config.TextColumn("Reason"),
}
# These fit a window of 1024 pixels; the table's own menu brings the others out.
SHOWN = ("event", "time", "reviewer", "image", "path", "action", "change", "state", "why")


def filtered(table):
    """The rows that the filters above the table let through."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        who = st.multiselect("Reviewer", sorted(table["reviewer"].unique()), width=220)
        what = st.multiselect("Action", sorted(table["action"].unique()), width=220)
        text = st.text_input("File, label or reason contains", width=260)
        live = st.toggle("Only what is in force")
    if who:
        table = table[table["reviewer"].isin(who)]
    if what:
        table = table[table["action"].isin(what)]
    if text:
        words = table["path"] + "\n" + table["change"] + "\n" + table["reason"]
        table = table[words.str.contains(text, case=False, regex=False)]
    return table[table["state"] == IN_FORCE] if live else table


def undo(workspace: Workspace, event_id: int) -> None:
    """Append the undo of one event."""
    try:
        workspace.labels.undo(event_id, reviewer=state.reviewer())
    except AirError as error:
        st.error(str(error), icon=":material/error:")
    else:
        st.toast(f"Event #{event_id} is taken back.", icon=":material/undo:")
        st.rerun()


st.title("History")
workspace = workspace_or_stop()
events = workspace.labels.history()
if not events:
    empty(
        "Nothing has been decided yet",
        "Every decision you make in the review appears here, with who, when and why. "
        "Nothing is ever deleted: an undo is one more line.",
        icon=":material/history:",
        action="Review the most suspicious images",
        page="review.py",
    )
    st.stop()
current = workspace.reviewed()
thumbnails = f"/air/thumb/{{id}}?v={resources.version(workspace)}"
table = filtered(trail(events, current, workspace.dataset, thumbnails)).reset_index(drop=True)
if table.empty:
    st.info("No event passes these filters.", icon=":material/filter_alt:")
    st.stop()
reviewers = {event.reviewer for event in events}
# Streamlit keeps a selection by row number: other rows need another table, or an undo could hit
# an event that was never pointed at.
bar = st.container(horizontal=True, vertical_alignment="center", height=44, border=False)
chosen = st.dataframe(
    table.style.apply(dim_undone, axis=1) if len(table) <= STYLED else table,
    column_config=COLUMNS, column_order=SHOWN, hide_index=True, row_height=48, placeholder="",
    height=620 if len(table) > 11 else "auto",
    on_select="rerun", selection_mode="single-row", key=f"history-{hash(tuple(table.event))}",
).selection.rows  # fmt: skip
with bar:
    if not chosen or chosen[0] >= len(table):
        st.caption(
            f"{len(table):,} of {len(events):,} events, newest first; {len(current):,} decisions "
            f"in force; {len(reviewers):,} reviewers. Times are UTC. Select a row to undo it."
        )
    else:
        row = table.iloc[chosen[0]]
        words = f"#{row.event} {row.action}: {row.path}, {row.change}, by {row.reviewer}"
        words += f"; {in_full(row)}" if row.why else ""
        # On the left, since the table's own buttons come out above its right end.
        if st.button("Undo this event", icon=":material/undo:", disabled=row.state[:6] == UNDONE):
            undo(workspace, int(row.event))
        st.markdown(literal(words), width="stretch")
