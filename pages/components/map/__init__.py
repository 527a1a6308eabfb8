"""The map: a canvas of all images to move in, colour, filter and lasso.

Streamlit component (v2). The browser fetches the points from :mod:`pages.components.map.points`,
draws them, and sends back nothing but the corners of a lasso or the image that was pressed; Python
decides which images are in it (:mod:`pages.components.map.selection`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.components.lifetime import browser_module
from pages.components.map.boundary import Boundary
from pages.components.map.channels import Channel, MapPoints, Shape
from pages.components.map.points import publish_once
from pages.components.map.selection import Lasso, apply_lasso
from pages.components.palette import NEUTRAL, SCORE_RAMP

__all__ = ["Boundary", "Channel", "Lasso", "MapPoints", "Shape", "apply_lasso", "scatter_map"]

_FOLDER = Path(__file__).parent
_SCRIPTS = (
    "colour.js", "marks.js", "raster.js", "index.js", "load.js", "legend.js", "tip.js", "tools.js",
    "overlay.js", "map.js",
)  # fmt: skip

_mount = st.components.v2.component(
    "air_audit.map",
    html=(_FOLDER / "map.html").read_text(encoding="utf-8"),
    css=(_FOLDER / "map.css").read_text(encoding="utf-8"),
    js=browser_module(_FOLDER / name for name in _SCRIPTS),
)


def scatter_map(
    points: MapPoints,
    *,
    key: str,
    thumbnails: str,
    selected: NDArray[np.bool_],
    acknowledged: int = 0,
    boundaries: Sequence[Boundary] = (),
    about: str = "",
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
    boundaries : sequence of Boundary
        Lines to draw over the points.
    about : str
        What the map is, for people.
    on_lasso : callable, optional
        Called before the rerun that a lasso causes.

    Returns
    -------
    Lasso or None
    """
    data = {
        "xy": publish_once(points.xy, np.float32),
        "ids": publish_once(points.item_ids, _raw_ids),
        "channels": [_described(channel) for channel in points.channels],
        "shape": _shape(points.shape),
        "reviewed": publish_once(points.reviewed, np.uint8) if points.reviewed.any() else None,
        "tags": {name: publish_once(tags, _bits) for name, tags in points.tags.items()},
        "classes": list(points.class_names) if points.tags else [],
        "selected": publish_once(selected, np.uint8) if selected.any() else None,
        "selected_count": int(selected.sum()),
        "ramp": list(SCORE_RAMP),
        "neutral": NEUTRAL,
        "thumb": thumbnails,
        "acknowledged": acknowledged,
        "boundaries": [boundary.described() for boundary in boundaries],
        "about": about,
        "name": key,
    }
    result = _mount(key=key, data=data, on_lasso_change=on_lasso or (lambda: None))
    return Lasso.from_browser(result.lasso)


def _described(channel: Channel) -> dict[str, Any]:
    return {
        "name": channel.name,
        "title": channel.title,
        "codes": publish_once(channel.codes, np.asarray),
        "bytes": channel.codes.dtype.itemsize,
        "entries": [list(entry) for entry in channel.entries],
        "values": None if channel.values is None else publish_once(channel.values, np.float32),
        "span": list(channel.span),
        "ends": list(channel.ends),
        "low": channel.low_stands_out,
    }


def _shape(shape: Shape | None) -> dict[str, str] | None:
    if shape is None:
        return None
    return {
        "name": shape.name,
        "mask": publish_once(shape.mask, np.uint8),
        "triangle": shape.triangle,
        "circle": shape.circle,
    }


def _raw_ids(item_ids: NDArray[np.str_]) -> NDArray[np.uint8]:
    """Item ids as 8 bytes each: half the size of their text and decoded without a loop."""
    codes = np.ascontiguousarray(item_ids, dtype="<U16").view(np.uint32).astype(np.uint8)
    digits = np.where(codes >= ord("a"), codes - (ord("a") - 10), codes - ord("0"))
    return (digits[0::2] << 4 | digits[1::2]).astype(np.uint8)


def _bits(tags: NDArray[np.int8]) -> NDArray[np.uint8]:
    return np.packbits(tags > 0, axis=1)
