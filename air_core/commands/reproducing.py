"""The command that reproduces the paper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from air_core.commands.benchmark import show_targets
from air_core.commands.console import DeviceOption, out, progress_bar
from air_core.reproduction import WHATS
from air_core.reproduction import reproduce as run

app = typer.Typer()
_LIST = "; ".join(f"{name}: {text}" for name, text in WHATS.items())


@app.command()
def reproduce(
    what: Annotated[str, typer.Argument(metavar="WHAT", help=_LIST)],
    data: Annotated[Path, typer.Option(help="Folder of the data sets.")],
    results: Annotated[
        Path, typer.Option("--out", help="Folder for the report; finished parts in it are kept.")
    ],
    backbone: Annotated[
        str, typer.Option(help="Network of the features; alexnet-fc7 is the paper's.")
    ] = "efficientnet-lite0",
    weights: Annotated[
        Path | None, typer.Option(help="Local state dict for it, so that nothing is fetched.")
    ] = None,
    device: DeviceOption = "auto",
    download: Annotated[
        bool, typer.Option("--download", help="Let torchvision fetch data sets that are missing.")
    ] = False,
    images: Annotated[
        int, typer.Option(min=500, help="Most training images of a set; a fifth of it for tests.")
    ] = 10_000,
) -> None:
    """Compute the paper's table and figures here: a report, figures as PNG, numbers as CSV."""
    with progress_bar() as progress:
        report, sections = run(
            what,
            data,
            results,
            progress=progress,
            backbone=backbone,
            weights=weights,
            device=device,
            download=download,
            images=images,
        )
    show_targets([target for section in sections for target in section.targets])
    out.print(f"Written: {report}", highlight=False, markup=False, soft_wrap=True)
