"""A ranked grid of thumbnails driven by the keyboard.

The browser part keeps a queue of numbered operations. Each send carries the whole queue; Python
applies what is new, commits it and answers with the numbers it holds, and only then does the
browser drop them. So a burst of keys, a reload or a server restart loses nothing, and the same
operation sent twice counts once.

A page with decisions::

    ack, rejected = commit(pending_operations("review"))        # before the items are built
    result = review_grid(items, key="review", class_names=names, ack=ack, rejected=rejected,
                         workspace="…")
    if result.operations:                    # first run of a session after a restart
        st.rerun()

A page that only shows, or only selects (no ``ack`` needed)::

    result = review_grid(items, key="air", class_names=names, workspace="…", readonly=True,
                         on_select=True, height=520)
    result.selected                          # item ids, in the order shown
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import streamlit as st

Density = Literal["compact", "normal", "large"]
Border = Literal["agree", "disagree"]
Kind = Literal["decide", "undo", "redo"]

_ASSETS = Path(__file__).parent
_mount = st.components.v2.component(
    "air_audit_grid",
    html=(_ASSETS / "grid.html").read_text("utf-8"),
    css=(_ASSETS / "grid.css").read_text("utf-8"),
    # One module for the browser, in the order the parts need each other.
    js="\n".join(
        (_ASSETS / f"{part}.js").read_text("utf-8")
        for part in ("queue", "tiles", "dialogs", "grid", "bar", "keys")
    ),
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


@dataclass(frozen=True, slots=True)
class ItemDecision:
    """What an operation decides about one item; ``label`` only for ``relabel``."""

    item_id: str
    action: Literal["keep", "relabel", "exclude", "unsure"]
    label: str | None = None


@dataclass(frozen=True, slots=True)
class GridOperation:
    """One numbered thing the reviewer did; one operation is one batch in the label store.

    ``operation_id`` is ``"client:number"``; numbers of one client ascend from 1.
    """

    client: str
    number: int
    kind: Kind
    decisions: tuple[ItemDecision, ...] = ()

    @property
    def operation_id(self) -> str:
        """What the label store keeps, so that a resend counts once."""
        return f"{self.client}:{self.number}"


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


def pending_operations(key: str) -> tuple[GridOperation, ...]:
    """Operations the grid ``key`` has sent and not yet seen acknowledged, in the order made.

    Call it before the items are built, so that they show what was just decided. Some may have
    been committed in an earlier run: the label store's operation ids tell.
    """
    state = st.session_state.get(key)
    return _parse(state.get("operations")) if isinstance(state, Mapping) else ()


def review_grid(
    items: Sequence[GridItem],
    *,
    key: str,
    class_names: Sequence[str],
    workspace: str,
    ack: Mapping[str, int] | None = None,
    rejected: Mapping[str, str] | None = None,
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
    ack : mapping of str to int, optional
        Client → highest operation number that the label store holds (or that was refused).
    rejected : mapping of str to str, optional
        Operation id → why it was refused; shown to the reviewer.
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
    state = _mount(
        key=key,
        data={
            "items": [_row(item) for item in items],
            "classes": list(class_names),
            "workspace": workspace,
            "ack": acknowledged,
            "rejected": dict(rejected or {}),
            "readonly": readonly,
            "onSelect": on_select,
            "density": density,
            "height": height,
            "caption": caption,
            "baseUrl": base_url,
            "name": key,
        },
        default={"operations": [], "selected": []},
        on_operations_change=_nothing,
        on_selected_change=_nothing,
    )
    known = {item.item_id for item in items}
    selected = state.get("selected") or []
    return GridResult(
        operations=tuple(
            operation
            for operation in _parse(state.get("operations"))
            if operation.number > acknowledged.get(operation.client, 0)
        ),
        selected=tuple(x for x in selected if x in known) if on_select else (),
    )


def _nothing() -> None:
    """Streamlit offers only those states that have a callback."""


def _row(item: GridItem) -> list[Any]:
    """The item as a list, which is a third of the size of a mapping; grid.js names the fields."""
    return [
        item.item_id, item.given, item.suggested,
        None if item.confidence is None else round(item.confidence, 4),
        None if item.score is None else round(item.score, 4),
        item.rank, item.decision, item.label, item.path, item.border, item.details,
    ]  # fmt: skip


def _parse(raw: object) -> tuple[GridOperation, ...]:
    """Read what the browser sent; it is not trusted, so whatever has another shape is left out."""
    operations = (_operation(entry) for entry in raw) if isinstance(raw, list) else ()
    return tuple(operation for operation in operations if operation is not None)


def _operation(entry: object) -> GridOperation | None:
    if not isinstance(entry, Mapping):
        return None
    client, number, kind = entry.get("client"), entry.get("n"), entry.get("kind")
    if not (isinstance(client, str) and 0 < len(client) <= 64 and ":" not in client):
        return None
    if type(number) is not int or number < 1 or kind not in ("decide", "undo", "redo"):
        return None
    decisions = _decisions(entry.get("decisions"))
    if decisions is None or (kind == "decide") != bool(decisions):
        return None
    return GridOperation(client, number, kind, decisions)


def _decisions(raw: object) -> tuple[ItemDecision, ...] | None:
    if not isinstance(raw, list):
        return None
    decisions = []
    for entry in raw:
        match entry:
            case [str(item_id), ("keep" | "relabel" | "exclude" | "unsure") as action, None]:
                decisions.append(ItemDecision(item_id, action))
            case [str(item_id), ("keep" | "relabel" | "exclude" | "unsure") as action, str(label)]:
                decisions.append(ItemDecision(item_id, action, label))
            case _:
                return None
    return tuple(decisions)
