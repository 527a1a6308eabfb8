"""Where, on the map, a detector's suggestions change: Figure 1's two lines, but measured.

A classifier's boundary is a hyperplane among features; no line on a map is that. What can be said
on a map is how many of the images near a place a detector calls by a class. The line runs where
that is half of them, and only where there are images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from contourpy import contour_generator
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

_CELLS = (40, 160)
_SMOOTH = 2.2  # cells
_NEARBY = 20
"""With fewer images than this nearby, half of them is chance."""


@dataclass(frozen=True, slots=True)
class Boundary:
    """A line on the map.

    Parameters
    ----------
    title : str
        Whose it is.
    lines : tuple of ndarray of shape (k, 2)
        In the map's coordinates.
    dashed : bool
    """

    title: str
    lines: tuple[NDArray[np.float32], ...]
    dashed: bool = False

    def described(self) -> dict[str, Any]:
        """For the browser."""
        lines = [np.round(line.astype(np.float64), 3).ravel().tolist() for line in self.lines]
        return {"title": self.title, "dashed": self.dashed, "lines": lines}


def half_lines(
    xy: NDArray[np.floating[Any]], member: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], ...]:
    """Lines where half of the images nearby are members.

    Parameters
    ----------
    xy : ndarray of shape (n, 2)
        The map.
    member : ndarray of shape (n,), dtype bool
        Such as: the detector suggests this class.

    Returns
    -------
    tuple of ndarray of shape (k, 2), dtype float32
        None where all or no images are members.
    """
    if not member.any() or member.all():
        return ()
    low, high = xy.min(axis=0), xy.max(axis=0)
    cell = float((high - low).max()) / np.clip(1.2 * len(xy) ** 0.5, *_CELLS) or 1.0
    margin = 4 * _SMOOTH * cell
    edges = [
        np.arange(low[axis] - margin, high[axis] + margin + cell, cell, dtype=np.float64)
        for axis in (0, 1)
    ]

    def density(rows: NDArray[np.bool_] | slice) -> NDArray[np.float64]:
        counts, _, _ = np.histogram2d(xy[rows, 0], xy[rows, 1], bins=edges)
        smooth: NDArray[np.float64] = gaussian_filter(counts, _SMOOTH, mode="constant")
        return smooth * (4 * np.pi * _SMOOTH**2)  # images under the kernel

    everything = density(slice(None))
    crowded = everything > _NEARBY
    share = np.divide(density(member), everything, out=np.zeros_like(everything), where=crowded)
    x, y = ((edge[1:] + edge[:-1]) / 2 for edge in edges)
    field = np.ma.masked_array(share.T, mask=~crowded.T)
    return tuple(
        np.asarray(line, dtype=np.float32)
        for line in contour_generator(x, y, field).lines(0.5)
        # What is no larger than the kernel is chance too.
        if np.ptp(line, axis=0).max() > 2.5 * _SMOOTH * cell
    )
