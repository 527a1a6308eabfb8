"""A region map as a picture to lay over the image."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

FOR, AGAINST = (255, 176, 0), (0, 158, 255)
"""Orange speaks for a class, blue against it: every colour vision tells the two apart."""

_STRONGEST = 0.78  # of the full opacity: the picture stays visible everywhere
_FAINT = 0.06  # of the scale: below this nothing is drawn
_STRONG = 0.5  # of the scale: what is stronger is bounded by a line
_DASH = 6  # pixels


def paint(
    region: NDArray[np.floating[Any]], scale: float, size: tuple[int, int]
) -> NDArray[np.uint8]:
    """Colour a region map; how opaque a place is says how much it counts.

    A white line on a dark one bounds what has more than half of the scale, unbroken where it speaks
    for the class and dashed where it speaks against it: that shows on pictures of any colour.

    Parameters
    ----------
    region : ndarray of shape (h, w)
        Above 0 where a region speaks for the class.
    scale : float
        The value that gets the full colour.
    size : (int, int)
        Width and height of the result in pixels.

    Returns
    -------
    ndarray of shape (height, width, 4), dtype uint8
        RGBA.

    Examples
    --------
    >>> paint(np.array([[0.8, 0.0, -0.8]]), 2.0, (3, 1))[0].tolist()
    [[255, 176, 0, 72], [255, 176, 0, 0], [0, 158, 255, 72]]
    """
    small = Image.fromarray(np.asarray(region, dtype=np.float32))
    # Smooth between the centres of the regions; Pillow puts them where they belong.
    large = np.asarray(small.resize(size, Image.Resampling.BICUBIC))
    share = np.clip(large / scale if scale > 0 else large * 0, -1, 1)
    colours = np.where((share < 0)[:, :, None], np.array(AGAINST), np.array(FOR))
    strength = np.clip((np.abs(share) - _FAINT) / (1 - _FAINT), 0, 1)
    alpha = np.rint(255 * _STRONGEST * strength)
    picture = np.concatenate([colours, alpha[:, :, None]], axis=2).astype(np.uint8)
    y, x = np.mgrid[: size[1], : size[0]]
    for strong, drawn in (
        (share > _STRONG, np.ones(share.shape, dtype=np.bool_)),
        (share < -_STRONG, (x + y) // _DASH % 2 == 0),
    ):
        inside = ndimage.binary_erosion(strong, border_value=1)
        picture[(strong & ~inside) & drawn] = (255, 255, 255, 235)
        picture[(ndimage.binary_dilation(strong) & ~strong) & drawn] = (20, 20, 20, 170)
    return picture


def overlay_png(region: NDArray[np.floating[Any]], scale: float, size: tuple[int, int]) -> bytes:
    """:func:`paint` as a PNG file with transparency."""
    buffer = io.BytesIO()
    Image.fromarray(paint(region, scale, size)).save(buffer, "PNG", compress_level=4)
    return buffer.getvalue()


def strongest(region: NDArray[np.floating[Any]], scale: float) -> str:
    """Where a region map speaks for its class most, in words; empty if it hardly does.

    Parameters
    ----------
    region : ndarray of shape (h, w)
    scale : float
        As for :func:`paint`.

    Examples
    --------
    >>> strongest(np.eye(7)[:, ::-1] * np.arange(7), 6.0), strongest(np.zeros((7, 7)), 1.0)
    ('upper right', '')
    """
    if not region.max() > _STRONG / 2 * scale:
        return ""
    row, column = np.unravel_index(int(region.argmax()), region.shape)
    vertical = ("upper", "middle", "lower")[int(3 * (row + 0.5) / region.shape[0])]
    horizontal = ("left", "centre", "right")[int(3 * (column + 0.5) / region.shape[1])]
    return (
        "centre" if (vertical, horizontal) == ("middle", "centre") else f"{vertical} {horizontal}"
    )
