"""One of the two detectors that are compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from air_core.pipeline import Fit
from air_core.ranking import Ranking


@dataclass(frozen=True, slots=True)
class Side:
    """A detector, its ranking, and the fit it reads.

    Parameters
    ----------
    place : {"a", "b"}
        Left or right.
    name, title : str
        Key of the detector, and what people call it.
    ranking : Ranking
    fit : Fit or None
        Where there is one, for the activations over epochs.
    """

    place: str
    name: str
    title: str
    ranking: Ranking
    fit: Fit | None

    @property
    def reads_activations(self) -> bool:
        """Whether the detector is the paper's: the activation of the given class."""
        return self.name.endswith("activation")

    @property
    def epochs(self) -> list[int]:
        """Epochs whose activations were kept; empty where there are none to show."""
        if self.fit is None or not self.reads_activations:
            return []
        return [int(epoch) for epoch in self.fit.epochs]

    def values(self, epoch: int | None = None) -> NDArray[np.float64]:
        """What the detector ranks by, low where it doubts the label.

        Parameters
        ----------
        epoch : int, optional
            One of :attr:`epochs`; the end by default.

        Returns
        -------
        ndarray of shape (n,)
            Activations, or scores from 0 to 1; NaN for unlabelled images.
        """
        if epoch is not None and self.fit is not None:
            found: NDArray[np.float64] = self.fit.epoch_activations[self.epochs.index(epoch)]
            return found
        return self.ranking.activations if self.reads_activations else self.ranking.scores
