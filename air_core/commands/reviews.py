"""Commands for several reviewers: who looks at what, how far they agree, when to stop."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer
from rich.markup import escape
from rich.table import Table

from air_core import pipeline
from air_core.commands.console import WorkspaceArgument, login_name, out
from air_core.decisions import SHEET_COLUMNS, item_at, items_by_path, settle
from air_core.errors import ExportError
from air_core.export import write_file
from air_core.formats.csv_text import is_rewritten, table_text
from air_core.labels import Decision
from air_core.ranking import Ranking
from air_core.reviewers import (
    Agreement,
    Conflict,
    assign_conflicts,
    assign_queue,
    assign_sample,
    assign_second,
)
from air_core.stopping import BLOCK, Progress, review_progress
from air_core.workspace import Workspace

app = typer.Typer()

JsonOption = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]


@app.command()
def assign(
    workspace: WorkspaceArgument,
    to: Annotated[list[str], typer.Option(help="A reviewer; repeat it for several.")],
    top: Annotated[
        int | None, typer.Option(min=1, help="The next N of the ranking that nobody has.")
    ] = None,
    second: Annotated[
        int | None, typer.Option(min=1, help="N that others have judged, drawn at random.")
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(min=1, help="N that nobody has judged, drawn at random: for progress."),
    ] = None,
    disputed: Annotated[
        bool, typer.Option("--conflicts", help="Open conflicts, to one adjudicator.")
    ] = False,
    each: Annotated[
        int, typer.Option(min=1, help="With --top: reviewers an image, blind to each other.")
    ] = 1,
    detector: Annotated[
        str | None, typer.Option(help="With --top: air or svm, or a name such as air-margin.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="For the same draw again.")] = None,
    by: Annotated[str | None, typer.Option(help="Who assigns; your login name by default.")] = None,
) -> None:
    """Put images into reviewers' queues; give one of --top, --second, --sample, --conflicts."""
    if sum((top is not None, second is not None, sample is not None, disputed)) != 1:
        raise typer.BadParameter("Give one of --top, --second, --sample and --conflicts.")
    opened = Workspace.open(workspace)
    dataset, store, who = opened.dataset, opened.labels, by or login_name("--by")
    if top is not None:
        ranking = ranking_of(opened, detector)
        rows = range(len(dataset)) if ranking is None else ranking.order
        order = dataset.item_ids[rows].tolist()
        made = assign_queue(dataset, store, order, to, top=top, each=each, by=who)
    elif second is not None:
        made = assign_second(dataset, store, to, second, by=who, seed=seed)
    elif sample is not None:
        made = assign_sample(dataset, store, to, sample, by=who, seed=seed)
    else:
        if len(to) > 1:
            raise typer.BadParameter("Conflicts go to one adjudicator; give --to once.")
        made = assign_conflicts(dataset, store, to[0], by=who)
    images = len({task.item_id for task in made})
    out.print(f"{images} images assigned", highlight=False)
    for name in to:
        count = sum(task.reviewer == name for task in made)
        out.print(f"  {name}: {count}", markup=False, highlight=False)


@app.command()
def queue(
    workspace: WorkspaceArgument,
    reviewer: Annotated[str, typer.Option(help="Whose queue.")],
    out_file: Annotated[
        Path | None, typer.Option("--out", help="CSV file to fill in and hand to apply.")
    ] = None,
) -> None:
    """List what a reviewer has still to look at; what others said is not shown."""
    opened = Workspace.open(workspace)
    dataset, ranking = opened.dataset, ranking_of(opened)
    reviews = opened.reviews()
    rows = [dataset.row_of(task.item_id) for task in reviews.queue(reviewer)]
    cells = [
        (
            str(dataset.item_ids[row]),
            dataset.paths[row],
            dataset.shown(dataset.given_text(row)) or "",
            "" if ranking is None else _suggested(opened, ranking, row),
        )
        for row in rows
    ]
    if out_file is not None:
        _check_replaceable(out_file)
        newest = str(reviews.events[-1].event_id) if reviews.events else "0"
        text = table_text(
            SHEET_COLUMNS, [(*row, "", "", "", newest) for row in cells], guard=is_rewritten
        )
        write_file(text.encode(), out_file, protected=_protected(opened))
        out.print(f"{len(rows)} rows in {out_file}", highlight=False, markup=False, soft_wrap=True)
        return
    table = Table("path", "given", "suggested", box=None)
    for _, *shown in cells:
        table.add_row(*(escape(cell or "–") for cell in shown))
    out.print(table)


@app.command()
def agreement(workspace: WorkspaceArgument, as_json: JsonOption = False) -> None:
    """Show how far reviewers agree beyond chance: Cohen's and Fleiss' κ, overall and by class."""
    two, everybody = Workspace.open(workspace).reviews().agreement()
    found = [*two, *([everybody] if everybody else [])]
    if as_json:
        print(json.dumps([_agreement_json(entry) for entry in found], ensure_ascii=False))
        return
    if not found:
        out.print("No image has the verdicts of two reviewers yet.")
        return
    table = Table("κ", "reviewers", "images", "same", "label", "is it wrong", box=None)
    for entry in found:
        table.add_row(
            "Cohen" if entry.statistic == "cohen" else "Fleiss",
            escape(", ".join(entry.reviewers)),
            str(entry.items),
            f"{entry.same:.0%}",
            _kappa(entry.kappa),
            _kappa(entry.wrong),
        )
    out.print(table)
    classes = Table("class", *(escape(", ".join(entry.reviewers)) for entry in found), box=None)
    for name in sorted({name for entry in found for name in entry.by_class}):
        kappas = (_kappa(e.by_class[name]) if name in e.by_class else "" for e in found)
        classes.add_row(escape(name), *kappas)
    out.print(classes)


@app.command("conflicts")
def conflicts_(workspace: WorkspaceArgument, as_json: JsonOption = False) -> None:
    """List the images on which reviewers differ, and what was settled."""
    opened = Workspace.open(workspace)
    found = [_conflict_json(opened, conflict) for conflict in opened.reviews().conflicts]
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
        return
    table = Table("item", "path", "verdicts", "settled", "by", box=None)
    for entry in found:
        said = ", ".join(f"{who}: {what}" for who, what in entry["verdicts"].items())
        cells = (entry["item_id"], entry["path"], said, entry["settled"], entry["adjudicator"])
        table.add_row(*(escape(cell or "–") for cell in cells))
    out.print(table)
    still = sum(entry["settled"] is None for entry in found)
    out.print(f"{len(found)} conflicts, {still} open", highlight=False)


@app.command()
def adjudicate(
    workspace: WorkspaceArgument,
    image: Annotated[str, typer.Argument(help="Path or item id, from conflicts.")],
    action: Annotated[str, typer.Argument(help="keep, relabel, exclude or unsure.")],
    reviewer: Annotated[str, typer.Option(help="Name of the adjudicator.")],
    label: Annotated[str | None, typer.Option(help="The label, for relabel.")] = None,
    reason: Annotated[
        str | None, typer.Option(help="Why; what was said by whom if you give none.")
    ] = None,
) -> None:
    """Settle one conflict; unsure leaves it open."""
    opened = Workspace.open(workspace)
    dataset = opened.dataset
    item = image if image in dataset else item_at(image, items_by_path(dataset))
    before = next((c for c in opened.reviews().conflicts if c.item_id == item), None)
    decision = Decision(
        item_id=item,
        action=action,  # type: ignore[arg-type]  # checked by Decision
        label=label,
        reason=reason or "",
    )
    event = settle(opened, decision, reviewer=reviewer, seen=before)
    after = next(c for c in opened.reviews().conflicts if c.item_id == item)
    final = "still open" if after.settled is None else f"{after.settled}"
    said = f"{image}: {final}"
    if event.action == "unsure":
        said += f"; {reviewer} is unsure"
    elif before is not None and before.adjudication is not None:
        said += f" ({before.adjudication.reviewer} had settled it as {before.settled})"
    out.print(said, markup=False, highlight=False, soft_wrap=True)


@app.command("progress")
def progress_(
    workspace: WorkspaceArgument,
    target: Annotated[
        float, typer.Option(min=0, max=1, help="Share of wrong labels that may be left.")
    ] = 0.01,
    confidence: Annotated[
        float, typer.Option(min=0.5, max=0.999, help="Confidence of the interval.")
    ] = 0.95,
    as_json: JsonOption = False,
) -> None:
    """Show how many errors the review finds, how many are left, and whether it may stop."""
    opened = Workspace.open(workspace)
    reviews = opened.reviews()
    found = review_progress(
        reviews.dataset, reviews.history, reviews.assignments, confidence=confidence
    )
    if as_json:
        print(json.dumps(_progress_json(found, target), ensure_ascii=False))
        return
    out.print(
        f"{found.reviewed} of {found.images} images reviewed, {found.errors} errors confirmed"
    )
    if found.settled or found.disputed:
        out.print(f"{found.settled} conflicts settled, {found.disputed} open", highlight=False)
    table = Table("reviewed", "errors", "per 100", "", box=None)
    done = 0
    for reviewed, errors in found.blocks:
        rate = 100 * errors / reviewed
        span = f"{done + 1} – {done + reviewed}"
        table.add_row(span, str(errors), f"{rate:.0f}", "█" * round(rate / 4))
        done += reviewed
    out.print(table)
    out.print(found.advice(target), highlight=False)


def ranking_of(opened: Workspace, detector: str | None = None) -> Ranking | None:
    """The ranking asked for; by default the best that was made, None if there is none."""
    if detector is None:
        return pipeline.ranking_made(opened)
    return pipeline.rank(opened, pipeline.detector_name(opened, detector))


def _suggested(opened: Workspace, ranking: Ranking, row: int) -> str:
    text = ranking.suggested_text(row, opened.dataset.class_names)
    return opened.dataset.shown(text) or ""


def _check_replaceable(file: Path) -> None:
    """Only an earlier queue in which nobody has written yet may be replaced."""
    if not file.is_file():
        return
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
        untouched = set(SHEET_COLUMNS) <= set(table) and not table["action"].str.strip().any()
    except (ValueError, UnicodeDecodeError):
        untouched = False
    if not untouched:
        raise ExportError(
            f"Expected a new name, got {file}, which holds something else or decisions already.",
            hint="Hand it to air-audit apply first, or write to another name.",
        )


def _protected(opened: Workspace) -> list[Path]:
    return [opened.root, *opened.source_places()]


def _kappa(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _agreement_json(entry: Agreement) -> dict[str, Any]:
    return asdict(entry) | {"by_class": dict(entry.by_class)}


def _conflict_json(opened: Workspace, conflict: Conflict) -> dict[str, Any]:
    dataset, adjudication = opened.dataset, conflict.adjudication
    row = dataset.row_of(conflict.item_id)
    return {
        "item_id": conflict.item_id,
        "path": dataset.paths[row],
        "given_label": dataset.given_text(row),
        "verdicts": {who: str(outcome) for who, outcome in conflict.votes.items()},
        "settled": None if conflict.settled is None else str(conflict.settled),
        "adjudicator": None if adjudication is None else adjudication.reviewer,
        "reason": None if adjudication is None else adjudication.reason,
    }


def _progress_json(found: Progress, target: float) -> dict[str, Any]:
    return {
        "images": found.images,
        "reviewed": found.reviewed,
        "errors": found.errors,
        "errors_per_100": found.per_hundred,
        "errors_per_100_last": found.per_hundred_last,
        "block": BLOCK,
        "blocks": [{"reviewed": n, "errors": k} for n, k in found.blocks],
        "curve": [list(point) for point in found.curve],
        "errors_left": None if found.left is None else asdict(found.left),
        "conflicts_settled": found.settled,
        "conflicts_open": found.disputed,
        "target": target,
        "may_stop": found.may_stop(target),
    }
