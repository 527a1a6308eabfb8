"""What is written down of a fit while it runs."""

from __future__ import annotations

import math
from typing import Any

import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from air_core.solver.config import SolverConfig
from air_core.solver.penalty import activations, group_norms
from air_core.solver.problem import Problem


def own_activations(problem: Problem, coef: torch.Tensor) -> NDArray[Any]:
    """Activation in the given label's own class, for all images; NaN where there is no label.

    With several tags an image, the smallest over its tags: the one least supported.
    """
    per_class = activations(problem.matrix, coef)
    lowest = per_class.masked_fill(~problem.own, math.inf).amin(dim=1)
    lowest = problem.with_gaps(lowest.masked_fill(lowest.isinf(), math.nan))
    result: NDArray[Any] = lowest.cpu().numpy()
    return result


def own_margins(problem: Problem, scores: torch.Tensor) -> NDArray[Any]:
    """Probability of the given label minus that of the best other class, for all images.

    ``scores`` are those of the labelled images. With several tags an image, the least agreement
    over the tags that are known: ``2 P(tag) − 1`` where it is given, ``1 − 2 P(tag)`` where not.
    NaN without a label.
    """
    if problem.loss.one_class_each:
        probability = torch.softmax(scores, dim=1)
        best_other = probability.masked_fill(problem.own, -math.inf).amax(dim=1)
        margin = probability.masked_fill(~problem.own, -math.inf).amax(dim=1) - best_other
    else:
        signed = 2 * torch.sigmoid(scores) - 1
        agreeing = torch.where(problem.own, signed, -signed)
        margin = agreeing.masked_fill(~problem.loss.known, math.inf).amin(dim=1)
    result: NDArray[Any] = problem.with_gaps(margin).cpu().numpy()
    return result


def epoch_record(
    problem: Problem,
    coef: torch.Tensor,
    intercept: torch.Tensor,
    config: SolverConfig,
    lambda_g: float,
) -> dict[str, float]:
    """Objective, agreement with the given labels and activation quantiles of averaged weights."""
    scores, squares = problem.matrix.forward_both(coef, coef.square())
    per_class = squares.clamp_min(0).sqrt()
    penalty = float(group_norms(per_class, config.group).sum())
    own = per_class[problem.own]
    if not len(own):  # no image has any tag
        own = own.new_full((1,), math.nan)
    quantiles = torch.quantile(_at_most(own, 100_000).cpu().double(), _LEVELS)
    low, middle, high = quantiles.tolist()
    ridge = config.lambda_1 * float(coef.square().sum())
    return {
        "objective": problem.loss.value(scores + intercept) + ridge + lambda_g * penalty,
        "given_label_accuracy": agreement(problem, scores + intercept),
        "activation_q10": low,
        "activation_q50": middle,
        "activation_q90": high,
    }


def held_out_record(
    held_out: Problem, coef: torch.Tensor, intercept: torch.Tensor
) -> dict[str, float]:
    """Agreement with labels that were held out, and their loss."""
    scores = held_out.matrix.forward(coef) + intercept
    return {
        "validation_accuracy": agreement(held_out, scores),
        "validation_loss": calibrated_loss(held_out, scores),
    }


# Apple's GPUs have no float64: what wants it is computed on the CPU.
_LEVELS = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)


def _at_most(values: torch.Tensor, count: int) -> torch.Tensor:
    """An evenly spaced part of many values: quantiles need no more."""
    return values[:: max(1, len(values) // count)]


def calibrated_loss(problem: Problem, scores: torch.Tensor) -> float:
    """Mean loss after the scores are multiplied by the one number that suits them best.

    AIR shrinks scores by design, more so the stronger it is: without the number the loss would
    judge how far they were shrunk rather than what they tell.
    """
    found = minimize_scalar(
        lambda log_factor: problem.loss.value(scores * math.exp(log_factor)),
        bounds=(-4.0, 5.0),
        method="bounded",
        options={"xatol": 0.02},
    )
    return float(found.fun) / problem.matrix.n


def agreement(problem: Problem, scores: torch.Tensor) -> float:
    """Share of given labels that the model gives too; of tags, those on the right side of 0."""
    if problem.loss.one_class_each:
        hit = problem.own.gather(1, scores.argmax(dim=1, keepdim=True)).squeeze(1)
        return float(hit.cpu().double().mean())
    hits = ((scores > 0) == problem.own)[problem.loss.known]
    return float(hits.cpu().double().mean())
