"""AUM: the margin of the given label while a network is trained (Pleiss et al., NeurIPS 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from air_core.baselines.targets import labelled_rows, one_hot
from air_core.progress import ProgressCallback, silent

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class MarginResult:
    """A small network watched while it learns.

    Parameters
    ----------
    mean_scores : ndarray of shape (n, C), dtype float32
        Decision values, averaged over the ends of all epochs: their margin is the area under it.
    margins_by_epoch : ndarray of shape (epochs, n), dtype float32
        Of the given label; with tags, of the one most in doubt. NaN where unlabelled.
    """

    mean_scores: Floats
    margins_by_epoch: Floats


def area_under_margin(
    features: NDArray[np.floating],
    targets: NDArray[Any],
    *,
    n_classes: int,
    epochs: int = 8,
    hidden: int = 512,
    batch_size: int = 128,
    learning_rate: float = 0.01,
    seed: int = 0,
    progress: ProgressCallback = silent,
) -> MarginResult:
    """Train one hidden layer on the given labels and sum the margins over its epochs.

    A wrong label is learnt late and against its neighbours, so that its margin is small or
    negative for most of the training. Features are scaled as a whole, to a mean square of 1. Slow
    stochastic gradient descent, as in the paper: with steps that adapt, or with a batch
    normalisation, so small a network knows the wrong labels by heart after an epoch.

    Parameters
    ----------
    features : ndarray of shape (n, p)
    targets : ndarray of shape (n,) or (n, C)
        Class indices, −1 unlabelled; or tags 1 and 0, rows of −1 unlabelled.
    n_classes, epochs, hidden, batch_size : int
    learning_rate : float
    seed : int
    progress : callable

    Raises
    ------
    SolverError
        If fewer than two images are labelled, or all alike.
    """
    import torch
    from torch import nn

    wanted = one_hot(targets, n_classes)
    labelled = labelled_rows(wanted)
    tags = targets.ndim == 2
    rows = np.asarray(features, dtype=np.float32)
    spread = float(np.sqrt(np.square(rows).mean(dtype=np.float64))) or 1.0
    x = torch.from_numpy(rows / np.float32(spread))
    y = torch.from_numpy(np.nan_to_num(wanted))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = nn.Sequential(
            nn.Linear(x.shape[1], hidden),
            nn.ReLU(),
            nn.Linear(hidden, n_classes),
        )
        steps = torch.optim.SGD(network.parameters(), lr=learning_rate, momentum=0.9)
        criterion = nn.BCEWithLogitsLoss() if tags else nn.CrossEntropyLoss()
        pool = torch.from_numpy(labelled)
        total = torch.zeros(len(x), n_classes)
        kept = np.full((epochs, len(x)), np.nan, dtype=np.float32)
        for epoch in range(epochs):
            progress(epoch, epochs, "Watching a network learn the labels")
            network.train()
            for batch in torch.split(pool[torch.randperm(len(pool))], batch_size):
                steps.zero_grad()
                criterion(network(x[batch]), y[batch]).backward()
                steps.step()
            network.eval()
            with torch.no_grad():
                scores = network(x)
            total += scores
            kept[epoch, labelled] = _margins(scores.numpy()[labelled], wanted[labelled], tags)
    progress(epochs, epochs, "Watching a network learn the labels")
    return MarginResult((total / epochs).numpy(), kept)


def _margins(scores: Floats, wanted: Floats, tags: bool) -> Floats:
    if tags:
        return np.asarray(np.where(wanted > 0, scores, -scores).min(axis=1))
    own = (scores * wanted).sum(axis=1)
    return np.asarray(own - np.where(wanted > 0, -np.inf, scores).max(axis=1))
