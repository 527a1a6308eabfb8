"""From a lasso to the images in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from air_core.dataset import Dataset

_MAX_CORNERS = 10_000


@dataclass(frozen=True, slots=True)
class Lasso:
    """What the browser says a person drew.

    Parameters
    ----------
    number : int
        Grows with every lasso of a browser; tells a new one from a repeated one.
    polygon : ndarray of shape (k, 2), dtype float64
        Corners in data coordinates; empty clears the selection.
    mode : {"replace", "add", "remove"}
        What to do with the selection there was.
    hidden : mapping of str to frozenset of int
        Legend entries switched off: channel → codes. Hidden images are never selected.
    item : str
        The item that was pressed, where that was it; its polygon is empty.
    """

    number: int
    polygon: NDArray[np.float64]
    mode: str = "replace"
    hidden: Mapping[str, frozenset[int]] = field(default_factory=dict)
    item: str = ""

    @classmethod
    def from_browser(cls, message: Any) -> Lasso | None:
        """Check and convert a message; None where it is not a lasso."""
        try:
            polygon = np.asarray(message["polygon"], dtype=np.float64).reshape(-1, 2)
            hidden = {
                str(channel): frozenset(int(code) for code in codes)
                for channel, codes in message["hidden"].items()
            }
            number, mode = int(message["number"]), str(message["mode"])
            item = str(message.get("item") or "")
        except (TypeError, KeyError, ValueError, AttributeError):
            return None
        if len(polygon) > _MAX_CORNERS or not np.isfinite(polygon).all():
            return None
        return cls(number, polygon, mode, hidden, item)


def points_in_polygon(
    xy: NDArray[np.floating[Any]], polygon: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Tell which points lie inside a polygon (even-odd rule).

    Each edge looks only at the points between its two ends' heights, found by bisection in the
    points sorted by height: O(n log n + crossings), not O(n · corners).

    Parameters
    ----------
    xy : ndarray of shape (n, 2)
        Points.
    polygon : ndarray of shape (k, 2)
        Corners in order; the last joins the first. It may cross itself.

    Returns
    -------
    ndarray of shape (n,), dtype bool

    Examples
    --------
    >>> square = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0]])
    >>> points_in_polygon(np.array([[1.0, 1.0], [3.0, 1.0]]), square)
    array([ True, False])
    """
    inside = np.zeros(len(xy), dtype=bool)
    if len(polygon) < 3 or len(xy) == 0:
        return inside
    low, high = polygon.min(axis=0), polygon.max(axis=0)
    near = np.flatnonzero(((xy >= low) & (xy <= high)).all(axis=1))
    rows = near[np.argsort(xy[near, 1])]
    x, y = xy[rows, 0].astype(np.float64), xy[rows, 1].astype(np.float64)
    ends = np.roll(polygon, -1, axis=0)
    firsts = np.searchsorted(y, np.minimum(polygon[:, 1], ends[:, 1]), side="left")
    lasts = np.searchsorted(y, np.maximum(polygon[:, 1], ends[:, 1]), side="left")
    crossings = np.zeros(len(rows), dtype=bool)
    for (x0, y0), (x1, y1), first, last in zip(polygon, ends, firsts, lasts, strict=True):
        if last > first:
            edge = x0 + (y[first:last] - y0) * ((x1 - x0) / (y1 - y0))
            crossings[first:last] ^= x[first:last] < edge
    inside[rows] = crossings
    return inside


def apply_lasso(
    lasso: Lasso,
    xy: NDArray[np.floating[Any]],
    item_ids: NDArray[np.str_],
    codes: Mapping[str, NDArray[Any]],
    selected: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Return the new selection.

    Parameters
    ----------
    lasso : Lasso
        What was drawn or pressed.
    xy : ndarray of shape (n, 2)
        Points.
    item_ids : ndarray of shape (n,)
    codes : mapping of str to ndarray of shape (n,)
        Code of each point in every group of the legend.
    selected : ndarray of shape (n,), dtype bool
        The selection there was.

    Returns
    -------
    ndarray of shape (n,), dtype bool
    """
    if lasso.item:
        chosen = np.asarray(item_ids == lasso.item)
    else:
        chosen = points_in_polygon(xy, lasso.polygon)
    for group, hidden in lasso.hidden.items():
        if hidden and group in codes:
            chosen &= ~np.isin(codes[group], np.fromiter(hidden, dtype=np.int64))
    if lasso.mode == "add":
        return selected | chosen
    if lasso.mode == "remove":
        return selected & ~chosen
    return chosen


_known: dict[tuple[int, int], tuple[object, object, NDArray[np.bool_]]] = {}
_REMEMBERED = 8


def mask_of(dataset: Dataset, item_ids: tuple[str, ...]) -> NDArray[np.bool_]:
    """Which images (n,) are among these items; unknown ones are passed over."""
    known = _known.get((id(dataset), id(item_ids)))
    # The id of an object that is gone can come back, so the objects themselves are kept.
    if known is not None:
        return known[2]
    mask = np.zeros(len(dataset), dtype=bool)
    mask[dataset.rows_of(item_ids)] = True
    remember(dataset, item_ids, mask)
    return mask


def remember(dataset: Dataset, item_ids: tuple[str, ...], mask: NDArray[np.bool_]) -> None:
    """Know the mask of a selection that was just made: looking up 100,000 items takes a while."""
    mask.setflags(write=False)
    while len(_known) >= _REMEMBERED:
        _known.pop(next(iter(_known)), None)
    _known[id(dataset), id(item_ids)] = (dataset, item_ids, mask)
