"""Settings of the training, the same for all data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from air_core.errors import SolverError

_FEWEST_STEPS, _MOST_EPOCHS = 180, 8


@dataclass(frozen=True, slots=True)
class RefineConfig:
    """How the last blocks are trained.

    Parameters
    ----------
    rounds : int
        Trainings from the published weights on; each after the first learns from labels that
        those before it have corrected.
    epochs : int
        Passes over the images in a round.
    views : int
        Views of each image that are cached; see :func:`air_core.features.views.view_of`.
    input_size : int
        Side in pixels of the images, for backbones that take any.
    batch_size : int
    rate, top_rate : float
        Largest learning rates of the blocks and of the top layer.
    weight_decay : float
    smoothing : float
        Share of a label that is spread over all classes.
    mixup : float
        Parameter of the Beta distribution that mixes pairs of inner maps; 0 mixes none.
    average : float
        Weight of the past in the moving average of the weights, a step.
    lambda_scale : float
        AIR's λ_g as a multiple of 1/p.
    trust : float
        Weight of the opinion in a corrected label, 0 … 1; the rest is the given label's.
    seed : int

    Raises
    ------
    SolverError
        For values that cannot be.

    Examples
    --------
    >>> RefineConfig(epochs=2).epochs
    2
    """

    rounds: int = 2
    epochs: int = 3
    views: int = 4
    input_size: int = 160
    batch_size: int = 64
    rate: float = 3e-4
    top_rate: float = 1e-2
    weight_decay: float = 0.01
    smoothing: float = 0.1
    mixup: float = 0.3
    average: float = 0.95
    lambda_scale: float = 10.0
    trust: float = 0.7
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("rounds", "epochs", "views", "input_size", "batch_size"):
            if getattr(self, name) < 1:
                raise SolverError(f"Expected {name} of at least 1, got {getattr(self, name)}.")
        for name in ("smoothing", "average", "trust"):
            if not 0 <= getattr(self, name) <= 1:
                raise SolverError(f"Expected {name} from 0 to 1, got {getattr(self, name)}.")
        for name in ("rate", "top_rate", "weight_decay", "mixup", "lambda_scale"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise SolverError(f"Expected {name} of at least 0, got {getattr(self, name)}.")

    @classmethod
    def for_images(cls, n: int, **asked: Any) -> RefineConfig:
        """The recipe for ``n`` labelled images, with some fields as asked.

        Few images make few steps an epoch, so they are passed over more often, in smaller batches.

        Examples
        --------
        >>> [RefineConfig.for_images(n).epochs for n in (100, 1_200, 10_000)]
        [8, 5, 3]
        """
        batch = int(asked.get("batch_size", 64 if n >= 4_000 else 32))
        steps = -(-n // batch)
        enough = min(_MOST_EPOCHS, max(3, -(-_FEWEST_STEPS // steps)))
        return cls(**({"batch_size": batch, "epochs": enough} | asked))

    def as_dict(self) -> dict[str, Any]:
        """Plain values by name."""
        return asdict(self)
