"""Commands about the data themselves: how many labels are wrong, and which pictures are copies."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from air_core import facts
from air_core.commands.console import WorkspaceArgument, out, progress_bar
from air_core.facts import ClassNoise, Copies
from air_core.workspace import Workspace

app = typer.Typer()
_SHOWN = 20

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object.")]


@app.command()
def noise(workspace: WorkspaceArgument, as_json: JsonOption = False) -> None:
    """Estimate how many labels of each class are wrong, with 95 % intervals.

    Decisions count as they are; no truth is read.
    """
    opened = Workspace.open(workspace)
    with progress_bar() as progress:
        estimate = facts.noise(opened, progress=progress)
    dataset, log = opened.dataset, opened.labels
    found = facts.noise_facts(dataset, estimate, log.history(), log.assignments())
    if as_json:
        classes = zip(dataset.class_names, found.classes, strict=True)
        by_class = [{"class": name, **_row(one)} for name, one in classes]
        print(json.dumps({"overall": _row(found.overall), "classes": by_class}, ensure_ascii=False))
        return
    table = Table("class", "labels", "wrong", "at least", "at most", "judged", "by", box=None)
    rows = zip((*dataset.class_names, "all"), (*found.classes, found.overall), strict=True)
    for name, one in rows:
        cells = (f"{one.rate:.1%}", f"{one.low:.1%}", f"{one.high:.1%}", str(one.judged))
        table.add_row(escape(name), str(one.size), *cells, one.source)
    out.print(table)


@app.command()
def duplicates(workspace: WorkspaceArgument, as_json: JsonOption = False) -> None:
    """List copies of one picture, those with conflicting labels first, and off-topic images.

    Neither enters the ranking of labels.
    """
    opened = Workspace.open(workspace)
    with progress_bar() as progress:
        found = facts.copies(opened, progress=progress)
    if as_json:
        print(json.dumps(_copies(opened, found), ensure_ascii=False))
        return
    conflicts, far = len(found.conflicts), found.odd
    out.print(
        f"{len(found.groups)} pictures are there more than once, {conflicts} with labels that "
        f"differ; {len(far)} images are unlike all others",
        highlight=False,
    )
    table = Table("group", "kind", "path", "given", box=None)
    for number, one in enumerate(found.groups[:_SHOWN], start=1):
        kind = ("same file" if one.exact else "near") + (", differ" if one.conflicting else "")
        for row in one.rows:
            given = opened.dataset.given_text(row) or "–"
            table.add_row(str(number), kind, escape(opened.dataset.paths[row]), escape(given))
    for row in far[:_SHOWN].tolist():
        given = opened.dataset.given_text(row) or "–"
        table.add_row("", "off-topic", escape(opened.dataset.paths[row]), escape(given))
    if table.row_count:
        out.print(table)


def _row(one: ClassNoise) -> dict[str, Any]:
    return {
        "labels": one.size, "rate": round(one.rate, 4), "low": round(one.low, 4),
        "high": round(one.high, 4), "judged": one.judged, "source": one.source,
    }  # fmt: skip


def _copies(opened: Workspace, found: Copies) -> dict[str, Any]:
    dataset = opened.dataset

    def item(row: int) -> dict[str, Any]:
        return {
            "item_id": str(dataset.item_ids[row]), "path": dataset.paths[row],
            "given_label": dataset.given_text(row),
        }  # fmt: skip

    return {
        "groups": [
            {
                "exact": one.exact, "conflicting": one.conflicting,
                "items": [item(row) for row in one.rows],
            }
            for one in found.groups
        ],
        "off_topic": [
            {**item(row), "distance": round(float(found.oddness[row]), 4)}
            for row in found.odd.tolist()
        ],
    }  # fmt: skip
