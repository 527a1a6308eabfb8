"""The map: a canvas of all images to move in, colour, filter and lasso.

Streamlit component (v2). The browser fetches the points from :mod:`pages.components.map.points`,
draws them, and sends back nothing but the corners of a lasso; Python decides which images are in
it (:mod:`pages.components.map.selection`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.components.map.points import publish_once
from pages.components.map.selection import Lasso, apply_lasso
from pages.components.palette import DECISIONS, NEUTRAL, SCORE_RAMP, class_colours

__all__ = ["DECISION_CODES", "Lasso", "MapPoints", "apply_lasso", "scatter_map"]

DECISION_CODES = {name: code for code, name in enumerate(DECISIONS)}
"""Decision → code in :attr:`MapPoints.decisions`; "none" is 0."""

_DECISION_TITLES = ("Not reviewed", "Kept", "Relabelled", "Excluded", "Unsure")
_FOLDER = Path(__file__).parent
_SCRIPTS = ("raster.js", "legend.js", "gestures.js", "map.js")


@dataclass(frozen=True, slots=True)
class MapPoints:
    """Everything the map draws, one row for each image.

    Parameters
    ----------
    xy : ndarray of shape (n, 2), dtype float32
        The projection.
    item_ids : ndarray of shape (n,), dtype ``<U16``
        Hexadecimal item ids.
    class_names : sequence of str
        Names of the classes.
    given : ndarray of shape (n,), dtype integer
        Class index of the label as it stands; -1 is no label.
    decisions : ndarray of shape (n,), dtype integer
        See :data:`DECISION_CODES`.
    suggested : ndarray of shape (n,), dtype integer, optional
        Class index a detector suggests.
    scores : ndarray of shape (n,), dtype float, optional
        1 clean … 0 worst.
    flagged : ndarray of shape (n,), dtype bool, optional
        Drawn as triangles; the others as circles.
    """

    xy: NDArray[np.float32]
    item_ids: NDArray[np.str_]
    class_names: Sequence[str]
    given: NDArray[np.integer[Any]]
    decisions: NDArray[np.integer[Any]]
    suggested: NDArray[np.integer[Any]] | None = None
    scores: NDArray[np.floating[Any]] | None = None
    flagged: NDArray[np.bool_] | None = None

    def channels(self) -> dict[str, NDArray[np.integer[Any]]]:
        """Codes the legend can filter by; "no label" is the code after the last class."""
        unlabelled = len(self.class_names)
        found: dict[str, NDArray[np.integer[Any]]] = {
            "given": np.where(self.given < 0, unlabelled, self.given),
            "decision": self.decisions,
        }
        if self.suggested is not None:
            found["suggested"] = np.where(self.suggested < 0, unlabelled, self.suggested)
        flagged = np.zeros(len(self.xy)) if self.flagged is None else self.flagged
        found["shape"] = flagged.astype(np.int64)
        return found

    def urls(self, selected: NDArray[np.bool_]) -> dict[str, str]:
        """Publish every array and return channel → URL."""
        chosen = selected if selected.any() else None
        channels: dict[str, tuple[NDArray[Any] | None, Callable[..., NDArray[Any]]]] = {
            "xy": (self.xy, np.float32),
            "ids": (self.item_ids, _raw_ids),
            "given": (self.given, np.int32),
            "suggested": (self.suggested, np.int32),
            "decision": (self.decisions, np.int32),
            "score": (self.scores, np.float32),
            "flagged": (self.flagged, np.uint8),
            "selected": (chosen, np.uint8),
        }
        return {
            name: publish_once(array, convert)
            for name, (array, convert) in channels.items()
            if array is not None
        }


def _raw_ids(item_ids: NDArray[np.str_]) -> NDArray[np.uint8]:
    """Item ids as 8 bytes each: half the size of their text and decoded without a loop."""
    codes = np.ascontiguousarray(item_ids, dtype="<U16").view(np.uint32).astype(np.uint8)
    digits = np.where(codes >= ord("a"), codes - (ord("a") - 10), codes - ord("0"))
    return (digits[0::2] << 4 | digits[1::2]).astype(np.uint8)


_mount = st.components.v2.component(
    "air_audit.map",
    html=(_FOLDER / "map.html").read_text(encoding="utf-8"),
    css=(_FOLDER / "map.css").read_text(encoding="utf-8"),
    js="\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in _SCRIPTS),
)


def scatter_map(
    points: MapPoints,
    *,
    key: str,
    thumbnails: str,
    selected: NDArray[np.bool_],
    acknowledged: int = 0,
    score_title: str = "",
    height: int = 520,
    on_lasso: Callable[[], None] | None = None,
) -> Lasso | None:
    """Draw the map and return the last lasso drawn on it.

    Parameters
    ----------
    points : MapPoints
        What to draw.
    key : str
        Identity of the component.
    thumbnails : str
        URL of a thumbnail, with ``{id}`` where the item id goes.
    selected : ndarray of shape (n,), dtype bool
        Images to emphasise.
    acknowledged : int
        Number of the last lasso that ``selected`` takes into account.
    score_title : str
        What the score is, for the legend.
    height : int
        In CSS pixels.
    on_lasso : callable, optional
        Called before the rerun that a lasso causes.

    Returns
    -------
    Lasso or None
    """
    data = {
        "buffers": points.urls(selected),
        "classes": list(points.class_names),
        "palette": class_colours(len(points.class_names)),
        "decisions": [
            {"name": title, "colour": colour}
            for title, colour in zip(_DECISION_TITLES, DECISIONS.values(), strict=True)
        ],
        "ramp": list(SCORE_RAMP),
        "neutral": NEUTRAL,
        "score_title": score_title,
        "thumb": thumbnails,
        "selected_count": int(selected.sum()),
        "acknowledged": acknowledged,
        "height": height,
    }
    result = _mount(key=key, data=data, on_lasso_change=on_lasso or (lambda: None))
    return Lasso.from_browser(result.lasso)
