"""What the figures share: their colours, thumbnails with borders, boundaries on a map."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image, ImageOps

# Okabe and Ito's colours: told apart by every colour vision.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY = (
    *("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#6b6b6b"),
)
METHOD_COLOURS = {"AIR": BLUE, "SVM": ORANGE, "softmax-ℓ2": GREEN, "RoLR": PURPLE}
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
RIGHT, WRONG = BLUE, RED


def new_figure(width: float, height: float) -> Figure:
    """An empty figure; inches."""
    return Figure(figsize=(width, height), dpi=130, layout="constrained")


def tile(file: Path, side: int, colour: str, *, crossed: bool = False) -> NDArray[np.uint8]:
    """An image cut to a square with a coloured border, and a cross in its corner if asked for.

    Returns
    -------
    ndarray of shape (side, side, 3), dtype uint8
    """
    border = max(3, side // 24)
    with Image.open(file) as image:
        inner = ImageOps.fit(
            image.convert("RGB"), (side - 2 * border,) * 2, Image.Resampling.BICUBIC
        )
    framed = np.asarray(ImageOps.expand(inner, border, colour)).copy()
    if crossed:
        # Colour is never the only sign.
        corner = max(10, side // 5)
        at = framed[-corner:, -corner:]
        at[:] = np.array(Image.new("RGB", (1, 1), colour))[0, 0]
        rows, columns = np.mgrid[0:corner, 0:corner]
        arm = (abs(rows - columns) < corner / 7) | (abs(rows + columns - corner + 1) < corner / 7)
        edge = corner // 5
        inside = (rows >= edge) & (rows < corner - edge)
        inside &= (columns >= edge) & (columns < corner - edge)
        at[arm & inside] = 255
    return framed


def grid(tiles: Sequence[NDArray[np.uint8]], columns: int) -> NDArray[np.uint8]:
    """Tiles row by row as one picture, white where the last row ends."""
    side, gap = tiles[0].shape[0], 3
    rows = -(-len(tiles) // columns)
    height, width = (n * (side + gap) - gap for n in (rows, columns))
    picture = np.full((height, width, 3), 255, np.uint8)
    for number, one in enumerate(tiles):
        top, left = (n * (side + gap) for n in divmod(number, columns))
        picture[top : top + side, left : left + side] = one
    return picture


def bare(axes: Any) -> None:
    """No ticks and no frame, for pictures and maps."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def fine_grid(axes: Any) -> None:
    """Faint lines, no box."""
    axes.grid(alpha=0.25, linewidth=0.7)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
