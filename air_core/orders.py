"""Long work that was asked for and has not ended well, remembered in the workspace.

A server that is stopped forgets its threads, not what they were to do.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from air_core.atomic import atomic_write
from air_core.errors import WorkspaceError

if os.name == "posix":
    import fcntl

State = Literal["asked", "cancelled", "failed"]

FOLDER = "jobs"
_KIND = re.compile(r"[a-z][a-z0-9-]{0,63}")


@dataclass(frozen=True, slots=True)
class Order:
    """One piece of work, as it can be asked for again.

    Parameters
    ----------
    kind : str
        Small letters, digits and hyphens; names its file.
    title : str
        For people.
    arguments : mapping
        What it needs to know, as JSON has it.
    state : {"asked", "cancelled", "failed"}
        ``asked`` means that it waits, runs, or was cut off.
    error : str
        Why it failed.
    """

    kind: str
    title: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    state: State = "asked"
    error: str = ""


def remember(folder: Path, order: Order) -> None:
    """Write an order down in a workspace folder, in the place of one of its kind.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    assert _KIND.fullmatch(order.kind), order.kind
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    with atomic_write(_file(folder, order.kind)) as file:
        file.write(json.dumps(asdict(order), ensure_ascii=False).encode("utf-8", "surrogatepass"))


def forget(folder: Path, kind: str) -> None:
    """Strike an order off; nothing happens if there is none."""
    _file(folder, kind).unlink(missing_ok=True)


def unfinished(folder: Path) -> list[Order]:
    """Orders that nobody works on: cancelled, failed, or cut off with their process."""
    files = sorted((folder / FOLDER).glob("*.json")) if (folder / FOLDER).is_dir() else []
    found = [_read(file) for file in files]
    return [order for order in found if order and not busy(folder, order.kind)]


@contextmanager
def at_work(folder: Path, kind: str) -> Iterator[None]:
    """Show other processes that an order is being worked on, until the end or our death.

    Raises
    ------
    WorkspaceError
        If another process works on one of this kind.
    OSError
        If the folder cannot be written.
    """
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    with _lock_file(folder, kind).open("a") as file:
        if os.name == "posix":
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise WorkspaceError(
                    "Another process works on this already.", hint="Wait until it has ended."
                ) from None
        yield


def busy(folder: Path, kind: str) -> bool:
    """Whether some process works on an order of this kind."""
    if os.name != "posix":
        return False
    try:
        with _lock_file(folder, kind).open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _file(folder: Path, kind: str) -> Path:
    return folder / FOLDER / f"{kind}.json"


def _lock_file(folder: Path, kind: str) -> Path:
    return folder / FOLDER / f"{kind}.lock"


def _read(path: Path) -> Order | None:
    """An order; None if somebody else's file lies there, or it was damaged."""
    try:
        order = Order(**json.loads(path.read_text("utf-8", "surrogatepass")))
    except (OSError, ValueError, TypeError):
        return None
    known = order.state in get_args(State) and isinstance(order.arguments, dict)
    return order if known and order.kind == path.stem and _KIND.fullmatch(order.kind) else None
