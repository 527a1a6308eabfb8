"""One process at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from air_core.errors import WorkspaceError

if os.name == "posix":
    import fcntl


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold off a second import into the same folder; the system lifts it if we are killed.

    Raises
    ------
    WorkspaceError
        If another import is running.
    """
    with (folder / "import.lock").open("a") as file:
        if os.name == "posix":
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise WorkspaceError(
                    f"Another import into {folder} is running.",
                    hint="Wait until it has finished.",
                ) from None
        yield
