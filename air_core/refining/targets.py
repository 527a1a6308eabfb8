"""What the network is asked to put out: labels as given, corrected, or settled by a person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from air_core.errors import SolverError

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Known:
    """The labels that there are.

    Parameters
    ----------
    given : ndarray of shape (n,), dtype intp
        The labels to doubt, −1 where there is none.
    labels : ndarray of shape (n,), dtype intp
        What to learn from, −1 for images to leave out: unlabelled or excluded.
    settled : ndarray of shape (n,), dtype bool
        Labels that a person has looked at; they are never corrected.
    n_classes : int

    Raises
    ------
    SolverError
        If fewer than two classes have labels.
    """

    given: NDArray[np.intp]
    labels: NDArray[np.intp]
    settled: NDArray[np.bool_]
    n_classes: int

    def __post_init__(self) -> None:
        found = len(np.unique(self.labels[self.labels >= 0]))
        if found < 2:
            raise SolverError(
                f"Expected labels of at least two classes to learn from, got {found}.",
                hint="Import labels, or review some images.",
            )

    @property
    def rows(self) -> NDArray[np.intp]:
        """Images to learn from."""
        return np.flatnonzero(self.labels >= 0)

    def as_given(self) -> Floats:
        """1 in the label's class; zeros where there is none. Of shape (n, C)."""
        found = np.zeros((len(self.labels), self.n_classes), dtype=np.float32)
        found[self.rows, self.labels[self.rows]] = 1
        return found

    def corrected(self, opinion: Floats, trust: float) -> Floats:
        """Labels moved towards what the network thinks of their images.

        Parameters
        ----------
        opinion : ndarray of shape (n, C)
            Probabilities.
        trust : float
            Weight of the opinion.

        Examples
        --------
        >>> labels = np.array([0, 1])
        >>> known = Known(labels, labels, np.array([False, True]), 2)
        >>> opinion = np.array([[0.5, 0.5], [0.5, 0.5]], np.float32)
        >>> known.corrected(opinion, 0.5).tolist()
        [[0.75, 0.25], [0.0, 1.0]]
        """
        given = self.as_given()
        mixed = (1 - trust) * given + trust * opinion
        return np.where(self.settled[:, None], given, mixed).astype(np.float32)
