"""Small classification problems with non-negative features, made from a seed."""

from __future__ import annotations

import numpy as np


def noisy_blobs(n=200, p=64, n_classes=5, *, noise=0.0, seed=0):
    """Features (n, p) ≥ 0, given labels (n,), and where a label is wrong (n,)."""
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.arange(n) % n_classes)
    centres = np.abs(rng.normal(size=(n_classes, p)))
    x = np.maximum(0, centres[truth] + 0.8 * rng.normal(size=(n, p)) - 0.3)
    wrong = rng.random(n) < noise
    shift = rng.integers(1, n_classes, n)
    labels = np.where(wrong, (truth + shift) % n_classes, truth)
    return x, labels, wrong
