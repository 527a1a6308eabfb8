"""What the browser sends: numbered operations, each with what the reviewer saw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import streamlit as st

Kind = Literal["decide", "undo", "redo", "unreadable"]


@dataclass(frozen=True, slots=True)
class Basis:
    """Who decides, and by which ranking.

    It travels with each operation: what waits in the browser may be stored on another page, by a
    server that was started anew, or after a refit, and must still say what led to it.

    Parameters
    ----------
    reviewer : str
        Who decides.
    detector, run_id : str
        The ranking shown and the fit behind it.
    lambda_g : float or None
        Of that fit.
    """

    reviewer: str
    detector: str = ""
    lambda_g: float | None = None
    run_id: str = ""


@dataclass(frozen=True, slots=True)
class ItemDecision:
    """What an operation decides about one item; ``label`` only for ``relabel``.

    ``suggested`` and ``score`` are what the tile showed; ``seen`` is the number of the decision
    in force that it showed, 0 for none. Without it (None) nothing is checked.
    """

    item_id: str
    action: Literal["keep", "relabel", "exclude", "unsure"]
    label: str | None = None
    suggested: str | None = None
    score: float | None = None
    seen: int | None = None


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """What somebody else has decided about an item since the reviewer saw it.

    Parameters
    ----------
    reviewer : str
        Who changed it last.
    action : str or None
        The decision now in force; None if it was taken back.
    label : str or None
        Label of a ``relabel`` in force, as people read it.
    created_at : str
        When they did.
    seen : int
        Number of the decision in force, 0 for none: to decide on top of it.
    """

    reviewer: str
    action: str | None
    label: str | None
    created_at: str
    seen: int


@dataclass(frozen=True, slots=True)
class GridOperation:
    """One numbered thing the reviewer did; one operation is one batch in the label store.

    ``operation_id`` is ``"client:number"``; numbers of one client ascend from 1. ``of`` is the
    operation that an undo or a redo is about, where the page that sent it has made it. Of an
    ``"unreadable"`` one only the id is known.
    """

    client: str
    number: int
    kind: Kind
    basis: Basis
    decisions: tuple[ItemDecision, ...] = ()
    of: str | None = None

    @property
    def operation_id(self) -> str:
        """What the label store keeps, so that a resend counts once."""
        return f"{self.client}:{self.number}"


def pending_operations(key: str, workspace: str) -> tuple[GridOperation, ...]:
    """Operations the component ``key`` has sent and not yet seen acknowledged, in the order made.

    Call it before the items are built, so that they show what was just decided. Some may have
    been committed in an earlier run: the label store's operation ids tell.

    Parameters
    ----------
    key : str
    workspace : str
        ``resources.version(workspace)``. What was decided in another workspace is left out: a
        browser that finds a new server sends it what it sent the one before.
    """
    state = st.session_state.get(key)
    return parse(state.get("operations"), workspace) if isinstance(state, Mapping) else ()


def unacknowledged(
    raw: object, ack: Mapping[str, int], workspace: str
) -> tuple[GridOperation, ...]:
    """Operations in ``raw`` beyond ``ack`` (client → highest number stored or refused)."""
    return tuple(one for one in parse(raw, workspace) if one.number > ack.get(one.client, 0))


def as_sent(
    conflicts: Mapping[str, Mapping[str, Meanwhile]],
) -> dict[str, dict[str, dict[str, Any]]]:
    """Conflicts as the browser gets them."""
    return {
        operation: {item: asdict(found) for item, found in items.items()}
        for operation, items in conflicts.items()
    }


def parse(raw: object, workspace: str) -> tuple[GridOperation, ...]:
    """Read what the browser sent; it is not trusted.

    What names no operation of this workspace is left out; one that cannot be read otherwise is
    ``"unreadable"``, so that it can be refused rather than sent for ever.
    """
    named = (entry for entry in raw if isinstance(entry, Mapping)) if isinstance(raw, list) else ()
    own = (entry for entry in named if entry.get("workspace") == queue_name(workspace))
    operations = (_operation(entry) for entry in own)
    return tuple(operation for operation in operations if operation is not None)


def queue_name(workspace: str) -> str:
    """The part of ``resources.version`` that lasts as long as the workspace, as in queue.js."""
    return workspace.partition("-")[0]


def _operation(entry: Mapping[Any, Any]) -> GridOperation | None:
    client, number, kind = entry.get("client"), entry.get("n"), entry.get("kind")
    if not (isinstance(client, str) and 0 < len(client) <= 64 and ":" not in client):
        return None
    if type(number) is not int or number < 1:
        return None
    basis, decisions = _basis(entry.get("basis")), _decisions(entry.get("decisions"))
    known = kind in ("decide", "undo", "redo")
    if not known or basis is None or decisions is None or (kind == "decide") != bool(decisions):
        return GridOperation(client, number, "unreadable", Basis(""))
    of = entry.get("of")
    return GridOperation(client, number, kind, basis, decisions, of if type(of) is str else None)


def _basis(raw: object) -> Basis | None:
    match raw:
        case {"reviewer": str(reviewer), "detector": str(detector), "run_id": str(run_id)}:
            lambda_g = raw.get("lambda_g")
            if reviewer.strip() and _is_number(lambda_g):
                return Basis(reviewer, detector, lambda_g, run_id)
    return None


def _decisions(raw: object) -> tuple[ItemDecision, ...] | None:
    if not isinstance(raw, list):
        return None
    decisions = []
    for entry in raw:
        match entry:
            case [
                str(item_id),
                ("keep" | "relabel" | "exclude" | "unsure") as action,
                (str() | None) as label,
                (str() | None) as suggested,
                score,
                *rest,  # missing in what an earlier version of the page has left in the browser
            ] if _is_number(score) and _says_what_was_seen(rest):
                decisions.append(ItemDecision(item_id, action, label, suggested, score, *rest))
            case _:
                return None
    return tuple(decisions)


def _is_number(value: Any) -> bool:
    """Whether it is a number or none; JSON has neither NaN nor infinity."""
    return value is None or type(value) in (int, float)


def _says_what_was_seen(rest: list[Any]) -> bool:
    """Whether it is the number of one event, 0 or none; or nothing at all."""
    match rest:
        case [] | [None]:
            return True
        case [seen]:
            return type(seen) is int and seen >= 0
    return False
