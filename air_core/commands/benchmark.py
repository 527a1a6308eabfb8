"""The command that measures: benchmarks against their targets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from air_core.bench import Target, run_bench
from air_core.commands.console import out, progress_bar

app = typer.Typer()


@app.command()
def bench(
    name: Annotated[str, typer.Argument(help="Which benchmark; a wrong name lists them.")],
    data: Annotated[
        Path, typer.Option(help="Folder of the data sets' zip files, where it reads any.")
    ] = Path(),
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the report here.")] = None,
) -> None:
    """Run a benchmark: print its figures against their targets, and write them as JSON."""
    with progress_bar() as progress:
        report = run_bench(name, data, progress=progress)
    for title, rows in report.tables.items():
        table = Table(*rows[0], title=title, title_justify="left", box=None)
        for row in rows:
            table.add_row(*(escape(_cell(row.get(column, ""))) for column in rows[0]))
        out.print(table)
    show_targets(report.targets)
    if json_file is not None:
        for written in report.save(json_file):
            out.print(f"Written: {written}", highlight=False, markup=False, soft_wrap=True)


def show_targets(targets: Sequence[Target]) -> None:
    """Print figures beside what was asked of them."""
    table = Table("target", "value", "asked", "", title="Targets", title_justify="left", box=None)
    for target in targets:
        asked = f"{target.op} {target.target:g}"
        table.add_row(escape(target.name), _cell(target.value), asked, _verdict(target.ok))
    out.print(table)


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _verdict(ok: bool) -> str:
    return "reached" if ok else "missed"
