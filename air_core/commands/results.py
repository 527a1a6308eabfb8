"""Commands for what a review leads to: cleaned labels, and a report of how they came about."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from air_core.commands.console import OverwriteOption, WorkspaceArgument, err, out
from air_core.commands.reviews import ranking_of
from air_core.formats import FORMAT_TITLES
from air_core.report import write_report
from air_core.workspace import Workspace

app = typer.Typer()


class LabelsBy(StrEnum):
    """Whose decision counts where reviewers differ."""

    latest = "latest"
    majority = "majority"
    adjudicated = "adjudicated"


class Unresolved(StrEnum):
    """What happens to images that no rule decides."""

    refuse = "refuse"
    given = "given"


LabelsByOption = Annotated[
    LabelsBy | None,
    typer.Option(help="Whose decision counts; needed where blind reviewers differ."),
]
UnresolvedOption = Annotated[
    Unresolved, typer.Option(help="Images that this leaves open: stop, or keep the given label.")
]


@app.command()
def export(
    workspace: WorkspaceArgument,
    format: Annotated[str, typer.Option(help=f"One of {', '.join(FORMAT_TITLES)}.")],
    out_path: Annotated[Path, typer.Option("--out", help="File or folder to write.")],
    labels_by: LabelsByOption = None,
    unresolved: UnresolvedOption = Unresolved.refuse,
    overwrite: OverwriteOption = False,
) -> None:
    """Write the cleaned labels, with audit.jsonl and changes.csv beside them.

    Cells that no reviewer changed stay as they are. An earlier export is replaced.
    """
    opened = Workspace.open(workspace)
    summary = opened.export(
        format,
        out_path,
        labels_by=None if labels_by is None else labels_by.value,
        unresolved=unresolved.value,
        ranking=ranking_of(opened),
        overwrite=overwrite,
    )
    for note in summary.notes:
        err.print(f"note: {note}", highlight=False, markup=False, soft_wrap=True)
    out.print(
        f"{summary.rows} rows, {summary.changed} changed, {summary.excluded} excluded: "
        f"{summary.path}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    for file in summary.beside:
        out.print(f"  {file}", highlight=False, markup=False, soft_wrap=True)


@app.command()
def report(
    workspace: WorkspaceArgument,
    out_path: Annotated[Path, typer.Option("--out", help="HTML file to write.")],
    labels_by: LabelsByOption = None,
    unresolved: UnresolvedOption = Unresolved.refuse,
    examples: Annotated[int, typer.Option(min=0, help="How many changed images to show.")] = 24,
    overwrite: OverwriteOption = False,
) -> None:
    """Write a report of the audit to read and hand on: one HTML file that needs no network."""
    opened = Workspace.open(workspace)
    write_report(
        opened,
        out_path,
        labels_by=None if labels_by is None else labels_by.value,
        unresolved=unresolved.value,
        examples=examples,
        overwrite=overwrite,
    )
    out.print(f"Report: {out_path}", highlight=False, markup=False, soft_wrap=True)
