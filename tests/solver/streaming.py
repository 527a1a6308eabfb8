"""Run in a process of its own: how much memory each way to fit takes beside an array on disk.

Prints one line of JSON: megabytes of anonymous memory that each added at its peak. Pages of the
file itself are the system's to drop and are not counted.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from air_core.solver import (
    PathRefiner,
    SolverConfig,
    adapt,
    air_path,
    exact,
    matrix,
    sadmm,
    tune,
    tune_lambda,
)

N, P = 48_000, 512  # 98 MB


def megabytes() -> float:
    """Anonymous memory of this process now."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1000
    raise OSError("no RssAnon")


def growth(work: Callable[[], Any]) -> float:
    """Megabytes that ``work`` adds at its peak, looked at every five milliseconds."""
    before, peak, over = megabytes(), 0.0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not over.wait(0.005):
            peak = max(peak, megabytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        work()
    finally:
        over.set()
        watcher.join()
    return max(peak - before, 0.0)


def main(folder: Path) -> None:
    """Write the array, then fit it in every way."""
    matrix.RESIDENT_BYTES, matrix.BLOCK_BYTES = 2**21, 2**21
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, N)
    centres = rng.random((2, P), dtype=np.float32)
    written = np.lib.format.open_memmap(folder / "x.npy", "w+", np.float32, (N, P))
    for start in range(0, N, 4000):
        noise = rng.random((4000, P), dtype=np.float32)
        written[start : start + 4000] = centres[labels[start : start + 4000]] + noise
    del written
    x = np.load(folder / "x.npy", mmap_mode="r")
    one = SolverConfig(epochs=1, batch_size=2000)
    blocks = SolverConfig(epochs=1, batch_size=1000, update="block")
    some = np.where(np.arange(N) % 3 == 0, labels, -1)
    air_path(x[:500], labels[:500], count=1)  # the libraries' own memory comes first
    path = air_path(x[:2000], labels[:2000], count=2)
    torch.set_num_threads(1)
    grown = {
        "all": growth(lambda: sadmm(x, labels, config=one)),
        "block": growth(lambda: sadmm(x, labels, config=blocks)),
        "some labels": growth(lambda: sadmm(x, some, config=blocks)),
        "tune": growth(lambda: tune(x, labels, candidates=[blocks])),
        "adapt": growth(lambda: adapt(x, labels, blocks, n_classes=2, device="cpu")),
        "exact": growth(lambda: exact(x, labels, lambda_scale=30.0, tolerance=0.1)),
        "path": growth(lambda: air_path(x, labels, count=1, tolerance=0.1)),
        "tune_lambda": growth(lambda: tune_lambda(x, labels, count=1)),
        "refiner": growth(lambda: PathRefiner(x, labels, path, tolerance=0.1).solve(30.0)),
    }
    print(json.dumps({"array": x.nbytes / 1e6, "grown": grown}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
