"""Arrays as they come in, checked and made ready for a solver."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from air_core.errors import SolverError
from air_core.solver.across import ALONE, Across
from air_core.solver.config import LossName
from air_core.solver.losses import Loss, SigmoidLoss, SoftmaxLoss, SquaredHingeLoss
from air_core.solver.matrix import FeatureMatrix
from air_core.solver.validation import check_features, check_labels, check_tags, mean_row_norm

Validation = tuple[ArrayLike, ArrayLike]


@dataclass(frozen=True)
class Problem:
    """Features and loss of one fit: of the images that have a label.

    An image without one takes no part: it has no loss, and a group of its own would only hold the
    weights down, the more so the more such images there are. What the fitted weights say of it is
    read afterwards, see :meth:`over_all`.

    Attributes
    ----------
    matrix : FeatureMatrix
        (n, p), the labelled images, scaled to a mean row norm of 1.
    loss : Loss
    own : Tensor of shape (n, C), bool
        The given label's own class, or all given tags.
    labelled : Tensor of shape (n,), int64
        Where the labelled images are among all that were handed over.
    rest : FeatureMatrix or None
        (m, p), those without a label, read when needed.
    unlabelled : Tensor of shape (m,), int64
    largest_lambdas : dict of str to (float, bool)
        λ_max by kind of group, as far as it was searched for, and whether that was to the end.
    """

    matrix: FeatureMatrix
    loss: Loss
    own: torch.Tensor
    labelled: torch.Tensor
    rest: FeatureMatrix | None
    unlabelled: torch.Tensor
    largest_lambdas: dict[str, tuple[float, bool]] = field(default_factory=dict)

    @cached_property
    def null_slope(self) -> float:
        """Norm of the loss's gradient at zero weights and the best bias: the unit of slopes."""
        shape = (self.matrix.n, self.loss.n_classes)
        nothing = torch.zeros(shape, device=self.matrix.device, dtype=self.matrix.dtype)
        bias = self.loss.best_bias(nothing, nothing[0], steps=20)
        return float(self.matrix.adjoint(self.loss.residual(nothing + bias)).norm())

    def over_all(self, of_rows: Callable[[FeatureMatrix], torch.Tensor]) -> torch.Tensor:
        """A function of rows at all images, labelled or not, in the order they came in.

        Parameters
        ----------
        of_rows : callable
            From a matrix of k rows to a tensor whose first dimension is k.
        """
        found = of_rows(self.matrix)
        if self.rest is None:
            return found
        return self._joined(found, of_rows(self.rest))

    def with_gaps(self, values: torch.Tensor) -> torch.Tensor:
        """Values of the labelled images among all images; NaN for the others."""
        if self.rest is None:
            return values
        return self._joined(values, values.new_tensor(torch.nan))

    def _joined(self, labelled: torch.Tensor, rest: torch.Tensor) -> torch.Tensor:
        count = len(self.labelled) + len(self.unlabelled)
        joined = labelled.new_empty((count, *labelled.shape[1:]))
        joined[self.labelled] = labelled
        joined[self.unlabelled] = rest
        return joined


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
    index: NDArray[np.intp] | None = None,
    across: Across = ALONE,
    loss: LossName = "softmax",
) -> Problem:
    """Check arrays and build the operators of a fit; see :func:`air_core.solver.sadmm`.

    Parameters
    ----------
    features, labels, n_classes, device, dtype
    scale : float, optional
        What features are divided by; the mean row norm of the labelled ones by default.
    index : ndarray of int, optional
        Rows of ``features`` and ``labels`` that are all of the problem; they are not copied.
    across : Across
        Other processes with other rows of the problem; ``n_classes`` is needed then.
    loss : {"softmax", "squared_hinge"}
        Of labels; tags have a logistic loss each.
    """
    if loss not in get_args(LossName):
        raise SolverError(f"Expected loss among {', '.join(get_args(LossName))}, got {loss!r}.")
    if loss != "softmax" and is_multilabel(labels):
        raise SolverError(
            f"Expected one label an image for the {loss} loss, got tags.",
            hint='Leave loss="softmax": each tag has its own logistic loss then.',
        )
    x = check_features(features, index)
    labels_here = labels if index is None else np.asarray(labels)[index]
    count = len(x) if index is None else len(index)
    if is_multilabel(labels):
        tags = check_tags(labels_here, count)
        has_label = ~np.isnan(tags).all(axis=1)
    else:
        y, classes = check_labels(labels_here, count, n_classes, alone=across.size == 1)
        has_label = y >= 0
    labelled, unlabelled = np.flatnonzero(has_label), np.flatnonzero(~has_label)
    rows = labelled if index is None else index[labelled]
    rest = unlabelled if index is None else index[unlabelled]
    every_row = len(rows) == len(x)
    scale = scale or mean_row_norm(x, None if every_row else rows)
    if across.size > 1:
        scale = across.total(scale * len(rows)) / across.total(len(rows))
    matrix = FeatureMatrix(
        x,
        scale=scale,
        index=None if every_row else rows,
        device=device,
        dtype=dtype,
        across=across,
    )
    made: Loss
    if is_multilabel(labels):
        known = torch.as_tensor(tags[labelled]).to(dtype).to(device)
        made, own = SigmoidLoss(known, across), known == 1
    else:
        classes_of = torch.as_tensor(y[labelled], device=device)
        if loss == "softmax":
            made = SoftmaxLoss(classes_of, classes, across)
        else:
            made = SquaredHingeLoss(classes_of, classes, across, dtype=dtype)
        own = torch.zeros((len(labelled), classes), dtype=torch.bool, device=device)
        own.scatter_(1, classes_of.unsqueeze(1), value=True)
    return Problem(
        matrix=matrix,
        loss=made,
        own=own,
        labelled=torch.as_tensor(labelled, device=device),
        rest=FeatureMatrix(x, scale=scale, index=rest, device=device, dtype=dtype, resident_bytes=0)
        if len(rest)
        else None,
        unlabelled=torch.as_tensor(unlabelled, device=device),
    )
