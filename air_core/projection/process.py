"""A map computed in a process of its own: it can be stopped at any moment.

Finding neighbours takes minutes for 200,000 images and reports nothing meanwhile, and some of it
holds Python's lock. A process can be killed; what it leaves is a temporary folder that goes too.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from air_core.errors import SolverError
from air_core.progress import ProgressCallback, silent
from air_core.projection.settings import MapSettings

_POLL = 0.25  # s between two looks at whether to stop


def project_apart(
    features: NDArray[np.floating],
    settings: MapSettings | None = None,
    *,
    progress: ProgressCallback = silent,
) -> NDArray[np.float32]:
    """As :func:`~air_core.projection.layout.project`, in a process of its own.

    Parameters
    ----------
    features : ndarray of shape (n, p)
        A memory-mapped file is read where it is; anything else is written to a temporary one.
    settings : MapSettings, optional
    progress : callable
        Called several times a second; raising :class:`~air_core.errors.Cancelled` ends the
        process at once.

    Returns
    -------
    ndarray of shape (n, 2), dtype float32

    Raises
    ------
    SolverError
        As there, or if the process ended without a map.
    """
    with TemporaryDirectory(prefix="air-map-") as folder:
        target, errors = Path(folder) / "layout.npy", Path(folder) / "errors.txt"
        job = {
            "features": str(_on_disk(features, Path(folder))),
            "settings": asdict(settings or MapSettings()),
            "target": str(target),
        }
        with errors.open("wb") as complaints:
            worker = subprocess.Popen(
                [sys.executable, "-m", "air_core.projection.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        try:
            assert worker.stdin is not None
            # Stays open: the worker ends when it closes, so a server that dies takes it along.
            worker.stdin.write(json.dumps(job).encode() + b"\n")
            worker.stdin.flush()
            problem = _follow(worker, progress)
            code = worker.wait()
        except BrokenPipeError:
            problem, code = "", worker.wait()
        finally:
            worker.kill()
            worker.wait()
            for pipe in (worker.stdin, worker.stdout):
                if pipe is not None:
                    pipe.close()
        if code or problem:
            lines = errors.read_text("utf-8", "replace").strip().splitlines()
            raise SolverError(
                problem or f"The map's process ended with code {code}: {' '.join(lines[-1:])}"
            )
        layout: NDArray[np.float32] = np.load(target, allow_pickle=False)
    return layout


def _follow(worker: subprocess.Popen[bytes], progress: ProgressCallback) -> str:
    """Pass on what the worker reports until it ends; return the error it reported, if any."""
    messages: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def listen() -> None:
        assert worker.stdout is not None
        for line in worker.stdout:
            messages.put(json.loads(line))
        messages.put(None)

    threading.Thread(target=listen, name="air-map-listener", daemon=True).start()
    done, total, note, since = 0, 100, "Starting", time.monotonic()
    while True:
        try:
            message = messages.get(timeout=_POLL)
        except queue.Empty:
            # Nothing new: the seconds show that it goes on.
            progress(done, total, f"{note}, {time.monotonic() - since:.0f} s")
            continue
        if message is None:
            return ""
        if "error" in message:
            return str(message["error"])
        if message["note"] != note:
            since = time.monotonic()
        done, total, note = message["done"], message["total"], message["note"]
        progress(done, total, note)


def _on_disk(features: NDArray[np.floating], folder: Path) -> Path:
    if isinstance(features, np.memmap) and features.filename is not None:
        file = Path(features.filename)
        whole = np.load(file, mmap_mode="r") if file.suffix == ".npy" else None
        if whole is not None and (whole.shape, whole.strides) == (features.shape, features.strides):
            return file
    np.save(folder / "features.npy", features, allow_pickle=False)
    return folder / "features.npy"
