"""The losses that AIR regularizes: softmax cross-entropy (Eq. 2), and its multi-label sister.

Each knows its value, its derivative by the scores (the *residual*), the best bias for given
scores, and the dual value that certifies how far a solution is from the optimum.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch.nn import functional


class Loss(Protocol):
    """What the solvers ask of a loss; ``targets`` were given at construction."""

    n_classes: int
    counted: torch.Tensor
    known: torch.Tensor
    one_class_each: bool

    def value(self, scores: torch.Tensor) -> float:
        """Loss summed over images, in float64."""

    def residual(self, scores: torch.Tensor, rows: torch.Tensor | None = None) -> torch.Tensor:
        """Derivative by the scores, shape (n, C); zero where there is no label."""

    def curvature(self, scores: torch.Tensor) -> torch.Tensor:
        """Diagonal of the second derivative by the scores, shape (n, C)."""

    def best_bias(self, scores: torch.Tensor, start: torch.Tensor, steps: int) -> torch.Tensor:
        """Newton steps on the bias, for scores without it."""

    def dual_value(self, residual: torch.Tensor) -> float:
        """``−Σ conjugate(residual)``, the entropy of the label distribution that it means."""


class SoftmaxLoss:
    """Cross-entropy of a softmax over classes, one label an image (Eq. 2).

    Parameters
    ----------
    labels : Tensor of shape (n,), int64
        −1: no label, no loss.
    n_classes : int
    """

    one_class_each = True

    def __init__(self, labels: torch.Tensor, n_classes: int) -> None:
        self.labels = labels
        self.n_classes = n_classes
        self.counted = labels >= 0
        self.known = self.counted.unsqueeze(1).expand(-1, n_classes)
        self._safe = labels.clamp_min(0)

    def value(self, scores: torch.Tensor) -> float:
        losses = functional.cross_entropy(scores, self.labels, ignore_index=-1, reduction="none")
        return float(losses.sum(dtype=_sum_dtype(losses)))

    def residual(self, scores: torch.Tensor, rows: torch.Tensor | None = None) -> torch.Tensor:
        labels = self._safe if rows is None else self._safe[rows]
        counted = self.counted if rows is None else self.counted[rows]
        residual = torch.softmax(scores, dim=1)
        residual.scatter_add_(1, labels.unsqueeze(1), residual.new_full((len(labels), 1), -1.0))
        return residual.mul_(counted.unsqueeze(1))

    def curvature(self, scores: torch.Tensor) -> torch.Tensor:
        probability = torch.softmax(scores, dim=1)
        return (probability * (1 - probability)).mul_(self.counted.unsqueeze(1))

    def best_bias(self, scores: torch.Tensor, start: torch.Tensor, steps: int) -> torch.Tensor:
        bias, count = start, self.counted.sum()
        for _ in range(steps):
            probability = torch.softmax(scores + bias, dim=1).mul_(self.counted.unsqueeze(1))
            gradient = probability.sum(dim=0)
            hessian = torch.diag(gradient) - probability.T @ probability
            gradient = gradient - torch.bincount(
                self.labels[self.counted], minlength=self.n_classes
            ).to(gradient)
            # Adding the same number to every bias changes nothing; the constant pins it down, and
            # classes without an image get a finite step.
            hessian += count / self.n_classes**2
            hessian.diagonal().add_(1e-6 * count)
            step = torch.linalg.solve(hessian, gradient)
            bias = bias - step.clamp(-4, 4)
            if float(step.abs().max()) < _bias_tolerance(scores):
                break
        return bias

    def dual_value(self, residual: torch.Tensor) -> float:
        q = residual.clone()
        q.scatter_add_(1, self._safe.unsqueeze(1), q.new_ones((len(q), 1)))
        q = q.clamp_min_(0)[self.counted]
        return -float(torch.xlogy(q, q).sum(dtype=_sum_dtype(q)))


class SigmoidLoss:
    """Binary cross-entropy of each tag on its own, any number of tags an image.

    Parameters
    ----------
    tags : Tensor of shape (n, C), floating
        1 present, 0 absent, NaN unknown (no loss).
    """

    one_class_each = False

    def __init__(self, tags: torch.Tensor) -> None:
        self.n_classes = tags.shape[1]
        self.known = ~torch.isnan(tags)
        self.tags = torch.nan_to_num(tags)
        self.counted = self.known.any(dim=1)

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
        bias = start
        for _ in range(steps):
            shifted = scores + bias
            gradient = self.residual(shifted).sum(dim=0)
            curvature = self.curvature(shifted).sum(dim=0) + 1e-6 * len(scores)
            step = (gradient / curvature).clamp(-4, 4)
            bias = bias - step
            if float(step.abs().max()) < _bias_tolerance(scores):
                break
        return bias

    def dual_value(self, residual: torch.Tensor) -> float:
        q = (residual + self.tags).clamp(0, 1)
        entropy = -(torch.xlogy(q, q) + torch.xlogy(1 - q, 1 - q))
        return float((entropy * self.known).sum(dtype=_sum_dtype(q)))


def _bias_tolerance(scores: torch.Tensor) -> float:
    """A step that changes no probability beyond rounding."""
    return 20 * torch.finfo(scores.dtype).eps


def _sum_dtype(tensor: torch.Tensor) -> torch.dtype:
    """Float64 for long sums, where the device has it."""
    return tensor.dtype if tensor.device.type == "mps" else torch.float64
