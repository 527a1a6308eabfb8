"""Which workspaces there are: those where the program keeps them, and those opened elsewhere."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from air_core.atomic import atomic_write
from air_core.errors import AirError
from air_core.installation import workspaces_folder
from air_core.items import MANIFEST, read_manifest
from air_core.orders import FOLDER

_LIST = "recent.json"
_KEPT = 50


@dataclass(frozen=True, slots=True)
class Recent:
    """A workspace that can be opened again.

    Parameters
    ----------
    folder : Path
    source : str
        Where its images came from; empty for one whose import was cut off.
    classes : int
    used : datetime
        When it was last changed.
    imported : bool
        Whether its import came to an end.
    """

    folder: Path
    source: str
    classes: int
    used: datetime
    imported: bool


def remember_workspace(folder: Path) -> None:
    """Note a workspace that lies elsewhere, so that it is offered again.

    Nothing happens where the list cannot be written: it is a convenience.
    """
    home = workspaces_folder()
    if folder.parent == home:
        return
    known = [str(folder), *(path for path in _listed(home) if path != str(folder))][:_KEPT]
    try:
        home.mkdir(parents=True, exist_ok=True)
        with atomic_write(home / _LIST) as file:
            file.write(json.dumps(known).encode("utf-8", "surrogatepass"))
    except OSError:
        return


def recent_workspaces(limit: int = 12) -> list[Recent]:
    """Workspaces, the one changed last first."""
    home = workspaces_folder()
    inside = [path for path in home.iterdir() if path.is_dir()] if home.is_dir() else []
    folders = dict.fromkeys([*inside, *(Path(path) for path in _listed(home))])
    found = [recent for folder in folders if (recent := _look(folder)) is not None]
    return sorted(found, key=lambda recent: recent.used, reverse=True)[:limit]


def free_folder(name: str) -> Path:
    """A folder for a new workspace, named after its source, that nothing lies in yet.

    Examples
    --------
    >>> free_folder("../My photos.zip").name
    'My-photos'
    """
    plain = "".join(char if char.isalnum() else "-" for char in Path(name).name.split(".")[0])
    stem = "-".join(part for part in plain.split("-") if part)[:60] or "audit"
    home, number = workspaces_folder(), 1
    while (folder := home / (stem if number == 1 else f"{stem}-{number}")).exists():
        number += 1
    return folder


def _listed(home: Path) -> list[str]:
    try:
        paths = json.loads((home / _LIST).read_text("utf-8", "surrogatepass"))
    except (OSError, ValueError):
        return []
    return [path for path in paths if isinstance(path, str)] if isinstance(paths, list) else []


def _look(folder: Path) -> Recent | None:
    """What is known without reading the items; None for a folder that is no workspace."""
    try:
        times = [path.stat().st_mtime for path in folder.iterdir()]
        used = datetime.fromtimestamp(max(times, default=0.0))
        if not (folder / MANIFEST).is_file():
            begun = (folder / FOLDER / "open.json").is_file()
            return Recent(folder, "", 0, used, False) if begun else None
        manifest = read_manifest(folder)
    except (OSError, AirError):
        return None
    return Recent(folder, manifest.info.source, len(manifest.class_names), used, True)
