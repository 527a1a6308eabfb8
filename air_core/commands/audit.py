"""Commands of the audit itself: open, extract, fit, rank, and the demonstration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from air_core import pipeline
from air_core.commands.choices import Engine, Precision, Solver, Stored
from air_core.commands.console import (
    DeviceOption,
    OverwriteOption,
    WorkspaceArgument,
    err,
    out,
    progress_bar,
)
from air_core.demo import run_demo
from air_core.errors import SolverError
from air_core.fitting import fit_together, under_torchrun
from air_core.rank_export import write_ranking
from air_core.server import serve
from air_core.workspace import Workspace

app = typer.Typer()


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
    with progress_bar() as progress:
        folder, summary = run_demo(workspace, device=device, progress=progress)
    err.print(f"Workspace: {folder}")
    if ui:
        out.print(
            f"{summary['flagged']} of {summary['images']} labels look wrong. Opening the interface."
        )
        raise typer.Exit(serve(folder, port))
    else:
        print(json.dumps(summary))


@app.command("open")
def open_(
    source: Annotated[
        str,
        typer.Argument(help="A label file, a folder of images, a zip or tar archive, or a URL."),
    ],
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
    database: Annotated[
        str | None,
        typer.Option(help="postgresql://USER@HOST/NAME for the decisions of a team."),
    ] = None,
) -> None:
    """Import images and labels; unreadable images are set aside, with the reason."""
    with progress_bar() as progress:
        opened = pipeline.open_source(
            source,
            workspace,
            format=format,
            labels=labels,
            path_column=path_column,
            label_column=label_column,
            separator=separator,
            database=database,
            progress=progress,
        )
    dataset = opened.dataset
    unlabelled = sum(dataset.given_text(row) is None for row in range(len(dataset)))
    what = "tags" if dataset.multilabel else "classes"
    out.print(
        f"{len(dataset)} images, {len(dataset.class_names)} {what}, "
        f"{unlabelled} unlabelled, {len(opened.quarantined)} quarantined",
        highlight=False,
    )
    for image in opened.quarantined:
        out.print(f"  {image.path}: {image.reason}", markup=False, highlight=False, soft_wrap=True)


@app.command()
def extract(
    workspace: WorkspaceArgument,
    backbone: Annotated[
        str,
        typer.Option(
            help="efficientnet-lite0, resnet50, vit-b-16 …, or timm:NAME, open_clip:MODEL/TAG, "
            "onnx:FILE; a wrong name lists them."
        ),
    ] = "efficientnet-lite0",
    device: DeviceOption = "auto",
    weights: Annotated[
        Path | None, typer.Option(help="Local state dict instead of the published weights.")
    ] = None,
    features_file: Annotated[
        Path | None,
        typer.Option("--features", help="Your own features: .npy, .npz or Parquet."),
    ] = None,
    precision: Annotated[
        Precision, typer.Option(help="What is computed in; half is faster and less exact.")
    ] = Precision.float32,
    store: Annotated[
        Stored, typer.Option(help="What features are kept in; half takes half the disk.")
    ] = Stored.float32,
    engine: Annotated[
        Engine, typer.Option(help="This machine, or the workers of a Ray cluster.")
    ] = Engine.local,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Workers of Ray; one a core, or GPU, by default.")
    ] = None,
) -> None:
    """Compute features; what was computed before is kept."""
    opened = Workspace.open(workspace)
    with progress_bar() as progress:
        if features_file is not None:
            features = pipeline.bring_features(
                opened, features_file, store=store.value, progress=progress
            )
        else:
            features = pipeline.extract(
                opened,
                backbone=backbone,
                device=device,
                weights=weights,
                precision=precision.value,
                store=store.value,
                engine=engine.value,
                workers=workers,
                progress=progress,
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
    if under_torchrun():
        if solver is not Solver.exact or lambda_g is None or path or settings:
            raise SolverError(
                "Expected --solver exact and --lambda-g under torchrun, and nothing else.",
                hint="Choose λ_g in one process: air-audit fit WORKSPACE --solver exact",
            )
        return _fit_together(opened, lambda_g, device)
    with progress_bar() as progress:
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


def _fit_together(workspace: Workspace, lambda_g: float, device: str) -> None:
    with progress_bar() as progress:
        air = fit_together(workspace, lambda_g=lambda_g, device=device, progress=progress)
    if air is not None:  # the first process speaks for all
        out.print(
            f"AIR (exact, {air.notes['processes']} processes): λ_g = {air.lambda_g:.4g}, "
            f"{air.notes['stop_reason']}, {air.seconds:.1f} s, run {air.run_id}",
            highlight=False,
            soft_wrap=True,
        )


@app.command()
def rank(
    workspace: WorkspaceArgument,
    detector: Annotated[
        str | None,
        typer.Option(
            help="consensus by default, for tags air-margin; air-audit detectors lists all."
        ),
    ] = None,
    score: Annotated[str | None, typer.Option(help="margin or activation.")] = None,
    top: Annotated[int | None, typer.Option(min=1, help="Only the N worst.")] = None,
    out_file: Annotated[
        Path | None, typer.Option("--out", help="CSV file instead of a table on screen.")
    ] = None,
    reviewed: Annotated[
        bool,
        typer.Option(
            "--reviewed/--given",
            help="Learn from labels as reviewed so far, or as given.",
        ),
    ] = False,
    overwrite: OverwriteOption = False,
) -> None:
    """List items, the most suspicious label first; a detector not yet run is run."""
    opened = Workspace.open(workspace)
    with progress_bar() as progress:
        name = pipeline.detector_name(opened, detector, score)
        ranking = pipeline.rank(opened, name, reviewed=reviewed, progress=progress)
    if out_file is not None:
        rows = write_ranking(
            opened.dataset,
            ranking,
            out_file,
            top=top,
            overwrite=overwrite,
            protected=[opened.root, *opened.source_places()],
        )
        out.print(f"{rows} rows in {out_file}", highlight=False, soft_wrap=True)
        return
    table = Table("rank", "path", "given", "suggested", "confidence", "score", box=None)
    for row in ranking.order[: top or 20]:
        suggested, confidence = ranking.otherwise(row, opened.dataset.class_names)
        table.add_row(
            str(ranking.ranks[row]),
            escape(opened.dataset.paths[row]),
            escape(opened.dataset.given_text(row) or "–"),
            escape(suggested),
            f"{confidence:.2f}",
            f"{ranking.scores[row]:.3f}",
        )
    out.print(table)


@app.command()
def detectors() -> None:
    """List the detectors: name, and what each computes."""
    table = Table("name", "tags", "computes", box=None)
    for one in pipeline.ALL_DETECTORS.values():
        table.add_row(one.name, "yes" if one.tags else "no", escape(one.about))
    out.print(table)


@app.command()
def ui(
    workspace: Annotated[Path | None, typer.Argument(help="Folder that holds the audit.")] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port; the first free from 8501.")
    ] = None,
    login: Annotated[
        Path | None,
        typer.Option(help="TOML file with an [auth] section: who logs in, and how."),
    ] = None,
) -> None:
    """Open the interface on 127.0.0.1."""
    if workspace is not None:
        Workspace.open(workspace)
    raise typer.Exit(serve(workspace, port, login))
