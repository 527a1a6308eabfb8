"""Finished parts of a run: kept by their settings, so that a kill costs the part in progress."""

from __future__ import annotations

import hashlib
import io
import json
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from air_core.atomic import atomic_write
from air_core.installation import versions
from air_core.progress import ProgressCallback, silent

Values = dict[str, Any]
"""Arrays and plain values, by name."""

_FACTS = "facts"
_LIBRARIES = ("torch", "torchvision", "numpy", "scikit-learn")


@dataclass(slots=True)
class Parts:
    """The parts of one run, from disk where they were finished before.

    Parameters
    ----------
    folder : Path
        Created when missing.
    progress : callable
        Told before and after every part.
    note : str
        What the run is called in its progress.
    total : int
        How many parts are expected, for the progress.
    """

    folder: Path
    progress: ProgressCallback = silent
    note: str = ""
    total: int = 0
    done: int = field(default=0, init=False)
    computed: int = field(default=0, init=False)
    seconds: float = field(default=0.0, init=False)
    cpu_seconds: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    def get(self, name: str, settings: Mapping[str, Any], compute: Callable[[], Values]) -> Values:
        """A part's result: computed now, or what an earlier run with these settings left.

        Parameters
        ----------
        name : str
            Begins the file's name.
        settings : mapping
            Everything that decides the result, plain values only; the versions of the libraries
            are added. Others make another part.
        compute : callable
            Returns arrays, and values that JSON can hold.
        """
        found = versions()
        key = {"settings": settings, "versions": {one: found[one] for one in _LIBRARIES}}
        text = json.dumps(key, sort_keys=True, ensure_ascii=False)
        digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
        path = self.folder / f"{name}-{digest}.npz"
        self.progress(self.done, max(self.total, self.done + 1), self.note)
        kept = _read(path)
        if kept is None:
            wall, cpu = time.perf_counter(), time.process_time()
            values = compute()
            cost = {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
            _write(path, values, key | cost)
            self.computed += 1
            kept = values, cost
        self.done += 1
        self.seconds += kept[1]["seconds"]
        self.cpu_seconds += kept[1]["cpu"]
        self.progress(self.done, max(self.total, self.done), self.note)
        return kept[0]


def digest_of(*arrays: NDArray[Any]) -> str:
    """Digest of arrays: their types, shapes and values."""
    found = hashlib.blake2b(digest_size=8)
    for array in arrays:
        found.update(f"{array.dtype}{array.shape}".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def _write(path: Path, values: Values, record: Mapping[str, Any]) -> None:
    arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
    plain = {name: value for name, value in values.items() if name not in arrays}
    facts = json.dumps({**record, "plain": plain}, ensure_ascii=False)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays, **{_FACTS: np.array(facts)})
    with atomic_write(path) as file:
        file.write(buffer.getvalue())


def _read(path: Path) -> tuple[Values, dict[str, float]] | None:
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
            facts = json.loads(str(stored[_FACTS]))
            values = {name: stored[name] for name in stored.files if name != _FACTS}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None  # none yet, or damaged: it is computed again
    return values | facts["plain"], {"seconds": facts["seconds"], "cpu": facts["cpu"]}
