"""Projections of the rows of a transition matrix."""

from __future__ import annotations

import torch


def nearest_distributions(rows: torch.Tensor) -> torch.Tensor:
    """Euclidean projection of each row onto the simplex.

    Examples
    --------
    >>> nearest_distributions(torch.tensor([[0.5, 0.5], [2.0, 0.0]])).tolist()
    [[0.5, 0.5], [1.0, 0.0]]
    """
    ordered = rows.sort(dim=1, descending=True).values
    counts = torch.arange(1, rows.shape[1] + 1, device=rows.device, dtype=rows.dtype)
    excess = (ordered.cumsum(dim=1) - 1) / counts
    kept = (ordered > excess).sum(dim=1, keepdim=True)
    return (rows - excess.gather(1, kept - 1)).clamp_min(0)


def led_by_diagonal(rows: torch.Tensor) -> torch.Tensor:
    """Euclidean projection of each row onto those that no entry exceeds the diagonal one in.

    The diagonal entry and the largest others, as many as exceed the mean of those before them,
    are replaced by their mean. :func:`nearest_distributions` keeps an order and ties: after it the
    row is the nearest distribution of this kind (as in isotonic regression with a fixed sum).

    Examples
    --------
    >>> led_by_diagonal(torch.tensor([[0.25, 0.75], [0.25, 0.75]])).tolist()
    [[0.5, 0.5], [0.25, 0.75]]
    """
    classes = len(rows)
    diagonal = rows.diagonal().unsqueeze(1)
    others = rows.masked_fill(torch.eye(classes, dtype=torch.bool, device=rows.device), -torch.inf)
    ordered = others.sort(dim=1, descending=True).values[:, :-1]
    counts = torch.arange(2, classes + 1, device=rows.device, dtype=rows.dtype)
    means = torch.cat([diagonal, (diagonal + ordered.cumsum(dim=1)) / counts], dim=1)
    exceeds = ordered > means[:, :-1]
    pooled = exceeds.long().cumprod(dim=1).sum(dim=1, keepdim=True)
    level = means.gather(1, pooled)
    led = torch.minimum(rows, level)
    led.diagonal().copy_(level.squeeze(1))
    return led
