"""Arrays as they come in, checked and made ready for a solver."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import ArrayLike

from air_core.solver.losses import Loss, SigmoidLoss, SoftmaxLoss
from air_core.solver.matrix import FeatureMatrix
from air_core.solver.validation import check_features, check_labels, check_tags, mean_row_norm

Validation = tuple[ArrayLike, ArrayLike]


@dataclass(frozen=True)
class Problem:
    """Features and loss of one fit.

    Attributes
    ----------
    matrix : FeatureMatrix
        (n, p), scaled to a mean row norm of 1.
    loss : Loss
    own : Tensor of shape (n, C), bool
        The given label's own class, or all given tags.
    count : int
        Images that have a label.
    """

    matrix: FeatureMatrix
    loss: Loss
    own: torch.Tensor
    count: int

    @cached_property
    def null_slope(self) -> float:
        """Norm of the loss's gradient at zero weights and the best bias: the unit of slopes."""
        shape = (self.matrix.n, self.loss.n_classes)
        nothing = torch.zeros(shape, device=self.matrix.device, dtype=self.matrix.dtype)
        bias = self.loss.best_bias(nothing, nothing[0], steps=20)
        return float(self.matrix.adjoint(self.loss.residual(nothing + bias)).norm())


def is_multilabel(labels: ArrayLike) -> bool:
    """Whether labels are tags, one row of them an image, rather than one class each."""
    return np.ndim(labels) == 2


def make_problem(
    features: ArrayLike,
    labels: ArrayLike,
    n_classes: int | None,
    *,
    device: str | torch.device,
    dtype: torch.dtype,
    scale: float | None = None,
) -> Problem:
    """Check arrays and build the operators of a fit; see :func:`air_core.solver.sadmm`."""
    x = check_features(features)
    matrix = FeatureMatrix(x, scale=scale or mean_row_norm(x), device=device, dtype=dtype)
    loss: Loss
    if is_multilabel(labels):
        tags = torch.as_tensor(check_tags(labels, len(x))).to(dtype).to(device)
        loss = SigmoidLoss(tags)
        own = tags == 1
    else:
        y, count = check_labels(labels, len(x), n_classes)
        labels_ = torch.as_tensor(y, device=device)
        loss = SoftmaxLoss(labels_, count)
        own = torch.zeros((len(x), count), dtype=torch.bool, device=device)
        labelled = labels_ >= 0
        own[labelled, labels_[labelled]] = True
    return Problem(matrix=matrix, loss=loss, own=own, count=int(loss.counted.sum()))
