"""The softmax cross-entropy of Eq. 2 and its derivative."""

from __future__ import annotations

import torch
from torch.nn import functional


def cross_entropy(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Loss summed over images, ``−Σ_i log softmax(scores_i)_{y_i}`` (Eq. 2).

    Parameters
    ----------
    scores : Tensor of shape (n, C)
        ``X W + b``.
    labels : Tensor of shape (n,), int64

    Returns
    -------
    Tensor, scalar
    """
    return functional.cross_entropy(scores, labels, reduction="sum")


def cross_entropy_residual(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Derivative of the loss by the scores, ``softmax(scores) − onehot(labels)``.

    ``Xᵀ residual`` is the gradient by W and its column sums are the gradient by b.

    Returns
    -------
    Tensor of shape (n, C)
    """
    residual = torch.softmax(scores, dim=1)
    residual[torch.arange(len(labels), device=labels.device), labels] -= 1
    return residual
