"""Run in a process of its own: peak memory of a fit at n = 50,000, p = 1,280, C = 100.

Prints one line of JSON. Blocks are run for four epochs, so that each has its history. With all
groups at every mini-batch an epoch takes long: it is cut short after ``seconds``, and the steps
that were made are told. What follows the epoch is not cut.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from air_core.solver import SolverConfig, sadmm, updates
from air_core.solver.config import Update

N, P, C = 50_000, 1280, 100
GIB_OF_RUSAGE = 2**30 if sys.platform == "darwin" else 2**20  # bytes there, kilobytes elsewhere


def main(update: Update, seconds: float) -> dict[str, Any]:
    """Fit, and say how much memory the process had at most, features included."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, C, N)
    features = np.abs(rng.standard_normal((C, P), dtype=np.float32))[labels]
    for start in range(0, N, 5000):
        features[start : start + 5000] += rng.random((5000, P), dtype=np.float32)
    kind: Any = updates.AllGroups if update == "all" else updates.BlockGroups
    whole, made, started = kind.epoch, 0, time.perf_counter()

    def epoch(self: Any, generator: torch.Generator) -> Iterator[Any]:
        nonlocal made
        for batch in whole(self, generator):
            yield batch
            made += 1
            if time.perf_counter() - started > seconds:
                return

    kind.epoch = epoch
    config = SolverConfig(epochs=1 if update == "all" else 4, update=update)
    result = sadmm(features, labels, n_classes=C, config=config)
    return {
        "update": update,
        "batch_size": config.batch_size,
        "steps": made,
        "epochs": config.epochs,
        "steps_of_an_epoch": -(-N // config.batch_size),
        "slots": result.history[-1]["slots"],
        "gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / GIB_OF_RUSAGE,
        "seconds": time.perf_counter() - started,
    }


if __name__ == "__main__":
    print(json.dumps(main("all" if sys.argv[1] == "all" else "block", float(sys.argv[2]))))
