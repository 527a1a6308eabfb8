"""Settings chosen on a held-out noisy split, as the paper chose β, the batch size and ρ_max."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import StratifiedShuffleSplit

from air_core.progress import ProgressCallback, silent
from air_core.solver.config import LossName, SolverConfig
from air_core.solver.problem import Problem, is_multilabel, make_problem
from air_core.solver.sadmm import run

Candidate = TypeVar("Candidate")
HELD_OUT = 0.2
# Up to so many mini-batches an epoch, a pass over all groups at each is affordable.
FEW_BLOCKS = 12
# Fewer held-out images than this say nothing about settings.
FEWEST = 50


@dataclass(frozen=True, slots=True)
class Trial:
    """What one candidate reached on the held-out split.

    Parameters
    ----------
    config : SolverConfig
        With ``epochs`` at the best epoch.
    accuracy : float
        Agreement with the held-out given labels at that epoch.
    loss : float
        Their cross-entropy, after one temperature for all.
    accuracies, losses : tuple of float
        Both after every epoch that was run.
    """

    config: SolverConfig
    accuracy: float
    loss: float
    accuracies: tuple[float, ...]
    losses: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Tuning:
    """The chosen settings and everything that was tried.

    Parameters
    ----------
    config : SolverConfig
        For the fit of all images.
    trials : tuple of Trial
        In the order they were made.
    reason : str
        How it was chosen, in words.
    winner : Trial or None
        The one that ``config`` comes from; None where nothing was tried.
    """

    config: SolverConfig
    trials: tuple[Trial, ...]
    reason: str
    winner: Trial | None = None


def strength_ladder(base: SolverConfig, n: int) -> list[SolverConfig]:
    """Candidates for n images, from the strongest hold of the duals on w to the weakest.

    ρ decides how far w gets in a given number of epochs, and with it how strongly the images'
    groups act. Groups are updated by blocks, with a constant ρ.
    """
    blocks = -(-n // base.batch_size)
    return [replace(base, update="block", rho=rho, rho_max=rho * blocks) for rho in STRENGTHS]


def paper_grid(
    base: SolverConfig | None = None,
    *,
    betas: Sequence[float] = (1.1, 1.3, 1.5),
    batch_sizes: Sequence[int] = (128, 256),
    rho_maxima: Sequence[float] = (30.0, 100.0, 300.0),
    lambda_scales: Sequence[float] = (10.0,),
) -> list[SolverConfig]:
    """What the paper cross-validates: β, batch size and ρ_max, and λ_g where asked for.

    Hand it to :func:`tune` as ``candidates``; the stopping epoch is chosen along with them.

    Examples
    --------
    >>> len(paper_grid())
    18
    """
    return [
        replace(
            base or SolverConfig(),
            beta=beta,
            batch_size=batch_size,
            rho_max=rho_max,
            lambda_scale=scale,
        )
        for beta, batch_size, rho_max, scale in product(
            betas, batch_sizes, rho_maxima, lambda_scales
        )
    ]


STRENGTHS = (100.0, 30.0, 10.0, 3.0, 1.0, 0.3)
# Where the climb starts: the best or next to the best on every set we measured.
FIRST = STRENGTHS.index(10.0)
# Over the square root of the held-out images: below this share of the loss two strengths cannot
# be told apart. On half-flipped Caltech the paired standard error was some 0.15 % of 543 images.
TIE = 0.05
# Merges of past iterates that change the duals by up to so much leave six digits of the loss, and
# half as many iterates.
_ROUGH = 1e-3
# Epochs without a lower loss on held-out labels after which no lower one is expected.
_PATIENCE = 10


def tune(
    features: ArrayLike,
    labels: ArrayLike,
    *,
    base: SolverConfig | None = None,
    candidates: Sequence[SolverConfig] | None = None,
    n_classes: int | None = None,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    progress: ProgressCallback = silent,
) -> Tuning:
    """Choose settings and stopping epoch on a held-out split of the noisy labels.

    By default ρ is chosen, walking along :func:`strength_ladder` while the loss falls; with
    ``candidates``, among those. Each is fitted on four fifths of the images and judged after each
    epoch by the given labels of the rest, wrong ones included: no truth is needed, because labels
    that are wrong at random cost all candidates alike. One whose loss has not fallen for ten epochs
    is left. Along the ladder past iterates are merged sooner than in the fit that follows; of the
    loss that leaves six digits.

    Parameters
    ----------
    features : array of shape (n, p)
    labels : array of shape (n,) or (n, C)
        As for :func:`~air_core.solver.sadmm`.
    base : SolverConfig, optional
        Settings that the default candidates share; the paper's by default.
    candidates : sequence of SolverConfig, optional
        Any settings to choose among instead: β, batch size, ρ_max, λ_g.
    n_classes, device, dtype, progress

    Returns
    -------
    Tuning
        Too few images for a split: the first candidate, and ``reason`` says so.
    """
    chosen = list(candidates or ())
    base = base or SolverConfig()
    split = held_out_rows(labels, (chosen or [base])[0].seed)
    if split is None:
        reason = f"the settings as given: too few images to hold {FEWEST} of them out"
        return Tuning((chosen or [base])[0], (), reason)
    train, held_out = halves(features, labels, split, n_classes, device=device, dtype=dtype)
    trials: dict[SolverConfig, Trial] = {}
    total = len(chosen) or len(STRENGTHS) - 2  # a climb rarely needs more

    def loss_of(config: SolverConfig) -> float:
        if config not in trials:
            progress(min(len(trials), total - 1), total, "Choosing the strength")
            tried = config if chosen else replace(config, history_tolerance=_ROUGH)
            history = run(train, tried, held_out=held_out, patience=_PATIENCE).history
            accuracies = tuple(record["validation_accuracy"] for record in history)
            losses = tuple(record["validation_loss"] for record in history)
            best = int(np.argmin(losses))
            trials[config] = Trial(
                replace(config, epochs=best + 1),
                accuracy=accuracies[best],
                loss=losses[best],
                accuracies=accuracies,
                losses=losses,
            )
        return trials[config].loss

    if chosen:
        winner = trials[min(chosen, key=loss_of)]
    else:
        tie = TIE / held_out.matrix.n**0.5
        winner = trials[climb(strength_ladder(base, train.matrix.n), FIRST, loss_of, tie)]
    progress(total, total, "Choosing the strength")
    count = train.matrix.n + held_out.matrix.n
    config = winner.config if chosen else _for_all(winner.config, count)
    reason = (
        f"rho_max {config.rho_max:g}, {config.epochs} epochs: least loss on "
        f"{held_out.matrix.n} held-out given labels among {len(trials)} candidates"
    )
    return Tuning(config, tuple(trials.values()), reason, winner)


def halves(
    features: ArrayLike,
    labels: ArrayLike,
    split: tuple[NDArray[Any], NDArray[Any]],
    n_classes: int | None,
    *,
    device: str | torch.device,
    dtype: torch.dtype,
    loss: LossName = "softmax",
) -> tuple[Problem, Problem]:
    """The problem to fit and the one to judge by: rows of the same array, neither a copy."""
    y = np.asarray(labels)
    classes = n_classes or (None if is_multilabel(y) else int(y.max()) + 1)
    train = make_problem(
        features, y, classes, index=split[0], device=device, dtype=dtype, loss=loss
    )
    held_out = make_problem(
        features,
        y,
        classes,
        index=split[1],
        scale=train.matrix.scale,
        device=device,
        dtype=dtype,
        loss=loss,
    )
    return train, held_out


def _for_all(config: SolverConfig, n: int) -> SolverConfig:
    """The same strength for n images, with all groups updated at every step if affordable."""
    blocks = -(-n // config.batch_size)
    rho_max = config.rho * blocks
    if blocks > FEW_BLOCKS:
        return replace(config, rho_max=rho_max)
    return replace(config, update="all", rho=min(SolverConfig().rho, rho_max), rho_max=rho_max)


def climb(
    ladder: Sequence[Candidate],
    start: int,
    loss_of: Callable[[Candidate], float],
    tie: float,
) -> Candidate:
    """Walk from ``start`` while the loss falls by more than ``tie``: it has one valley."""
    for step in (1, -1):
        here = start
        while 0 <= here + step < len(ladder) and (
            loss_of(ladder[here + step]) < (1 - tie) * loss_of(ladder[here])
        ):
            here += step
        if here != start:
            break
    return ladder[here]


def held_out_rows(labels: ArrayLike, seed: int) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """Labelled rows to fit and to judge by, stratified where there is one label each."""
    y = np.asarray(labels)
    if is_multilabel(y):
        rows = np.flatnonzero(~np.isnan(y).all(axis=1))
        # A stream of its own: noise drawn for a test by the same seed would be held out as a whole.
        order = np.random.default_rng([seed, 1]).permutation(rows)
        cut = int(HELD_OUT * len(rows))
        return None if cut < FEWEST else (np.sort(order[cut:]), np.sort(order[:cut]))
    classes, counts = np.unique(y[y >= 0], return_counts=True)
    rows = np.flatnonzero(np.isin(y, classes[counts >= 2]))
    if HELD_OUT * len(rows) < max(FEWEST, (counts >= 2).sum()) or (counts >= 2).sum() < 2:
        return None
    splitter = StratifiedShuffleSplit(1, test_size=HELD_OUT, random_state=seed)
    _, held = next(splitter.split(rows[:, None], y[rows]))
    # Images of classes with a single one take part in the fit.
    return np.setdiff1d(np.flatnonzero(y >= 0), rows[held]), np.sort(rows[held])
