"""The command line: translates options, calls the pipeline, prints. Nothing else."""

from __future__ import annotations

import getpass
import json
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from air_core import pipeline
from air_core.bench import run_bench
from air_core.decisions import apply_decisions
from air_core.demo import run_demo
from air_core.errors import AirError
from air_core.progress import ProgressCallback
from air_core.rank_export import write_ranking
from air_core.server import serve
from air_core.workspace import Workspace

# OpenMP's threads spin while they wait for each other. On a machine that is busy with anything
# else, such as the browser that shows the interface, that makes small products ten times slower.
# Read when torch is loaded, which the commands do later; the interface inherits it.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

app = typer.Typer(
    name="air-audit",
    help="Find and fix wrong image labels with Auxiliary Image Regularization.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
out = Console()
err = Console(stderr=True)

WorkspaceArgument = Annotated[
    Path, typer.Argument(metavar="WORKSPACE", help="Folder that holds the audit.")
]
ReviewerOption = Annotated[str, typer.Option(help="Name recorded with the decisions.")]
DeviceOption = Annotated[str, typer.Option(help="auto, cuda, mps or cpu.")]


class Solver(StrEnum):
    """How the AIR objective is minimised."""

    sadmm = "sadmm"
    exact = "exact"


@contextmanager
def _progress() -> Iterator[ProgressCallback]:
    """A progress bar on standard error; steps follow one another in it."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err) as bar:
        tasks: dict[str, Any] = {}

        def report(done: int, total: int, note: str) -> None:
            if note not in tasks:
                tasks[note] = bar.add_task(escape(note), total=total)
            bar.update(tasks[note], completed=done, total=total)

        try:
            yield report
        except KeyboardInterrupt:
            bar.stop()
            err.print("Stopped. What was finished is kept; the same command continues.")
            raise


@app.command()
def demo(
    ui: Annotated[bool, typer.Option("--ui/--no-ui", help="Open the interface at the end.")] = True,
    workspace: Annotated[
        Path | None, typer.Option(help="Folder for the audit; workspaces/demo by default.")
    ] = None,
    device: DeviceOption = "auto",
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port of the interface.")
    ] = None,
) -> None:
    """Audit the sample images: features, AIR, the SVM, ranking; then the interface."""
    with _progress() as progress:
        folder, summary = run_demo(workspace, device=device, progress=progress)
    err.print(f"Workspace: {folder}")
    if ui:
        out.print(
            f"{summary['flagged']} of {summary['images']} labels look wrong. Opening the interface."
        )
        _serve(folder, port)
    else:
        print(json.dumps(summary))


@app.command("open")
def open_(
    source: Annotated[str, typer.Argument(help="A label file, or a folder of images.")],
    workspace: Annotated[Path, typer.Option(help="Folder for the audit; made when missing.")],
    format: Annotated[str | None, typer.Option(help="Label format; detected by default.")] = None,
    labels: Annotated[
        Path | None, typer.Option(help="Label file, where SOURCE is the image folder.")
    ] = None,
    path_column: Annotated[str | None, typer.Option(help="Column of image paths.")] = None,
    label_column: Annotated[str | None, typer.Option(help="Column of labels.")] = None,
    separator: Annotated[
        str | None, typer.Option(help="What parts the tags in a cell, if there may be several.")
    ] = None,
) -> None:
    """Import images and labels; unreadable images are set aside, with the reason."""
    with _progress() as progress:
        opened = pipeline.open_source(
            source,
            workspace,
            format=format,
            labels=labels,
            path_column=path_column,
            label_column=label_column,
            separator=separator,
            progress=progress,
        )
    dataset = opened.dataset
    unlabelled = int((dataset.given_labels < 0).sum())
    out.print(
        f"{len(dataset)} images, {len(dataset.class_names)} classes, "
        f"{unlabelled} unlabelled, {len(opened.quarantined)} quarantined",
        highlight=False,
    )
    for image in opened.quarantined:
        out.print(f"  {image.path}: {image.reason}", markup=False, highlight=False, soft_wrap=True)


@app.command()
def extract(
    workspace: WorkspaceArgument,
    backbone: Annotated[
        str, typer.Option(help="efficientnet-lite0, alexnet-fc7 or resnet50.")
    ] = "efficientnet-lite0",
    device: DeviceOption = "auto",
    weights: Annotated[
        Path | None, typer.Option(help="Local state dict instead of the published weights.")
    ] = None,
) -> None:
    """Compute features; what was computed before is kept."""
    opened = Workspace.open(workspace)
    with _progress() as progress:
        features = pipeline.extract(
            opened, backbone=backbone, device=device, weights=weights, progress=progress
        )
    n, p = features.array.shape
    out.print(f"{n} x {p} features from {features.backbone}, digest {features.digest}")


@app.command()
def fit(
    workspace: WorkspaceArgument,
    solver: Annotated[Solver, typer.Option(help="sadmm is the paper's.")] = Solver.sadmm,
    lambda_g: Annotated[
        float | None,
        typer.Option("--lambda-g", min=0, help="λ_g; 10/p by default, as in the paper."),
    ] = None,
    path: Annotated[
        bool, typer.Option("--path", help="Solve the whole path of λ_g, exactly.")
    ] = False,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the images.")] = None,
    rho_max: Annotated[float | None, typer.Option(help="Ceiling of the ADMM penalty ρ.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the order of images.")] = None,
    device: DeviceOption = "auto",
) -> None:
    """Fit AIR, and the SVM to compare it with.

    ρ and the epochs are chosen on a held-out split of the given labels unless you set them.
    """
    opened = Workspace.open(workspace)
    given = {"epochs": epochs, "rho_max": rho_max, "seed": seed}
    settings = {name: value for name, value in given.items() if value is not None}
    with _progress() as progress:
        if path:
            solved = pipeline.fit_path(opened, device=device, progress=progress)
        air = pipeline.fit(
            opened,
            solver=solver.value,
            strength="paper" if {"epochs", "rho_max"} & set(settings) else "auto",
            lambda_g=lambda_g,
            settings=settings,
            device=device,
            progress=progress,
        )
        svm = pipeline.fit_svm(opened, progress=progress)
    if path:
        scales = solved.scales
        out.print(
            f"Path: {len(scales)} values of λ_g from {scales.max():.3g}/p to {scales.min():.3g}/p",
            highlight=False,
        )
    how = air.notes.get("strength") or air.notes["stop_reason"]
    out.print(
        f"AIR ({solver.value}): λ_g = {air.lambda_g:.4g} ({air.lambda_scale:.4g}/p), {how}, "
        f"{air.seconds:.1f} s, run {air.run_id}\n"
        f"SVM: C = {svm.notes['C']:g}, {svm.seconds:.1f} s, run {svm.run_id}",
        highlight=False,
        soft_wrap=True,
    )


@app.command()
def rank(
    workspace: WorkspaceArgument,
    detector: Annotated[
        str | None, typer.Option(help="air or svm, or a full name such as air-margin.")
    ] = None,
    score: Annotated[str | None, typer.Option(help="margin or activation.")] = None,
    top: Annotated[int | None, typer.Option(min=1, help="Only the N worst.")] = None,
    out_file: Annotated[
        Path | None, typer.Option("--out", help="CSV file instead of a table on screen.")
    ] = None,
) -> None:
    """List items, the most suspicious label first."""
    opened = Workspace.open(workspace)
    ranking = pipeline.rank(opened, pipeline.detector_name(detector, score))
    if out_file is not None:
        rows = write_ranking(opened.dataset, ranking, out_file, top=top)
        out.print(f"{rows} rows in {out_file}", highlight=False, soft_wrap=True)
        return
    table = Table("rank", "path", "given", "suggested", "confidence", "score", box=None)
    for row in ranking.order[: top or 20]:
        table.add_row(
            str(ranking.ranks[row]),
            escape(opened.dataset.paths[row]),
            escape(opened.dataset.label_name(ranking.given_labels[row]) or "–"),
            escape(opened.dataset.class_names[ranking.suggested_labels[row]]),
            f"{ranking.confidences[row]:.2f}",
            f"{ranking.scores[row]:.3f}",
        )
    out.print(table)


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


@app.command()
def ui(
    workspace: Annotated[Path | None, typer.Argument(help="Folder that holds the audit.")] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port; the first free from 8501.")
    ] = None,
) -> None:
    """Open the interface on 127.0.0.1."""
    if workspace is not None:
        Workspace.open(workspace)
    _serve(workspace, port)


@app.command()
def bench(
    name: Annotated[str, typer.Argument(help="Which benchmark; a wrong name lists them.")],
    data: Annotated[Path, typer.Option(help="Folder of the data sets' zip files.")],
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the report here.")] = None,
) -> None:
    """Run a benchmark: print its figures against their targets, and write them as JSON."""
    with _progress() as progress:
        report = run_bench(name, data, progress=progress)
    for title, rows in report.tables.items():
        table = Table(*rows[0], title=title, title_justify="left", box=None)
        for row in rows:
            table.add_row(*(escape(_cell(row.get(column, ""))) for column in rows[0]))
        out.print(table)
    targets = Table("target", "value", "asked", "", title="Targets", title_justify="left", box=None)
    for target in report.targets:
        asked = f"{target.op} {target.target:g}"
        targets.add_row(escape(target.name), _cell(target.value), asked, _verdict(target.ok))
    out.print(targets)
    if json_file is not None:
        for written in report.save(json_file):
            out.print(f"Written: {written}", highlight=False, markup=False, soft_wrap=True)


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _verdict(ok: bool) -> str:
    return "reached" if ok else "missed"


def _serve(workspace: Path | None, port: int | None) -> None:
    raise typer.Exit(serve(workspace, port))


def main() -> None:
    """Entry point: an error is one line and exit code 1; ``--debug`` shows where it arose."""
    arguments = [a for a in sys.argv[1:] if a != "--debug"]
    debug = len(arguments) < len(sys.argv) - 1
    try:
        app(args=arguments, prog_name="air-audit")
    except AirError as error:
        code = _report(error, str(error), debug)
    except OSError as error:
        code = _report(error, f"{error.strerror or error}: {error.filename or ''}".strip(), debug)
    except Exception as error:  # the last line of defence: a user never sees a traceback
        message = f"Unexpected {type(error).__name__}: {error}. Run again with --debug to see more."
        code = _report(error, message, debug)
    else:
        return
    sys.exit(code)


def _report(error: BaseException, message: str, debug: bool) -> int:
    err.print("error: " + " ".join(message.split()), markup=False, highlight=False, soft_wrap=True)
    if debug:
        traceback.print_exception(error)
    return 1


if __name__ == "__main__":
    main()
