"""A head of one hidden layer that is kept from learning wrong labels by heart."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from air_core.progress import ProgressCallback, silent

Floats = NDArray[np.float32]


def mixup_head(
    features: Floats,
    wanted: Floats,
    *,
    tags: bool = False,
    asked: Floats | None = None,
    hidden: int = 512,
    epochs: int = 20,
    seed: int = 0,
    progress: ProgressCallback = silent,
) -> Floats:
    """Probabilities (m, C) by a small network, averaged over the ends of its epochs.

    Every step mixes each row and its target with another row's in the same proportion (mixup,
    Zhang et al., 2018), drops features and hidden units at random and decays the weights. Wrong
    labels are learnt last; the average over epochs remembers what was said before they were.

    Parameters
    ----------
    features : ndarray of shape (n, p)
        Mean square about 1.
    wanted : ndarray of shape (n, C)
        Shares of each class, or tags.
    tags : bool
        A logistic loss for each column, instead of one softmax over all.
    asked : ndarray of shape (m, p), optional
        Rows to predict; those trained on by default.
    hidden, epochs, seed : int
    progress : callable
    """
    import torch
    from torch import nn

    from air_core.baselines.dropout import ByteDropout

    x, y = torch.from_numpy(features), torch.from_numpy(wanted)
    others = x if asked is None else torch.from_numpy(asked)
    n, classes = y.shape
    batch = int(min(256, max(32, n // 20)))
    steps_each = max(1, n // batch)
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = nn.Sequential(
            ByteDropout(0.2, rng),
            nn.Linear(x.shape[1], hidden),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            ByteDropout(0.3, rng),
            nn.Linear(hidden, classes),
        )
        steps = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=2e-2, fused=True)
        rate = torch.optim.lr_scheduler.OneCycleLR(
            steps, 2e-3, total_steps=epochs * steps_each, pct_start=0.1
        )
        total = torch.zeros(len(others), classes)
        for epoch in range(epochs):
            progress(epoch, epochs, "Training a small head")
            network.train()
            order = torch.randperm(n)
            for step in range(steps_each):
                rows = order[step * batch : (step + 1) * batch]
                if len(rows) < 2:
                    continue  # the batch normalisation has no spread of one row
                part, pairs = float(rng.beta(1.0, 1.0)), rows[torch.randperm(len(rows))]
                mixed = part * y[rows] + (1 - part) * y[pairs]
                scores = network(part * x[rows] + (1 - part) * x[pairs])
                loss = _loss(scores, mixed, tags)
                steps.zero_grad()
                loss.backward()
                steps.step()
                rate.step()
            network.eval()
            with torch.no_grad():
                reached = network(others)
                total += reached.sigmoid() if tags else reached.softmax(dim=1)
    progress(epochs, epochs, "Training a small head")
    return np.asarray((total / epochs).numpy())


def _loss(scores: Any, wanted: Any, tags: bool) -> Any:
    from torch.nn import functional

    if tags:
        return functional.binary_cross_entropy_with_logits(scores, wanted)
    return functional.cross_entropy(scores, wanted)
