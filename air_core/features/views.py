"""Several views of an image: whole, mirrored, and cut-outs, the same ones every time."""

from __future__ import annotations

import hashlib

import numpy as np
from PIL import Image

WHOLE = (0, 1)
"""Views that show the whole image: as it is, and mirrored. The others are cut-outs."""

_LEAST_AREA = 0.6


def view_of(image: Image.Image, digest: str, view: int, seed: int = 0) -> Image.Image:
    """One view of an image.

    Parameters
    ----------
    image : PIL.Image.Image
    digest : str
        Of the image's content: with view and seed it decides which part is cut out.
    view : int
        0 is the image, 1 its mirror image, others cut-outs of 60 to 100 % of its area with its
        own proportions, half of them mirrored.
    seed : int

    Returns
    -------
    PIL.Image.Image

    Examples
    --------
    >>> image = Image.new("RGB", (100, 50))
    >>> view_of(image, "ab12", 0) is image, view_of(image, "ab12", 1).size
    (True, (100, 50))
    >>> view_of(image, "ab12", 2).size == view_of(image, "ab12", 2).size
    True
    """
    if view == 0:
        return image
    if view in WHOLE:
        return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    key = hashlib.blake2b(f"{digest} {view} {seed}".encode(), digest_size=8).digest()
    rng = np.random.default_rng(int.from_bytes(key, "little"))
    side = rng.uniform(_LEAST_AREA, 1) ** 0.5
    wide, high = (max(1, round(length * side)) for length in image.size)
    left = int(rng.integers(0, image.width - wide + 1))
    top = int(rng.integers(0, image.height - high + 1))
    part = image.crop((left, top, left + wide, top + high))
    return part.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rng.random() < 0.5 else part
