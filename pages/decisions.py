"""From what the grid reports to the label store, exactly once and in order."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, field

from air_core.errors import AirError
from air_core.labels import Decision
from air_core.workspace import Workspace
from pages.components.grid import Basis, GridOperation, ItemDecision


@dataclass
class Receipts:
    """What one browser session was told about its operations.

    The label store remembers what it stored; this remembers the rest: an undo with nothing to
    undo, and what was refused. Without it a rerun would try those again.

    Parameters
    ----------
    settled : mapping of str to int
        Client → highest operation number that needs no further attempt.
    rejected : mapping of str to str
        Operation id → why it cannot be applied.
    """

    settled: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, str] = field(default_factory=dict)


def commit(
    workspace: Workspace,
    operations: Sequence[GridOperation],
    receipts: Receipts,
) -> str:
    """Store the operations that are not stored yet; one operation is one transaction.

    An operation that names an unknown image or class can never succeed: it is refused, and the
    reviewer is told. Anything else that fails (a locked database, a full disk) stays with the
    browser, which sends it again; what comes after it waits, so that the order is kept.

    Parameters
    ----------
    workspace : Workspace
    operations : sequence of GridOperation
        In the order made; those known already are skipped. Each carries who decided and what the
        reviewer saw: detector, score, λ_g, suggestion and run.
    receipts : Receipts
        Brought up to date.

    Returns
    -------
    str
        Why the last operation could not be stored; empty if all are.
    """
    try:
        for client in {operation.client for operation in operations}:
            raise_to(receipts.settled, client, workspace.labels.applied(client))
    except AirError as error:
        return str(error)
    for operation in operations:
        if operation.number <= receipts.settled.get(operation.client, 0):
            continue
        reason = _refusal(workspace, operation)
        if reason:
            receipts.rejected[operation.operation_id] = reason
        else:
            try:
                _apply(workspace, operation)
            except AirError as error:
                return str(error)
        raise_to(receipts.settled, operation.client, operation.number)
    return ""


def raise_to(numbers: MutableMapping[str, int], client: str, number: int) -> None:
    """Never let an acknowledged number go back."""
    numbers[client] = max(number, numbers.get(client, 0))


def _refusal(workspace: Workspace, operation: GridOperation) -> str:
    if len({decision.item_id for decision in operation.decisions}) != len(operation.decisions):
        return "Not stored: one operation decides twice about the same image."
    for decision in operation.decisions:
        if decision.item_id not in workspace.dataset:
            return f"Not stored: the image {decision.item_id} is not in this workspace."
        if decision.action == "relabel":
            try:
                workspace.stored_label(decision.label or "")
            except AirError as error:
                return f"Not stored: {error}"
    return ""


def _apply(workspace: Workspace, operation: GridOperation) -> None:
    reviewer, operation_id = operation.basis.reviewer, operation.operation_id
    if operation.kind == "undo":
        workspace.labels.undo_last(reviewer, operation_id=operation_id)
    elif operation.kind == "redo":
        workspace.labels.redo_last(reviewer, operation_id=operation_id)
    else:
        decisions = [_decision(made, operation.basis) for made in operation.decisions]
        workspace.decide(decisions, reviewer=reviewer, operation_id=operation_id)


def _decision(made: ItemDecision, basis: Basis) -> Decision:
    return Decision(
        item_id=made.item_id,
        action=made.action,
        label=made.label if made.action == "relabel" else None,
        detector=basis.detector,
        score=made.score,
        lambda_g=basis.lambda_g,
        suggested_label=made.suggested,
        run_id=basis.run_id,
    )
