"""From what the grid reports to the label store, exactly once and in order."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace

from air_core.errors import AirError
from air_core.labels import Decision, LabelEvent, StaleLabelError
from air_core.workspace import Workspace
from pages import access
from pages.components.grid import Basis, GridOperation, ItemDecision, Meanwhile


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
    conflicts : mapping of str to (mapping of str to Meanwhile)
        Operation id → item id → what somebody else has decided since the reviewer saw the item.
        Of such an operation the rest is stored.
    void : set of str
        Ids of operations of which nothing was stored.
    """

    settled: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, str] = field(default_factory=dict)
    conflicts: dict[str, dict[str, Meanwhile]] = field(default_factory=dict)
    void: set[str] = field(default_factory=set)


def commit(
    workspace: Workspace,
    operations: Sequence[GridOperation],
    receipts: Receipts,
) -> str:
    """Store the operations that are not stored yet; one operation is one transaction.

    An operation that names an unknown image or class can never succeed: it is refused, and the
    reviewer is told. An image that somebody else has decided on meanwhile is left as it is, and
    the reviewer is asked. Anything else that fails (a locked database, a full disk) stays with
    the browser, which sends it again; what comes after it waits, so that the order is kept.

    Parameters
    ----------
    workspace : Workspace
    operations : sequence of GridOperation
        Of this workspace, in the order made; those known already are skipped. Each carries who
        decided and what the reviewer saw: detector, score, λ_g, suggestion, run, and the decision
        in force.
    receipts : Receipts
        Brought up to date.

    Returns
    -------
    str
        Why the last operation could not be stored; empty if all are.
    """
    try:
        stored = {one.client: workspace.labels.applied(one.client) for one in operations}
        for operation in operations:
            if operation.number <= receipts.settled.get(operation.client, 0):
                continue
            resent = operation.number <= stored[operation.client]
            found = _left_of(workspace, operation) if resent else operation
            if found is not None:
                _settle(workspace, found, receipts)
            raise_to(receipts.settled, operation.client, operation.number)
    except AirError as error:
        return str(error)
    return ""


def _settle(workspace: Workspace, operation: GridOperation, receipts: Receipts) -> None:
    reason = _refusal(workspace, operation)
    if reason:
        receipts.rejected[operation.operation_id] = reason
        receipts.void.add(operation.operation_id)
        return
    # Of what was not stored there is nothing to undo; an older decision must not go instead.
    if operation.of in receipts.void:
        return
    if operation.kind != "decide":
        if not _step(workspace, operation):
            receipts.rejected[operation.operation_id] = "Nothing of it stood any more."
        return
    known = workspace.labels.knows(operation.operation_id)
    meanwhile = _decide(workspace, operation, known)
    if known and len(meanwhile) < len(operation.decisions):
        receipts.rejected[operation.operation_id] = (
            "Not stored for some images: somebody else had changed them. Decide about them again."
        )
    if meanwhile:
        receipts.conflicts[operation.operation_id] = meanwhile
    if len(meanwhile) == len(operation.decisions):
        receipts.void.add(operation.operation_id)


def _left_of(workspace: Workspace, operation: GridOperation) -> GridOperation | None:
    """What to look at again of an operation that comes before one that is stored.

    It was settled in a session that has ended, perhaps before the browser was told: what it
    decides and nobody has stored is refused, or in conflict, as it was then.
    """
    if operation.kind == "unreadable":
        return operation
    if operation.kind != "decide":  # an undo is stored even if it had nothing to do
        return None
    done = {
        event.item_id
        for event in workspace.labels.history()
        if event.client == operation.client and _number(event) >= operation.number
    }
    left = tuple(made for made in operation.decisions if made.item_id not in done)
    return replace(operation, decisions=left) if left else None


def _number(event: LabelEvent) -> int:
    return int((event.operation_id or "").rpartition(":")[2] or 0)


def raise_to(numbers: MutableMapping[str, int], client: str, number: int) -> None:
    """Never let an acknowledged number go back."""
    numbers[client] = max(number, numbers.get(client, 0))


def _refusal(workspace: Workspace, operation: GridOperation) -> str:
    if operation.kind == "unreadable":
        return "Not stored: this browser sent something that cannot be read. Reload the page."
    try:
        verified = access.verified_name()
    except AirError as error:
        return f"Not stored: {error}"
    if verified is not None and operation.basis.reviewer != verified:
        return f"Not stored: it was made by {operation.basis.reviewer}, and you are {verified}."
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


def _step(workspace: Workspace, operation: GridOperation) -> bool:
    """Undo or redo; the operation named, or else the reviewer's last. Whether anything changed."""
    by: dict[str, str] = {
        "reviewer": operation.basis.reviewer,
        "operation_id": operation.operation_id,
    }
    labels, of = workspace.labels, operation.of
    if of is None:
        (labels.undo_last if operation.kind == "undo" else labels.redo_last)(**by)
        return True  # with nothing to take back there is nothing to say
    back = labels.undo_operation if operation.kind == "undo" else labels.redo_operation
    return bool(back(of, **by))


def _decide(workspace: Workspace, operation: GridOperation, known: bool) -> dict[str, Meanwhile]:
    """Store decisions, except on those items that somebody else has changed meanwhile.

    Of a known operation something is stored; it is not stored again.
    """
    while True:
        expected, meanwhile = _what_stands(workspace, operation)
        free = [made for made in operation.decisions if made.item_id not in meanwhile]
        if not free or known:
            return meanwhile
        try:
            workspace.decide(
                [_decision(made, operation.basis) for made in free],
                reviewer=operation.basis.reviewer, expected=expected,
                operation_id=operation.operation_id,
            )  # fmt: skip
        except StaleLabelError:
            continue  # between the look and the lock: look again
        return meanwhile


def _what_stands(
    workspace: Workspace, operation: GridOperation
) -> tuple[dict[str, int | None], dict[str, Meanwhile]]:
    """What each item has to have in force when it is stored, and who else has changed which.

    A reviewer's own decisions never stand in their way: a key pressed twice on one image is sent
    before the first has come back.
    """
    reviewer, standing = operation.basis.reviewer, workspace.labels.current()
    expected: dict[str, int | None] = {}
    changed: dict[str, int] = {}
    for made in operation.decisions:
        if made.seen is None:
            continue
        event = standing.get(made.item_id)
        expected[made.item_id] = None if event is None else event.event_id
        own = event is not None and event.reviewer == reviewer
        if (expected[made.item_id] or 0) != made.seen and not own:
            changed[made.item_id] = made.seen
    if not changed:
        return expected, {}
    meanwhile = _others(workspace, reviewer, changed, standing)
    return {item: at for item, at in expected.items() if item not in meanwhile}, meanwhile


def _others(
    workspace: Workspace,
    reviewer: str,
    changed: Mapping[str, int],
    standing: Mapping[str, LabelEvent],
) -> dict[str, Meanwhile]:
    """Of the items that are not as they were seen, those that somebody else has touched."""
    # Who was asked to judge without knowing of the others is not told of them.
    blind = {task.item_id for task in workspace.reviews().queue(reviewer)}
    found: dict[str, Meanwhile] = {}
    for event in workspace.labels.history():
        item = event.item_id
        if item not in changed or item in blind or event.event_id <= changed[item]:
            continue
        if event.reviewer == reviewer:
            continue
        now = standing.get(item)
        label = now.new_label if now is not None and now.action == "relabel" else None
        found[item] = Meanwhile(
            event.reviewer,
            None if now is None else now.action,
            workspace.dataset.shown(label),
            event.created_at,
            0 if now is None else now.event_id,
        )
    return found


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
