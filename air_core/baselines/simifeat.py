"""SimiFeat: wrong labels from neighbours alone (Zhu, Dong and Liu, ICML 2022).

Their "clusterability": an image and its two nearest have the same true label. Then how often
labels agree within such triples tells the noise transition T and the classes' shares (HOC, Zhu,
Song and Liu, ICML 2021), a vote among neighbours tells the true label, and T tells how many labels
of each class to doubt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from air_core.baselines.neighbours import counted, nearest_labelled
from air_core.errors import SolverError
from air_core.progress import ProgressCallback, silent

Floats = NDArray[np.float32]
Method = Literal["vote", "rank"]


@dataclass(frozen=True, slots=True)
class SimiFeatResult:
    """What the neighbours say.

    Parameters
    ----------
    shares : ndarray of shape (n, C), dtype float32
        Labels among the neighbours, averaged over the rounds.
    doubt : ndarray of shape (n,), dtype float32
        Share of the rounds in which the label was found wrong; NaN where unlabelled.
    transition : ndarray of shape (C, C)
        T, true → given, by HOC; the identity where the method did not need it.
    """

    shares: Floats
    doubt: Floats
    transition: NDArray[np.float64]


def simifeat(
    features: NDArray[np.floating],
    labels: NDArray[np.integer],
    *,
    n_classes: int,
    method: Method = "vote",
    k: int = 10,
    rounds: int = 21,
    sample: float = 0.8,
    seed: int = 0,
    known: NDArray[np.intp] | None = None,
    progress: ProgressCallback = silent,
) -> SimiFeatResult:
    """Find wrong labels by local voting (SimiFeat-V) or by ranking within classes (SimiFeat-R).

    The paper takes another random augmentation of the images in each of its 21 rounds; features
    are given here, so that the rounds draw the images that may be neighbours instead.

    Parameters
    ----------
    features : ndarray of shape (n, p)
    labels : ndarray of shape (n,)
        Class indices; −1 unlabelled.
    n_classes : int
    method : {"vote", "rank"}
        A label is wrong where the neighbours' majority is another; or where it is among the
        ``N_j P(true ≠ j | given j)`` labels of its class j that its neighbours share least.
    k, rounds : int
    sample : float
        Share of images that may be neighbours in a round.
    seed : int
    known : ndarray of shape (n, m), optional
        What :func:`~air_core.baselines.neighbours.nearest_labelled` found before; it is used where
        m is enough.
    progress : callable

    Raises
    ------
    SolverError
        If fewer than four images are labelled.
    """
    labelled = np.flatnonzero(labels >= 0)
    if len(labelled) < 4:
        raise SolverError(f"Expected at least four labelled images, got {len(labelled)}.")
    # Among these there are k of every sample, nearly always.
    wide = min(len(labelled) - 1, int(np.ceil(k / sample)) + 12)
    k = min(k, wide)
    if known is not None and known.shape[1] >= wide:
        found = known[:, :wide]
    else:
        found = nearest_labelled(features, labels, wide, progress)
    transition, prior = np.eye(n_classes), np.full(n_classes, 1 / n_classes)
    if method == "rank":
        transition, prior = hoc(labels[labelled], labels[found[labelled, :2]], n_classes)
    # A stream of its own: noise drawn for a test by the same seed would choose the rows, too.
    rng = np.random.default_rng([seed, 1])
    shares = np.zeros((len(labels), n_classes), dtype=np.float32)
    doubt = np.zeros(len(labels), dtype=np.float32)
    for number in range(rounds):
        progress(number, rounds, "Letting neighbours vote")
        drawn = rng.random(len(labels)) < sample
        # A stable sort brings the drawn ones forward, nearest first.
        order = np.argsort(~drawn[found], axis=1, kind="stable")[:, :k]
        share = counted(np.take_along_axis(found, order, axis=1), labels, n_classes)
        shares += share / rounds
        if method == "vote":
            wrong = share.argmax(axis=1) != labels
        else:
            wrong = _least_shared(share, labels, transition, prior)
        doubt += wrong / np.float32(rounds)
    doubt[labels < 0] = np.nan
    return SimiFeatResult(shares, doubt, transition)


def hoc(
    labels: NDArray[np.integer], pairs: NDArray[np.integer], n_classes: int, *, steps: int = 1000
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The transition and shares of classes that explain how labels agree among neighbours.

    With the same true label y behind an image's label and those of its two nearest, the chance of
    labels (a, b, c) is ``Σ_y π_y T_ya T_yb T_yc``: T and π are those of the least squared distance
    to the frequencies seen, of single labels, of pairs and of triples.

    Parameters
    ----------
    labels : ndarray of shape (n,)
    pairs : ndarray of shape (n, 2)
        Labels of the two nearest.
    n_classes, steps : int

    Returns
    -------
    transition : ndarray of shape (C, C)
        True → given.
    prior : ndarray of shape (C,)
        Shares of the true labels.
    """
    import torch

    n = len(labels)
    first = np.bincount(labels, minlength=n_classes) / n
    second = np.bincount(labels * n_classes + pairs[:, 0], minlength=n_classes**2) / n
    codes, triple = np.unique(
        (labels * n_classes + pairs[:, 0]) * n_classes + pairs[:, 1], return_counts=True
    )
    a, b, c = (
        torch.from_numpy(part)
        for part in (codes // n_classes**2, codes // n_classes % n_classes, codes % n_classes)
    )
    seen = [
        torch.from_numpy(f).double()
        for f in (first, second.reshape(n_classes, n_classes), triple / n)
    ]
    flips = (torch.eye(n_classes, dtype=torch.float64) * 5 - 2.5).requires_grad_()
    shares = torch.from_numpy(np.log(first + 1e-3)).requires_grad_()
    search = torch.optim.Adam([flips, shares], lr=0.1)
    for _ in range(steps):
        search.zero_grad()
        t, prior = flips.softmax(dim=1), shares.softmax(dim=0)
        weighted = prior[:, None] * t
        # Σ over all triples of the expected squared, without the C³ of them:
        # Σ_yz (π_y T_y · π_z T_z)(T_y · T_z)².
        alike = t @ t.T
        expected = ((weighted @ weighted.T) * alike**2).sum()
        at_seen = (weighted[:, a] * t[:, b] * t[:, c]).sum(dim=0)
        cubes = expected - 2 * (at_seen * seen[2]).sum() + (seen[2] ** 2).sum()
        loss = ((prior @ t - seen[0]) ** 2).sum() + ((weighted.T @ t - seen[1]) ** 2).sum() + cubes
        loss.backward()  # type: ignore[no-untyped-call]
        search.step()
    with torch.no_grad():
        return flips.softmax(dim=1).numpy(), shares.softmax(dim=0).numpy()


def _least_shared(
    shares: Floats,
    labels: NDArray[np.integer],
    transition: NDArray[np.float64],
    prior: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Of each class as many labels as T says are wrong, those with the least cosine."""
    lengths = np.maximum(np.linalg.norm(shares, axis=1), 1e-12)
    own = shares[np.arange(len(labels)), np.maximum(labels, 0)] / lengths
    wrong = np.zeros(len(labels), dtype=np.bool_)
    given = prior @ transition
    for label in np.unique(labels[labels >= 0]):
        rows = np.flatnonzero(labels == label)
        right = prior[label] * transition[label, label] / max(float(given[label]), 1e-12)
        count = int(np.clip(round(len(rows) * (1 - right)), 0, len(rows)))
        wrong[rows[np.argsort(own[rows], kind="stable")[:count]]] = True
    return wrong
