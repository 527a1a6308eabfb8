"""The auxiliary image regularizer as a penalty for any training loop, inner layers included."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import nn

from air_core.errors import SolverError
from air_core.solver.config import Group

Reduction = Literal["mean", "sum"]


class AuxiliaryImageRegularizer(nn.Module):
    """``λ_g Σ_i Σ_c ‖x_i ∘ w_c‖₂`` of a batch (the last term of Eq. 3 with ``v = F W``).

    Add it to the loss of a network whose top layer is linear. The gradient reaches the weights of
    that layer and, through the features, every layer below: what the paper leaves to future work.

    Parameters
    ----------
    lambda_scale : float
        λ_g as a multiple of 1/p, where p is the length of a feature vector; the paper's is 10.
    group : {"image_class", "image"}
        One group per image and class (the paper), or one per image: ``λ_g Σ_i ‖x_i ∘ W‖_F``.
    reduction : {"mean", "sum"}
        ``"mean"`` divides the sum over the batch by b and goes with a loss that is a mean over
        images: whatever the batch, its expectation is 1/n of the objective. ``"sum"`` goes with a
        summed loss; with mini-batches multiply loss and penalty by n/b to estimate the sum over
        all n images.

    Raises
    ------
    SolverError
        For other values of these.

    Notes
    -----
    ``‖x_i ∘ w_c‖ = sqrt([X² W²ᵀ]_ic)``: O(bp + bC) memory beside the weights, instead of b·p·C.
    At zero, where the norm has no gradient, the subgradient 0 is taken. Half precision is computed
    in float32, under autocast too, since squares of small weights vanish in float16.

    The paper's 10 belongs to its ADMM, stopped early. A loop that comes close to the optimum needs
    more before wrong labels stand out: 100 to 600 with 60 images and p = 1,280.

    The penalty depends on ``x ∘ w`` alone, as the scores do, so the scale of the features does not
    matter: features ten times larger with weights ten times smaller give the same value. That is
    true of a frozen network; one that is trained as well could shrink its features and let the
    weights grow, but gains nothing by it.

    Examples
    --------
    >>> penalty = AuxiliaryImageRegularizer(lambda_scale=10)
    >>> features, head = torch.tensor([[3.0, 4.0], [0.0, 0.0]]), nn.Linear(2, 1)
    >>> _ = nn.init.ones_(head.weight)
    >>> float(penalty(features, head.weight).detach())  # 10/2 · (5 + 0) / 2 images
    12.5
    """

    def __init__(
        self,
        lambda_scale: float = 10.0,
        *,
        group: Group = "image_class",
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__()
        if not 0 <= lambda_scale < float("inf"):
            raise SolverError(f"Expected lambda_scale >= 0, got {lambda_scale!r}.")
        for name, value, allowed in (
            ("group", group, get_args(Group)),
            ("reduction", reduction, get_args(Reduction)),
        ):
            if value not in allowed:
                raise SolverError(f"Expected {name} among {', '.join(allowed)}, got {value!r}.")
        self.lambda_scale = lambda_scale
        self.group = group
        self.reduction = reduction

    def forward(self, features: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Penalty of a batch.

        Parameters
        ----------
        features : Tensor of shape (b, p)
            What the linear layer is given; the method assumes features ≥ 0.
        weight : Tensor of shape (C, p)
            As :class:`torch.nn.Linear` has it. A bias takes no part.

        Returns
        -------
        Tensor of shape (), float32 or float64

        Raises
        ------
        SolverError
            If the shapes do not match.
        """
        norms = self.activations(features, weight)
        if self.group == "image":
            norms = _safe_sqrt(norms.square().sum(dim=1))
        total = norms.sum() * (self.lambda_scale / weight.shape[1])
        # An empty batch has no penalty rather than a mean of nothing.
        return total / max(len(features), 1) if self.reduction == "mean" else total

    def activations(self, features: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """``‖x_i ∘ w_c‖₂`` of every image in every class, differentiable.

        Its entry in the given label's own class is the audit score of an image: low is suspicious.

        Parameters
        ----------
        features : Tensor of shape (b, p)
        weight : Tensor of shape (C, p)

        Returns
        -------
        Tensor of shape (b, C), float32 or float64
        """
        if features.ndim != 2 or weight.ndim != 2 or features.shape[1] != weight.shape[1]:
            raise SolverError(
                "Expected features of shape (b, p) and a weight of shape (C, p), got "
                f"{tuple(features.shape)} and {tuple(weight.shape)}."
            )
        precision = torch.promote_types(
            torch.promote_types(features.dtype, weight.dtype), torch.float32
        )
        with torch.autocast(features.device.type, enabled=False):
            return _safe_sqrt(features.to(precision).square() @ weight.to(precision).square().T)

    def extra_repr(self) -> str:
        """What ``repr`` shows of the settings."""
        return f"lambda_scale={self.lambda_scale}, group={self.group}, reduction={self.reduction}"


def _safe_sqrt(squares: torch.Tensor) -> torch.Tensor:
    """Square root whose derivative at 0 is 0: selecting first keeps 1/0 out of the gradient."""
    positive = squares > 0
    return torch.where(positive, torch.where(positive, squares, 1.0).sqrt(), 0.0)
