"""The command that trains the backbone's last blocks on a workspace's own labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from air_core import pipeline
from air_core.commands.console import DeviceOption, WorkspaceArgument, out, progress_bar
from air_core.workspace import Workspace

app = typer.Typer()


@app.command()
def refine(
    workspace: WorkspaceArgument,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="Passes over the images in each of two rounds; by their number."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of order, views and mixing.")] = 0,
    device: DeviceOption = "auto",
    weights: Annotated[
        Path | None, typer.Option(help="Local state dict instead of the published weights.")
    ] = None,
) -> None:
    """Train the backbone's last blocks with AIR on top: a better ranking and better features.

    Minutes on a GPU, up to an hour for 10,000 images on two cores. Stopped at any point, the same
    command continues.
    """
    opened = Workspace.open(workspace)
    settings: dict[str, Any] = {"seed": seed}
    with progress_bar() as progress:
        fit = pipeline.refine(
            opened,
            epochs=epochs,
            settings=settings,
            device=device,
            weights=weights,
            progress=progress,
        )
    out.print(
        f"Refined {fit.backbone}: {fit.settings['rounds']} rounds of {fit.settings['epochs']} "
        f"epochs, {fit.seconds:.1f} s, run {fit.run_id}\n"
        "Rank with: air-audit rank WORKSPACE --detector refined\n"
        "AIR and the SVM were fitted on the refined features; air-audit extract and air-audit fit "
        "go back to the published ones.",
        highlight=False,
        soft_wrap=True,
    )
