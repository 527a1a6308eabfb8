"""Maps on disk: one file each, whole or not there at all, with what it was made with."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from air_core.atomic import atomic_write
from air_core.errors import AirError
from air_core.projection.settings import MapSettings

_UNREADABLE = (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, AirError)


@dataclass(frozen=True, slots=True)
class StoredMap:
    """A kept map, without its points.

    Parameters
    ----------
    name : str
        Identifies settings and features; part of the file's name.
    settings : MapSettings
    seconds : float
        How long it took.
    made_at : str
        UTC, ISO 8601.
    """

    name: str
    settings: MapSettings
    seconds: float
    made_at: str


def map_name(settings: MapSettings, features: str) -> str:
    """Name of the map that these settings give on the features with this digest."""
    record = json.dumps(settings.record(), sort_keys=True)
    digest = hashlib.blake2b(f"{record} {features}".encode(), digest_size=8).hexdigest()
    return f"{settings.method}-{digest}"


def save_map(
    folder: Path,
    settings: MapSettings,
    features: str,
    layout: NDArray[np.floating],
    *,
    seconds: float = 0.0,
) -> StoredMap:
    """Keep a map (n, 2) of the features with this digest."""
    made = StoredMap(
        map_name(settings, features),
        settings,
        seconds,
        datetime.now(UTC).isoformat(timespec="microseconds"),
    )
    about = {
        "settings": settings.record(),
        "features": features,
        "seconds": seconds,
        "made_at": made.made_at,
    }
    with atomic_write(_file(folder, made.name)) as file:
        np.savez(
            file,
            allow_pickle=False,
            layout=np.ascontiguousarray(layout, dtype=np.float32),
            about=np.array(json.dumps(about)),
        )
    return made


def load_map(folder: Path, name: str) -> NDArray[np.float32] | None:
    """The points (n, 2) of a kept map, read-only; None if it is gone or unreadable."""
    try:
        with _file(folder, name).open("rb") as file, np.load(file, allow_pickle=False) as stored:
            layout: NDArray[np.float32] = stored["layout"]
    except _UNREADABLE:
        return None
    layout.setflags(write=False)
    return layout


def kept_maps(folder: Path, features: str) -> list[StoredMap]:
    """The kept maps of the features with this digest, newest first."""
    found = []
    for path in folder.glob("*.npz"):
        about = _about(path)
        if about is None or about["features"] != features:
            continue
        found.append(
            StoredMap(path.stem, about["settings"], float(about["seconds"]), str(about["made_at"]))
        )
    return sorted(found, key=lambda kept: kept.made_at, reverse=True)


def remove_map(folder: Path, name: str) -> None:
    """Delete a kept map; one that is gone already is fine."""
    _file(folder, name).unlink(missing_ok=True)


def _about(path: Path) -> Mapping[str, Any] | None:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            about = json.loads(str(stored["about"]))
        about["settings"] = MapSettings(**about["settings"])
        _ = about["features"], about["seconds"], about["made_at"]
    except _UNREADABLE:
        return None
    return dict(about)


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.npz"
