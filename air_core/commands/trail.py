"""Commands of the review: decisions in, the trail, cleaned labels out."""

from __future__ import annotations

import getpass
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from air_core.commands.console import ReviewerOption, WorkspaceArgument, out
from air_core.decisions import apply_decisions
from air_core.workspace import Workspace

app = typer.Typer()


@app.command()
def apply(
    workspace: WorkspaceArgument,
    decisions: Annotated[Path, typer.Argument(help="CSV with path, action, label, reason.")],
    reviewer: ReviewerOption,
) -> None:
    """Record decisions from a file. Rows that cannot be applied are listed; the rest is."""
    applied, problems = apply_decisions(Workspace.open(workspace), decisions, reviewer=reviewer)
    out.print(f"{applied} decisions recorded, {len(problems)} rows not applied", highlight=False)
    for problem in problems:
        out.print(f"  {problem}", markup=False, highlight=False, soft_wrap=True)
    if problems:
        raise typer.Exit(1)


@app.command()
def history(
    workspace: WorkspaceArgument,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
) -> None:
    """Show every decision and undo, oldest first."""
    opened = Workspace.open(workspace)
    dataset = opened.dataset
    path_of = dict(zip(dataset.item_ids.tolist(), dataset.paths, strict=True))
    events = [
        {**asdict(event), "path": path_of.get(event.item_id)} for event in opened.labels.history()
    ]
    if as_json:
        print(json.dumps(events, ensure_ascii=False))
        return
    table = Table("event", "time (UTC)", "reviewer", "action", "path", "old", "new", box=None)
    for event in events:
        action = event["action"]
        if event["undoes"] is not None:
            action = f"undo of {event['undoes']}"
        when = event["created_at"][:19].replace("T", " ")
        cells = (event["event_id"], when, event["reviewer"], action, event["path"])
        labels = (event["old_label"], event["new_label"])
        table.add_row(*(escape("–" if cell is None else str(cell)) for cell in (*cells, *labels)))
    out.print(table)


@app.command()
def undo(
    workspace: WorkspaceArgument,
    event: Annotated[int, typer.Argument(help="Number of the event, from history.")],
    reviewer: Annotated[
        str | None, typer.Option(help="Name recorded with the undo; your login name by default.")
    ] = None,
) -> None:
    """Take one decision back; undo the undo to restore it."""
    opened = Workspace.open(workspace)
    for made in opened.labels.undo(event, reviewer=reviewer or getpass.getuser()):
        out.print(f"Event {made.event_id} undoes event {made.undoes}", highlight=False)


@app.command()
def export(
    workspace: WorkspaceArgument,
    format: Annotated[str, typer.Option(help="csv or imagefolder.")],
    out_path: Annotated[Path, typer.Option("--out", help="File or folder to write.")],
) -> None:
    """Write the cleaned labels; cells that no reviewer changed stay as they are."""
    summary = Workspace.open(workspace).export(format, out_path)
    out.print(
        f"{summary.rows} rows, {summary.changed} changed, {summary.excluded} excluded: "
        f"{summary.path}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
