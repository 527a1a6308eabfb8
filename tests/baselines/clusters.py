"""Well separated classes, some of whose labels are wrong."""

import numpy as np


def clusters(n, classes, noise, seed=0, p=12, apart=3.0):
    """Features (n, p), given labels and true ones."""
    rng = np.random.default_rng(seed)
    clean = np.arange(n) % classes
    x = apart * rng.standard_normal((classes, p))[clean] + rng.standard_normal((n, p))
    y = clean.copy()
    wrong = rng.permutation(n)[: int(noise * n)]
    y[wrong] = (clean[wrong] + rng.integers(1, classes, len(wrong))) % classes
    return x.astype(np.float32), y, clean
