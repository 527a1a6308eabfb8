"""The auxiliary image regularizer ‖Fw‖_g and its proximal operator."""

from __future__ import annotations

import torch

from air_core.solver.matrix import FeatureMatrix


def shrinkage(norms: torch.Tensor, threshold: float) -> torch.Tensor:
    """Factor by which the group prox scales each group (paper Eq. 6).

    ``prox_{2,α}(z) = s z`` with ``s = max(0, 1 - α/‖z‖)``.

    Parameters
    ----------
    norms : Tensor
        ``‖z_g‖₂`` of every group, ≥ 0.
    threshold : float
        α = λ_g / ρ.

    Returns
    -------
    Tensor of the shape of ``norms``, in [0, 1]

    Examples
    --------
    >>> shrinkage(torch.tensor([0.0, 1.0, 4.0]), 2.0)
    tensor([0.0000, 0.0000, 0.5000])
    """
    if threshold == 0:
        return torch.ones_like(norms)
    return (1 - threshold / norms.clamp_min(torch.finfo(norms.dtype).tiny)).clamp_min_(0)


def activations(matrix: FeatureMatrix, coef: torch.Tensor) -> torch.Tensor:
    """Activation of every image in every class, ``‖x_i ∘ w_c‖₂``.

    ``‖x_i ∘ w_c‖² = Σ_j x_ij² w_jc²``: one matrix product instead of n·p·C numbers.

    Parameters
    ----------
    matrix : FeatureMatrix
        (n, p).
    coef : Tensor of shape (p, C)

    Returns
    -------
    Tensor of shape (n, C)
    """
    return matrix.forward_squared(coef.square()).clamp_min_(0).sqrt_()


def group_norms(per_class: torch.Tensor, group: str) -> torch.Tensor:
    """Norms of the groups from norms ``(n, C)`` per image and class."""
    if group == "image":
        return per_class.square().sum(dim=1, keepdim=True).sqrt_()
    return per_class
