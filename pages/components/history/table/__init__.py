"""The trail as a table whose rows can be chosen, one, several or a range.

Streamlit component (v2); a real ``<table>`` with a checkbox in each row, so that keyboard and
screen reader find their way. Names are written as text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import streamlit as st

from pages.components.history.rows import Row

__all__ = ["events_table"]

_FOLDER = Path(__file__).parent
_mount = st.components.v2.component(
    "air_audit_events",
    html='<div class="events" tabindex="0" role="region" aria-label="Events"></div>',
    css=(_FOLDER / "events.css").read_text("utf-8"),
    js=(_FOLDER / "events.js").read_text("utf-8"),
)


def events_table(
    rows: Sequence[Row], *, key: str, thumbnails: str, token: str, caption: str
) -> tuple[int, ...]:
    """Draw the table.

    Parameters
    ----------
    rows : sequence of Row
        In the order shown.
    key : str
    thumbnails : str
        URL of a thumbnail with ``{id}``.
    token : str
        What the choice belongs to: with another one, nothing is chosen.
    caption : str
        What the table shows, for screen readers.

    Returns
    -------
    tuple of int
        Numbers of the chosen events, in the order of the rows.
    """
    data = {
        "rows": [asdict(row) for row in rows],
        "thumbnails": thumbnails,
        "token": token,
        "caption": caption,
    }
    drawn = _mount(
        key=key, data=data, default={"chosen": None}, on_chosen_change=_nothing
    )  # fmt: skip
    chosen = set(_chosen(drawn.get("chosen"), token))
    return tuple(row.event for row in rows if row.event in chosen)


def _chosen(sent: Any, token: str) -> list[int]:
    """What the browser sent, if it is about these rows; it is not trusted."""
    match sent:
        case {"token": str(of), "events": list(events)} if of == token:
            return [event for event in events if type(event) is int]
    return []


def _nothing() -> None:
    """Streamlit keeps only those values that have a callback."""
