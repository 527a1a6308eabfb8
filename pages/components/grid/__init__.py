"""A ranked grid of thumbnails driven by the keyboard.

The browser part keeps a queue of numbered operations. Each send carries the whole queue; Python
applies what is new, commits it and answers with the numbers it holds, and only then does the
browser drop them. So a burst of keys, a reload or a server restart loses nothing, and the same
operation sent twice counts once. The queue belongs to the browser's page and not to the grid: when
another page of the interface takes the grid's place, :mod:`pages.components.outbox` sends the rest.

Whenever another image gets the focus, ``document`` hears a ``CustomEvent("air-audit:focus")`` with
``{grid, id, item}``: the grid's key, the image's row in the dataset (null if none has the focus)
and its item id. ``window.airAuditFocus`` holds the latest for components that come later.

A page with decisions::

    problem = commit(workspace, pending_operations("review", version), receipts)  # first
    result = review_grid(items, key="review", class_names=names, ack=receipts.settled,
                         rejected=receipts.rejected, conflicts=receipts.conflicts,
                         basis=Basis("ana", "air-margin"), workspace="…")
    if result.operations:                    # first run of a session after a restart
        st.rerun()

A page that only shows, or only selects (no ``ack`` needed)::

    result = review_grid(items, key="air", class_names=names, workspace="…", readonly=True,
                         on_select=True, height=520)
    result.selected                          # item ids, in the order shown
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import streamlit as st

from pages import access
from pages.components.grid.operations import (
    Basis,
    GridOperation,
    ItemDecision,
    Meanwhile,
    as_sent,
    pending_operations,
    unacknowledged,
)
from pages.components.lifetime import browser_module

__all__ = [
    "REVIEW",
    "Basis",
    "GridItem",
    "GridOperation",
    "GridResult",
    "ItemDecision",
    "Meanwhile",
    "pending_operations",
    "review_grid",
]

REVIEW = "review-grid"
"""The grid of the review page, and its queue in the browser."""

Density = Literal["compact", "normal", "large"]
Border = Literal["agree", "disagree"]

_ASSETS = Path(__file__).parent
# One module for the browser, in the order the parts need each other.
_PARTS = (
    "queue", "tiles", "facts", "dialogs", "picker", "grid", "choices", "bar", "band", "preview",
    "meanwhile", "keys",
)  # fmt: skip
_mount = st.components.v2.component(
    "air_audit_grid",
    html=(_ASSETS / "grid.html").read_text("utf-8"),
    css=(_ASSETS / "grid.css").read_text("utf-8"),
    js=browser_module(_ASSETS / f"{part}.js" for part in _PARTS),
)


@dataclass(frozen=True, slots=True)
class GridItem:
    """One tile.

    Parameters
    ----------
    item_id : str
        The item's id; everything else in the grid is keyed by it.
    given : str or None
        Label the source gives; None where it gives none.
    suggested : str or None
        Label the detector suggests; equal to ``given`` where it agrees.
    confidence : float or None
        Of the suggestion, 0 … 1.
    score : float or None
        1 clean … 0 worst.
    rank : int or None
        1 is the worst.
    decision : {"keep", "relabel", "exclude", "unsure"} or None
        Decision in force.
    label : str or None
        The label a ``relabel`` in force chose.
    path : str
        Path as the source writes it; shown, never opened.
    border : {"agree", "disagree"} or None
        Figure 4's convention: the label agrees with truth or review (blue, solid) or differs (red,
        dashed).
    details : tuple of (str, str)
        Further lines for the large picture, as name and value.
    row : int or None
        Number of the image in the dataset, for the focus event.
    seen : int or None
        Number of the decision in force, 0 for none; a decision made on top of another one is
        stopped. None checks nothing.
    by : str or None
        Who made the decision in force.
    """

    item_id: str
    given: str | None
    suggested: str | None = None
    confidence: float | None = None
    score: float | None = None
    rank: int | None = None
    decision: str | None = None
    label: str | None = None
    path: str = ""
    border: Border | None = None
    details: tuple[tuple[str, str], ...] = ()
    row: int | None = None
    seen: int | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class GridResult:
    """What the browser reports.

    Parameters
    ----------
    operations : tuple of GridOperation
        Operations beyond ``ack`` that still have to be committed, in the order made.
    selected : tuple of str
        Ids of the selected items; always empty without ``on_select``.
    """

    operations: tuple[GridOperation, ...]
    selected: tuple[str, ...]


def review_grid(
    items: Sequence[GridItem],
    *,
    key: str,
    class_names: Sequence[str],
    workspace: str,
    basis: Basis | None = None,
    ack: Mapping[str, int] | None = None,
    rejected: Mapping[str, str] | None = None,
    conflicts: Mapping[str, Mapping[str, Meanwhile]] | None = None,
    multilabel: bool = False,
    page: tuple[int, int] = (1, 1),
    on_turn: Callable[[int], None] | None = None,
    readonly: bool = False,
    on_select: bool = False,
    density: Density = "normal",
    height: int | None = None,
    caption: str = "Images",
    base_url: str = "/air",
) -> GridResult:
    """Draw the grid and report what the reviewer did.

    Parameters
    ----------
    items : sequence of GridItem
        In the order to show; up to about 1,000.
    key : str
        Identity of this grid; also the key of its queue in the browser's session storage.
    class_names : sequence of str
        Classes to choose from; the first nine have the keys 1 … 9, the tenth has 0.
    workspace : str
        ``resources.version(workspace)``: names the queue and versions the picture addresses.
    basis : Basis, optional
        Who decides and by which ranking; needed for decisions.
    ack : mapping of str to int, optional
        Client → highest operation number that the label store holds (or that was refused).
    rejected : mapping of str to str, optional
        Operation id → why it was refused; shown to the reviewer.
    conflicts : mapping of str to (mapping of str to Meanwhile), optional
        Operation id → item id → what somebody else decided first; the reviewer chooses.
    multilabel : bool
        Whether an image may have several labels: they are then switched one by one.
    page : (int, int)
        Which page of how many the items are.
    on_turn : callable, optional
        Called with the number of the page that a key asks for, before the page is drawn anew.
    readonly : bool
        No decisions: arrows, zoom and selection only.
    on_select : bool
        Report the selection; costs a rerun for each change of it.
    density : {"compact", "normal", "large"}
        To begin with; the reviewer can change it in the grid.
    height : int, optional
        In pixels; None fills the window.
    caption : str
        Accessible name, e.g. ``"AIR, worst first"``.
    base_url : str
        Where ``/thumb/{item_id}`` and ``/image/{item_id}`` are served.

    Returns
    -------
    GridResult
    """
    acknowledged = dict(ack or {})

    def turned() -> None:
        match st.session_state[key].get("turn"):
            case [int(to), _] if on_turn is not None and 1 <= to <= page[1]:
                on_turn(to)

    state = _mount(
        key=key,
        data={
            "items": as_rows(items),
            "classes": list(class_names),
            "workspace": workspace,
            "basis": None if basis is None else asdict(basis),
            "ack": acknowledged,
            "rejected": dict(rejected or {}),
            "conflicts": as_sent(conflicts or {}),
            "multilabel": multilabel,
            "page": list(page),
            "readonly": readonly,
            "onSelect": on_select,
            "density": density,
            "height": height,
            "caption": caption,
            "baseUrl": base_url,
            "name": key,
            "owner": access.owner(),
        },
        default={"operations": [], "selected": [], "turn": []},
        on_operations_change=_nothing,
        on_selected_change=_nothing,
        on_turn_change=turned,
    )
    known = {item.item_id for item in items}
    selected = state.get("selected") or []
    return GridResult(
        operations=unacknowledged(state.get("operations"), acknowledged, workspace),
        selected=tuple(x for x in selected if x in known) if on_select else (),
    )


def _nothing() -> None:
    """Streamlit offers only those states that have a callback."""


def as_rows(items: Sequence[GridItem]) -> list[list[Any]]:
    """Tiles as the browser takes them; also by the event ``air-audit:rows`` on the document."""
    return [_row(item) for item in items]


def _row(item: GridItem) -> list[Any]:
    """The item as a list, which is a third of the size of a mapping; tiles.js names the fields."""
    return [
        item.item_id, item.given, item.suggested,
        None if item.confidence is None else round(item.confidence, 4),
        item.score,  # in full: a decision takes it into the log
        item.rank, item.decision, item.label, item.path, item.border, item.details,
        item.row, item.seen, item.by,
    ]  # fmt: skip
