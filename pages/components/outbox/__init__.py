"""Sends what a grid left behind when its page was left.

The grid lives and ends with its page, and a reviewer who changes the page right after a burst of
keys is quicker than the server. This part stands in the frame of every page: it sends what still
waits in the browser, and shows how much that is until it is stored.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from air_core.workspace import Workspace
from pages import access, resources, state
from pages.components.grid import REVIEW, GridOperation, pending_operations
from pages.components.grid.operations import as_sent, unacknowledged
from pages.components.lifetime import browser_module
from pages.decisions import Receipts, commit

KEY = "air-outbox"
_ASSETS = Path(__file__).parent
_QUEUE = _ASSETS.parent / "grid" / "queue.js"
_mount = st.components.v2.component(
    "air_audit_outbox",
    html='<span class="air-outbox" role="status"></span>',
    css="""
    .air-outbox { color: var(--st-text-color); font: 400 14px/1.35 var(--st-font, sans-serif);
      font-variant-numeric: tabular-nums; white-space: nowrap; }
    .air-outbox.filled { border: 1px dashed #E69F00; border-radius: 99px; padding: 1px 10px; }
    """,
    js=browser_module((_QUEUE, _ASSETS / "outbox.js")),
)


def store_the_rest(workspace: Workspace) -> str:
    """Commit what the review left in the browser; before the page is drawn, so that it knows.

    Returns
    -------
    str
        Why the last of it could not be stored; empty if all is.
    """
    version = resources.version(workspace)
    receipts, operations = state.receipts(), pending_operations(KEY, version)
    problem = commit(workspace, operations, receipts)
    waiting = _outbox(version, receipts)
    # A session that has just begun learns of a queue from before a reload only here.
    if waiting and not operations:
        st.rerun()
    return problem


def _outbox(workspace: str, receipts: Receipts) -> tuple[GridOperation, ...]:
    """Draw it: nothing, unless decisions wait; answer with those that are not acknowledged."""
    data = {
        "workspace": workspace,
        "name": REVIEW,
        "owner": access.owner(),
        "ack": dict(receipts.settled),
        "rejected": dict(receipts.rejected),
        "conflicts": as_sent(receipts.conflicts),
    }
    drawn = _mount(
        key=KEY, data=data, default={"operations": []}, width="content",
        on_operations_change=_nothing,
    )  # fmt: skip
    return unacknowledged(drawn.get("operations"), receipts.settled, workspace)


def _nothing() -> None:
    """Streamlit offers only those states that have a callback."""
