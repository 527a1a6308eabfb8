"""The losses that AIR regularizes: softmax cross-entropy (Eq. 2), its multi-label sister, and the
squared hinge of the SVM that the paper compares with.

Each knows its value, its derivative by the scores (the *residual*), the best bias for given
scores, and the dual value that certifies how far a solution is from the optimum.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch.nn import functional

from air_core.solver.across import ALONE, Across


class Loss(Protocol):
    """What the solvers ask of a loss; ``targets`` were given at construction."""

    n_classes: int
    known: torch.Tensor
    one_class_each: bool

    def value(self, scores: torch.Tensor) -> float:
        """Loss summed over images, in float64."""

    def residual(self, scores: torch.Tensor, rows: torch.Tensor | None = None) -> torch.Tensor:
        """Derivative by the scores, shape (n, C); zero where a tag is not known."""

    def curvature(self, scores: torch.Tensor) -> torch.Tensor:
        """Diagonal of the second derivative by the scores, shape (n, C)."""

    def best_bias(self, scores: torch.Tensor, start: torch.Tensor, steps: int) -> torch.Tensor:
        """Newton steps on the bias, for scores without it."""

    def dual_value(self, residual: torch.Tensor) -> float:
        """``−Σ conjugate(residual)``; of a softmax, the entropy of the labels that it means."""


class SoftmaxLoss:
    """Cross-entropy of a softmax over classes, one label an image (Eq. 2).

    Parameters
    ----------
    labels : Tensor of shape (n,), int64
    n_classes : int
    """

    one_class_each = True

    def __init__(self, labels: torch.Tensor, n_classes: int, across: Across = ALONE) -> None:
        self.labels = labels
        self.across = across
        self.n_classes = n_classes
        self.known = torch.ones((1, 1), dtype=torch.bool, device=labels.device)

    def value(self, scores: torch.Tensor) -> float:
        losses = functional.cross_entropy(scores, self.labels, reduction="none")
        return float(losses.sum(dtype=_sum_dtype(losses)))

    def residual(self, scores: torch.Tensor, rows: torch.Tensor | None = None) -> torch.Tensor:
        labels = self.labels if rows is None else self.labels[rows]
        residual = torch.softmax(scores, dim=1)
        return residual.scatter_add_(
            1, labels.unsqueeze(1), residual.new_full((len(labels), 1), -1.0)
        )

    def curvature(self, scores: torch.Tensor) -> torch.Tensor:
        probability = torch.softmax(scores, dim=1)
        return probability * (1 - probability)

    def best_bias(self, scores: torch.Tensor, start: torch.Tensor, steps: int) -> torch.Tensor:
        bias, count = start, self.across.total(len(scores))
        given = self.across.sum(torch.bincount(self.labels, minlength=self.n_classes))
        for _ in range(steps):
            probability = torch.softmax(scores + bias, dim=1)
            gradient = self.across.sum(probability.sum(dim=0))
            hessian = torch.diag(gradient) - self.across.sum(probability.T @ probability)
            gradient = gradient - given.to(gradient)
            # Adding the same number to every bias changes nothing; the constant pins it down, and
            # classes without an image get a finite step.
            hessian += count / self.n_classes**2
            hessian.diagonal().add_(1e-6 * count)
            step = torch.linalg.solve(hessian, gradient)
            bias = bias - _damped(step, step.max() - step.min())
            if _negligible(step, bias):
                break
        return bias

    def dual_value(self, residual: torch.Tensor) -> float:
        q = residual.clone()
        q.scatter_add_(1, self.labels.unsqueeze(1), q.new_ones((len(q), 1))).clamp_min_(0)
        return -float(torch.xlogy(q, q).sum(dtype=_sum_dtype(q)))


class SigmoidLoss:
    """Binary cross-entropy of each tag on its own, any number of tags an image.

    Parameters
    ----------
    tags : Tensor of shape (n, C), floating
        1 present, 0 absent, NaN unknown (no loss).
    """

    one_class_each = False

    def __init__(self, tags: torch.Tensor, across: Across = ALONE) -> None:
        self.across = across
        self.n_classes = tags.shape[1]
        self.known = ~torch.isnan(tags)
        self.tags = torch.nan_to_num(tags)

    def value(self, scores: torch.Tensor) -> float:
        losses = functional.binary_cross_entropy_with_logits(scores, self.tags, reduction="none")
        return float((losses * self.known).sum(dtype=_sum_dtype(losses)))

    def residual(self, scores: torch.Tensor, rows: torch.Tensor | None = None) -> torch.Tensor:
        tags = self.tags if rows is None else self.tags[rows]
        known = self.known if rows is None else self.known[rows]
        return (torch.sigmoid(scores) - tags) * known

    def curvature(self, scores: torch.Tensor) -> torch.Tensor:
        probability = torch.sigmoid(scores)
        return probability * (1 - probability) * self.known

    def best_bias(self, scores: torch.Tensor, start: torch.Tensor, steps: int) -> torch.Tensor:
        bias, count = start, self.across.total(len(scores))
        for _ in range(steps):
            shifted = scores + bias
            gradient = self.across.sum(self.residual(shifted).sum(dim=0))
            curvature = self.across.sum(self.curvature(shifted).sum(dim=0)) + 1e-6 * count
            step = gradient / curvature
            bias = bias - _damped(step, step.abs())
            if _negligible(step, bias):
                break
        return bias

    def dual_value(self, residual: torch.Tensor) -> float:
        q = (residual + self.tags).clamp(0, 1)
        entropy = -(torch.xlogy(q, q) + torch.xlogy(1 - q, 1 - q))
        return float((entropy * self.known).sum(dtype=_sum_dtype(q)))


class SquaredHingeLoss:
    """``Σ_c max(0, 1 − y_ic s_ic)²`` with ``y_ic`` 1 for the given label and −1 for all others.

    The loss of scikit-learn's ``LinearSVC``, one class against the rest. The paper's AIR has the
    softmax.

    Parameters
    ----------
    labels : Tensor of shape (n,), int64
    n_classes : int
    dtype : torch.dtype
        Of the scores.
    """

    one_class_each = True

    def __init__(
        self,
        labels: torch.Tensor,
        n_classes: int,
        across: Across = ALONE,
        *,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.across = across
        self.n_classes = n_classes
        self.known = torch.ones((1, 1), dtype=torch.bool, device=labels.device)
        self.signs = torch.full((len(labels), n_classes), -1, dtype=dtype, device=labels.device)
        self.signs.scatter_(1, labels.unsqueeze(1), 1)

    def value(self, scores: torch.Tensor) -> float:
        return float(self._short(scores).square().sum(dtype=_sum_dtype(scores)))

    def residual(self, scores: torch.Tensor, rows: torch.Tensor | None = None) -> torch.Tensor:
        signs = self.signs if rows is None else self.signs[rows]
        return -2 * signs * (1 - signs * scores).clamp_min_(0)

    def curvature(self, scores: torch.Tensor) -> torch.Tensor:
        return 2 * (self._short(scores) > 0).to(scores.dtype)

    def best_bias(self, scores: torch.Tensor, start: torch.Tensor, steps: int) -> torch.Tensor:
        bias, count = start, self.across.total(len(scores))
        # The slope is piecewise linear and rises: Newton's steps end by themselves, from anywhere.
        for _ in range(steps):
            gradient = self.across.sum(self.residual(scores + bias).sum(dim=0))
            curvature = self.across.sum(self.curvature(scores + bias).sum(dim=0)) + 1e-6 * count
            step = gradient / curvature
            bias = bias - step
            if _negligible(step, bias):
                break
        return bias

    def dual_value(self, residual: torch.Tensor) -> float:
        short = (-self.signs * residual).clamp_min_(0)
        return float((short - short.square() / 4).sum(dtype=_sum_dtype(residual)))

    def _short(self, scores: torch.Tensor) -> torch.Tensor:
        """By how much a score falls short of the margin."""
        return (1 - self.signs * scores).clamp_min_(0)


def _damped(step: torch.Tensor, span: torch.Tensor) -> torch.Tensor:
    """A Newton step made short enough to descend from anywhere.

    Along a direction that spans R between classes the second derivative of these losses changes
    by a factor ``e^{±R}`` at most (Bach 2010), and the bound on their value that follows from it
    is least at ``ln(1 + R)/R`` of the step.
    """
    span = span.clamp_min(torch.finfo(step.dtype).tiny)
    return step * (torch.log1p(span) / span)


def _negligible(step: torch.Tensor, bias: torch.Tensor) -> bool:
    """Whether a step changes no probability beyond rounding."""
    rounding = torch.finfo(step.dtype).eps * bias.abs().amax().clamp_min(1)
    return bool(step.abs().amax() < 20 * rounding)


def _sum_dtype(tensor: torch.Tensor) -> torch.dtype:
    """Float64 for long sums, where the device has it."""
    return tensor.dtype if tensor.device.type == "mps" else torch.float64
