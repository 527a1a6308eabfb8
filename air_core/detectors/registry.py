"""The detectors there are, by name."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from air_core.detectors import methods
from air_core.detectors.detection import Detection, Fits
from air_core.errors import SolverError
from air_core.progress import ProgressCallback, silent

Method = Callable[[NDArray[Any], NDArray[Any], int, int, ProgressCallback, Fits], Detection]


@dataclass(frozen=True, slots=True)
class Detector:
    """One way to rank labels.

    Parameters
    ----------
    name, title : str
        For programs and for people.
    about : str
        What it computes, in a sentence.
    method : callable
        ``(features, targets, n_classes, seed, progress, fits) -> Detection``.
    tags : bool
        Whether items may have several labels.
    calibrated : bool
        Whether its scores are chances that the given label is right, where items have one label.
    """

    name: str
    title: str
    about: str
    method: Method
    tags: bool = True
    calibrated: bool = False


_ALL = (
    Detector(
        "consensus", "Consensus",
        "chance that the label is right: neighbours and ridge regression without it, the noise "
        "they tell of, and small heads that learn from both",
        methods.consensus, calibrated=True,
    ),
    Detector(
        "air-margin", "AIR margin",
        "AIR by the paper's SADMM: probability of the given class minus the best other",
        partial(methods.air, reading="margin"),
    ),
    Detector(
        "air-activation", "AIR activation (the paper)",
        "AIR by the paper's SADMM: activation of the given class",
        partial(methods.air, reading="activation"),
    ),
    Detector(
        "air-exact", "AIR margin, exact",
        "the optimum of AIR's objective: probability of the given class minus the best other",
        methods.air_exact,
    ),
    Detector(
        "svm-margin", "SVM margin",
        "linear SVM on the paper's grid of C: decision value minus the best other",
        partial(methods.svm, reading="margin"),
    ),
    Detector(
        "svm-activation", "SVM activation",
        "linear SVM on the paper's grid of C: activation of the given class",
        partial(methods.svm, reading="activation"),
    ),
    Detector(
        "svm-fair", "SVM margin, fair C",
        "linear SVM on a grid of C that goes low enough: decision value minus the best other",
        methods.fair_svm,
    ),
    Detector(
        "softmax", "Softmax",
        "softmax regression with cross-validated ℓ2 penalty, in sample: margin of probabilities",
        partial(methods.softmax_l2, left_out=False),
    ),
    Detector(
        "softmax-left-out", "Softmax, left out",
        "the same by five models, each without the images it is asked about",
        partial(methods.softmax_l2, left_out=True),
    ),
    Detector(
        "argmax", "Argmax is another",
        "0 where softmax regression, left out, would label an image otherwise",
        methods.argmax,
    ),
    Detector(
        "rolr", "RoLR",
        "robust logistic regression (Feng et al., 2014), one class against the rest",
        methods.robust,
    ),
    Detector(
        "knn", "k-NN vote",
        "labels of the 50 images most alike: share of the given minus the best other",
        methods.neighbours,
    ),
    Detector(
        "simifeat-vote", "SimiFeat vote",
        "in how many of 21 rounds ten neighbours outvote the label (Zhu et al., 2022)",
        partial(methods.simifeat, method="vote"), tags=False,
    ),
    Detector(
        "simifeat-rank", "SimiFeat rank",
        "in how many of 21 rounds a label is among the least shared of its class, as many as an "
        "estimated transition matrix says are wrong (Zhu et al., 2022)",
        partial(methods.simifeat, method="rank"), tags=False,
    ),
    Detector(
        "cleanlab", "Confident learning (cleanlab)",
        "the cleanlab package's label quality, normalised margin, on softmax left out",
        methods.confident, tags=False,
    ),
    Detector(
        "aum", "AUM",
        "margin of the given label, summed while a small network learns (Pleiss et al., 2020)",
        methods.area_under_margin,
    ),
)  # fmt: skip

DETECTORS: Mapping[str, Detector] = MappingProxyType({one.name: one for one in _ALL})
"""All detectors by name; the consensus first."""


def find_detector(name: str) -> Detector:
    """The detector of a name.

    Raises
    ------
    SolverError
        If there is none.

    Examples
    --------
    >>> find_detector("knn").title
    'k-NN vote'
    """
    if name not in DETECTORS:
        raise SolverError(f"Expected a detector among {', '.join(DETECTORS)}, got {name!r}.")
    return DETECTORS[name]


def detect(
    name: str,
    features: NDArray[np.floating],
    targets: NDArray[Any],
    *,
    n_classes: int,
    seed: int = 0,
    progress: ProgressCallback = silent,
    fits: Fits | None = None,
) -> Detection:
    """Ask a detector about every row.

    Parameters
    ----------
    name : str
        A key of :data:`DETECTORS`.
    features : ndarray of shape (n, p)
    targets : ndarray of shape (n,) or (n, C)
        Class indices, −1 unlabelled; or tags 1 and 0, rows of −1 unlabelled.
    n_classes, seed : int
    progress : callable
    fits : Fits, optional
        Models that other detectors fitted to the same features and targets with the same seed.

    Returns
    -------
    Detection
        Its notes tell what it cost: ``seconds``, a model fitted before counted as if it were anew.

    Raises
    ------
    SolverError
        If there is no such detector, it cannot deal with tags, or the labels are too few.
    """
    found = find_detector(name)
    if len(features) != len(targets):
        raise SolverError(f"Expected labels of {len(features)} rows, got {len(targets)}.")
    if not np.isfinite(features).all():
        raise SolverError(
            "Expected finite features, got NaN or infinity.",
            hint="Extract them again, or mend the file that they came from.",
        )
    fits = fits or Fits()
    started, saved = time.perf_counter(), fits.saved
    detection = found.method(features, targets, n_classes, seed, progress, fits)
    seconds = round(time.perf_counter() - started + fits.saved - saved, 3)
    return replace(detection, notes={**detection.notes, "seconds": seconds})
