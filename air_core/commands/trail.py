"""Commands of the trail: decisions in, what was decided, and back."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from air_core.commands.console import ReviewerOption, WorkspaceArgument, login_name, out
from air_core.decisions import apply_decisions, check_fit
from air_core.errors import SourceError
from air_core.labels import Assignment, Event, read_events
from air_core.workspace import Workspace

app = typer.Typer()
_SHOWN_PROBLEMS = 20


@app.command()
def apply(
    workspace: WorkspaceArgument,
    decisions: Annotated[Path, typer.Argument(help="CSV with path, action, label, reason.")],
    reviewer: ReviewerOption,
) -> None:
    """Record decisions from a file. Rows that cannot be applied are listed; the rest is."""
    done = apply_decisions(Workspace.open(workspace), decisions, reviewer=reviewer)
    head = f"{done.recorded} decisions recorded, {len(done.problems)} rows not applied"
    counts = {
        f"rows passed over: {reviewer} has said the same before": done.repeated,
        "took the place of somebody else's decision": done.replaced,
        "settled a conflict": done.settled,
    }
    out.print(head, highlight=False)
    for what, count in counts.items():
        if count:
            out.print(f"  {count} {what}", markup=False, highlight=False, soft_wrap=True)
    for problem in done.problems:
        out.print(f"  {problem}", markup=False, highlight=False, soft_wrap=True)
    if done.problems:
        raise typer.Exit(1)


@app.command()
def history(
    workspace: WorkspaceArgument,
    events: Annotated[
        str, typer.Option(metavar="N[-M]", help="Only these events, such as 12 or 12-20.")
    ] = "",
    verify: Annotated[
        bool, typer.Option("--verify", help="Check that nothing was changed or removed.")
    ] = False,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|HASH", help="With --verify: an earlier audit.jsonl, or a hash noted then."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array or object.")] = False,
) -> None:
    """Show every decision, undo and assignment, oldest first; or check that the log is whole."""
    if against is not None and not verify:
        raise typer.BadParameter("Expected it together with --verify.", param_hint="--against")
    if events and verify:
        raise SourceError(
            f"Expected --verify alone, got --events {events} with it: the whole log is checked.",
            hint="To check it against a copy, name that with --against.",
        )
    opened = Workspace.open(workspace)
    if verify:
        _verify(opened, against, as_json)
        return
    first, last = _range(events, "--events") if events else (1, None)
    dataset = opened.dataset
    path_of = dict(zip(dataset.item_ids.tolist(), dataset.paths, strict=True))
    rows = [
        {**asdict(event), "path": path_of.get(event.item_id)}
        for event in opened.labels.events()
        if first <= event.event_id <= (last or event.event_id)
    ]
    if as_json:
        print(json.dumps(rows, ensure_ascii=False))
        return
    table = Table("event", "time (UTC)", "reviewer", "action", "path", "old", "new", box=None)
    for row in rows:
        when = row["created_at"][:19].replace("T", " ")
        cells = (row["event_id"], when, *_who_did_what(row), row["path"])
        labels = (row.get("old_label"), row.get("new_label"))
        table.add_row(*(escape("–" if cell is None else str(cell)) for cell in (*cells, *labels)))
    out.print(table)


def _who_did_what(row: dict[str, Any]) -> tuple[str, str]:
    if row["action"] == "assign":
        return row["assigned_by"], f"asks {row['reviewer']} ({row['task']})"
    undo = f"undo of {row['undoes']}" if row["undoes"] is not None else row["action"]
    return row["reviewer"], undo


def _verify(workspace: Workspace, against: str | None, as_json: bool) -> None:
    copy: list[Event] | str | None = against
    if against is not None and not re.fullmatch("[0-9a-f]{64}", against):
        copy = read_events(Path(against))
        if not copy:
            raise SourceError(
                f"Expected events in {against}, found none: nothing can be checked against it.",
                hint="Name an audit.jsonl that holds some, or the hash of an event.",
            )
    found = workspace.labels.verify(copy)
    if as_json:
        print(json.dumps(asdict(found)))
    else:
        verdict = "not what was written" if found.problems else "the chain is whole"
        out.print(f"{found.events} events: {verdict}", highlight=False)
        for problem in found.problems[:_SHOWN_PROBLEMS]:
            out.print(f"  {problem}", markup=False, highlight=False, soft_wrap=True)
        if len(found.problems) > _SHOWN_PROBLEMS:
            out.print(f"  … and {len(found.problems) - _SHOWN_PROBLEMS} more", highlight=False)
        out.print(f"Hash of the last: {found.head}", highlight=False, soft_wrap=True)
    if found.problems:
        raise typer.Exit(1)


def _range(text: str, where: str) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9][0-9]{0,8})(?:-([1-9][0-9]{0,8}))?", text.strip())
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if first > last:
        raise typer.BadParameter(
            f"Expected the number of an event, or the first and last as 12-20, got {text!r}.",
            param_hint=where,
        )
    return first, last


@app.command()
def undo(
    workspace: WorkspaceArgument,
    event: Annotated[
        str, typer.Argument(metavar="EVENT", help="Its number from history, or a range as 12-20.")
    ],
    reviewer: Annotated[
        str | None, typer.Option(help="Name recorded with the undo; your login name by default.")
    ] = None,
) -> None:
    """Take one decision back, or a range of them; undo the undo to restore it."""
    first, last = _range(event, "EVENT")
    labels = Workspace.open(workspace).labels
    name = reviewer or login_name("--reviewer")
    if first == last:
        events = labels.undo(first, reviewer=name)
    else:
        events = labels.undo_range(first, last, reviewer=name)
    for made in events:
        out.print(f"Event {made.event_id} undoes event {made.undoes}", highlight=False)


@app.command()
def restore(
    workspace: WorkspaceArgument,
    trail: Annotated[Path, typer.Argument(help="An audit.jsonl, as an export writes it.")],
) -> None:
    """Put the decisions of an audit.jsonl into a workspace of the same images that has none."""
    opened = Workspace.open(workspace)
    events = read_events(trail)
    unknown = {event.item_id for event in events if event.item_id not in opened.dataset}
    check_fit(opened, events)
    written = opened.labels.restore(events)
    out.print(f"{written} events restored, {len(events) - written} were there", highlight=False)
    handed_out = sum(isinstance(event, Assignment) for event in events)
    if handed_out:
        out.print(f"{handed_out} of them say who was asked to look at what", highlight=False)
    if unknown:
        out.print(f"{len(unknown)} of their images are not in this workspace", highlight=False)
