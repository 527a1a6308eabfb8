"""What speaks for and against a label, as plain records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from air_core.dataset import UNLABELLED, Dataset
from air_core.runs import Fit

Labels = tuple[int, ...]
"""Class indices: one, none where there is no label, any number of tags."""

Relation = Literal["given", "suggested", "other"]


class SolvedPath(Protocol):
    """What is read of a λ_g path, such as :class:`air_core.fitting.path.PathRun`.

    ``scales`` (T,) are λ_g as multiples of 1/p, from the largest down; ``coef`` (T, p, C) and
    ``intercept`` (T, C) the last layers there; ``activations`` and ``margins`` (T, n) are those in
    the given label's own class.
    """

    @property
    def scales(self) -> NDArray[np.float64]: ...
    @property
    def coef(self) -> NDArray[np.float32]: ...
    @property
    def intercept(self) -> NDArray[np.float32]: ...
    @property
    def activations(self) -> NDArray[np.float32]: ...
    @property
    def margins(self) -> NDArray[np.float32]: ...


@dataclass(frozen=True, slots=True)
class TopLayer:
    """The linear layer that speaks: of a fit, or of a point of the λ_g path.

    Parameters
    ----------
    coef : ndarray of shape (p, C), intercept : ndarray of shape (C,)
        For the features as extracted.
    """

    coef: NDArray[Any]
    intercept: NDArray[Any]

    @classmethod
    def of(cls, fit: Fit) -> TopLayer:
        """That of a stored fit."""
        return cls(fit.coef, fit.intercept)

    @classmethod
    def along(cls, path: SolvedPath, lambda_scale: float) -> TopLayer:
        """That of a path at a λ_g; between two of its values, linear in the logarithm of λ_g.

        Past an end of the path, its last value.

        Parameters
        ----------
        path : SolvedPath
        lambda_scale : float
            λ_g as a multiple of 1/p, above 0.
        """
        at = np.log(path.scales[::-1])
        place = float(np.interp(np.log(lambda_scale), at, np.arange(len(at))))
        low = int(place)
        high, share = min(low + 1, len(at) - 1), place - low
        first, second = len(at) - 1 - low, len(at) - 1 - high

        def between(values: NDArray[Any]) -> NDArray[Any]:
            mixed: NDArray[Any] = (1 - share) * values[first] + share * values[second]
            return mixed

        return cls(between(path.coef), between(path.intercept))


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A labelled image that is much like the one in question.

    Parameters
    ----------
    item_id, path : str
    similarity : float
        Cosine of the features.
    given, labels : tuple of int
        Classes it came with, and those in force now.
    reviewed : str or None
        The decision in force.
    same_picture : bool
        Whether its file has the very same content.
    relation : {"given", "suggested", "other"}
        Whether its labels in force are those given to the image in question, those the model
        suggests for it, or others.
    """

    item_id: str
    path: str
    similarity: float
    given: Labels
    labels: Labels
    reviewed: str | None
    same_picture: bool
    relation: Relation


@dataclass(frozen=True, slots=True)
class ClassEvidence:
    """What the model says of one class.

    Parameters
    ----------
    index : int
    activation : float
        ``‖x ∘ w_c‖₂``.
    probability : float
        Of the class; of a tag on its own.
    given, suggested : bool
    """

    index: int
    activation: float
    probability: float
    given: bool
    suggested: bool


@dataclass(frozen=True, slots=True)
class Curve:
    """A value of one image over epochs or λ_g, beside those of its class.

    Parameters
    ----------
    x : ndarray of shape (m,)
        Rising.
    values : ndarray of shape (m,)
        Of the image.
    low, middle, high : ndarray of shape (m,)
        Quartiles of the images with the same given label; of all labelled ones for tags.
    """

    x: NDArray[np.float64]
    values: NDArray[np.float64]
    low: NDArray[np.float64]
    middle: NDArray[np.float64]
    high: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one detector says.

    Parameters
    ----------
    detector : str
    score : float or None
        1 clean … 0 worst; None without a label.
    rank, of : int
        1 is the worst, of that many labelled images.
    flagged : bool
    suggested : tuple of int
    confidence : float
    chance : float or None
        That the given label is right, by a detector whose scores are chances.
    otherwise : int or None
        The likeliest class if it is wrong, by such a detector.
    """

    detector: str
    score: float | None
    rank: int
    of: int
    flagged: bool
    suggested: Labels
    confidence: float
    chance: float | None = None
    otherwise: int | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why an image is, or is not, flagged.

    Parameters
    ----------
    item_id : str
    given, suggested : tuple of int
    neighbours : tuple of Neighbour
        Most alike first.
    classes : tuple of ClassEvidence
        Highest activation first; the given and the suggested ones are always among them.
    epochs : Curve or None
        Activation in the given class over the solver's epochs; None where none were kept.
    path_activation, path_margin : Curve or None
        Over λ_g as a multiple of 1/p; None before the path is solved.
    opinions : tuple of Opinion
    """

    item_id: str
    given: Labels
    suggested: Labels
    neighbours: tuple[Neighbour, ...]
    classes: tuple[ClassEvidence, ...]
    epochs: Curve | None
    path_activation: Curve | None
    path_margin: Curve | None
    opinions: tuple[Opinion, ...]


def given_labels(dataset: Dataset, row: int) -> Labels:
    """The classes an image came with."""
    if dataset.tags is not None:
        return tuple(np.flatnonzero(dataset.tags[row] > 0).tolist())
    label = int(dataset.given_labels[row])
    return () if label == UNLABELLED else (label,)
