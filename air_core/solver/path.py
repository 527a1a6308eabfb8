"""The whole path of λ_g: from the value that silences every image down to almost none."""

from __future__ import annotations

import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from air_core.atomic import atomic_write
from air_core.errors import SolverError
from air_core.solver.config import Group

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class PathPoint:
    """The solution at one λ_g.

    Parameters
    ----------
    lambda_g, lambda_scale : float
        λ_g and its multiple of 1/p.
    coef : ndarray of shape (p, C), dtype float32
        For the features as given.
    intercept : ndarray of shape (C,)
    activations, margins : ndarray of shape (n,), dtype float32
        In the given label's own class; NaN without a label.
    suggestions : ndarray of shape (n,), dtype int32; with tags (n, C), dtype int8
        Most probable class; or 1 for each tag that the model would give.
    optimality : float
        The smaller of relative duality gap and relative gradient norm.
    converged : bool
    evaluations : int
    """

    lambda_g: float
    lambda_scale: float
    coef: NDArray[np.float32]
    intercept: NDArray[np.float32]
    activations: NDArray[np.float32]
    margins: NDArray[np.float32]
    suggestions: NDArray[np.integer]
    optimality: float
    converged: bool
    evaluations: int


@dataclass(frozen=True, slots=True)
class LambdaPath:
    """Solutions along λ_g, from the largest down.

    Parameters
    ----------
    points : tuple of PathPoint
    lambda_max : float
        The smallest λ_g at which all weights are zero.
    group : {"image_class", "image"}
    lambda_1 : float
    complete : bool
        False if the path was cancelled; the points made until then are here.
    """

    points: tuple[PathPoint, ...]
    lambda_max: float
    group: Group
    lambda_1: float
    complete: bool

    @property
    def scales(self) -> NDArray[np.float64]:
        """``lambda_scale`` of each point."""
        return np.array([point.lambda_scale for point in self.points])

    def nearest(self, lambda_scale: float) -> PathPoint:
        """The point whose λ_g is nearest on a log scale."""
        distance = np.abs(np.log(self.scales) - np.log(lambda_scale))
        return self.points[int(distance.argmin())]

    def save(self, path: Path) -> None:
        """Write one compressed ``.npz`` without pickled objects."""
        record = {
            "format": _FORMAT,
            "lambda_max": self.lambda_max,
            "group": self.group,
            "lambda_1": self.lambda_1,
            "complete": self.complete,
            "points": [
                {
                    "lambda_g": p.lambda_g,
                    "lambda_scale": p.lambda_scale,
                    "optimality": p.optimality,
                    "converged": p.converged,
                    "evaluations": p.evaluations,
                }
                for p in self.points
            ],
        }
        arrays: dict[str, Any] = {
            name: np.stack([getattr(p, name) for p in self.points]) for name in _ARRAYS
        }
        with atomic_write(path) as file:
            np.savez_compressed(file, record=np.array(json.dumps(record)), **arrays)

    @classmethod
    def load(cls, path: Path) -> LambdaPath:
        """Read what :meth:`save` wrote.

        Raises
        ------
        SolverError
            If the file is damaged or of another format.
        """
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                record = json.loads(str(stored["record"]))
                arrays = {name: stored[name] for name in _ARRAYS}
            if record["format"] != _FORMAT:
                raise ValueError(f"format {record['format']}")
            points = tuple(
                PathPoint(**fields, **{name: arrays[name][i] for name in _ARRAYS})
                for i, fields in enumerate(record["points"])
            )
            return cls(
                points,
                record["lambda_max"],
                record["group"],
                record["lambda_1"],
                record["complete"],
            )
        except (*_DAMAGE, KeyError, TypeError) as error:
            raise SolverError(
                f"Expected a stored path in {path.name}, got: {error}.", hint="Compute it again."
            ) from error


_DAMAGE = (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error)
_ARRAYS = ("coef", "intercept", "activations", "margins", "suggestions")


@dataclass(frozen=True, slots=True)
class Changes:
    """What moved between two rankings: rows entering and leaving the N worst."""

    entered: NDArray[np.intp]
    left: NDArray[np.intp]


def changes(before: NDArray[Any], after: NDArray[Any], top: int) -> Changes:
    """Rows that enter and leave the ``top`` lowest scores.

    Parameters
    ----------
    before, after : ndarray of shape (n,)
        Scores, activations or margins; NaN counts as highest.
    top : int

    Returns
    -------
    Changes
        Rows in the order of the ranking that has them.

    Examples
    --------
    >>> moved = changes(np.array([0.1, 0.2, 0.9]), np.array([0.5, 0.2, 0.1]), top=2)
    >>> moved.entered.tolist(), moved.left.tolist()
    ([2], [0])
    """
    old = np.argsort(before, kind="stable")[:top]
    new = np.argsort(after, kind="stable")[:top]
    return Changes(entered=new[~np.isin(new, old)], left=old[~np.isin(old, new)])
