"""What the commands share: where they print, how they show progress, their usual options."""

from __future__ import annotations

import getpass
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from air_core.errors import DecisionError
from air_core.progress import ProgressCallback

out = Console()
err = Console(stderr=True)
_DIGITS = re.compile(r"\d+")

WorkspaceArgument = Annotated[
    Path, typer.Argument(metavar="WORKSPACE", help="Folder that holds the audit.")
]
ReviewerOption = Annotated[str, typer.Option(help="Name recorded with the decisions.")]
OverwriteOption = Annotated[
    bool, typer.Option("--overwrite", help="Replace the file, whatever is in it.")
]
DeviceOption = Annotated[str, typer.Option(help="auto, cuda, mps or cpu.")]


def login_name(option: str) -> str:
    """Name of who runs the command.

    Raises
    ------
    DecisionError
        If the system knows none, as in a container without a passwd entry; the message names
        the option that gives one.
    """
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        raise DecisionError(
            "Expected a name to put down, this account has none.", hint=f"Give one with {option}."
        ) from None


@contextmanager
def progress_bar() -> Iterator[ProgressCallback]:
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
            step = _DIGITS.sub("", note)  # "step 10 of 750" and "step 20 of 750" are one
            if step not in tasks:
                tasks[step] = bar.add_task(escape(note), total=total)
            bar.update(tasks[step], completed=done, total=total, description=escape(note))

        try:
            yield report
        except KeyboardInterrupt:
            bar.stop()
            err.print("Stopped. What was finished is kept; the same command continues.")
            raise
