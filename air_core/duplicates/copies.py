"""Whether two pictures are copies of each other, by what they look like."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from air_core.progress import ProgressCallback, silent

BITS = 64
_SIDE = 32  # what imagehash.phash shrinks a picture to
_BATCH = 256


@dataclass(frozen=True, slots=True)
class Looks:
    """Perceptual hashes (:func:`imagehash.phash`) of pictures and of their mirror images.

    Parameters
    ----------
    hashes, mirrored : ndarray of shape (n, 8), dtype uint8
        64 bits each.
    """

    hashes: NDArray[np.uint8]
    mirrored: NDArray[np.uint8]

    def distances(self, left: NDArray[np.integer], right: NDArray[np.integer]) -> NDArray[np.intp]:
        """Bits (m,) in which the hashes of pairs of rows differ, mirrored or not."""
        straight = _bits(self.hashes[left] ^ self.hashes[right])
        turned = _bits(self.hashes[left] ^ self.mirrored[right])
        return np.minimum(straight, turned)


def look_at(
    pictures: Sequence[int],
    load: Callable[[int], Image.Image],
    *,
    progress: ProgressCallback = silent,
) -> Looks:
    """Hash pictures, several at a time.

    Parameters
    ----------
    pictures : sequence of int
        What ``load`` knows them by.
    load : callable
        Opens a picture; called from several threads.
    progress : callable
        May raise to stop.

    Returns
    -------
    Looks
        In the order of ``pictures``.
    """
    found: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]] = []
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1), thread_name_prefix="look") as pool:
        for start in range(0, len(pictures), _BATCH):
            found += pool.map(lambda at: _look(load(at)), pictures[start : start + _BATCH])
            progress(len(found), len(pictures), "Looking for copies")
    empty = np.zeros((0, BITS // 8), dtype=np.uint8)
    if not found:
        return Looks(empty, empty)
    return Looks(np.stack([one for one, _ in found]), np.stack([other for _, other in found]))


def _look(picture: Image.Image) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    small = picture.convert("L").resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    return _hash(small), _hash(ImageOps.mirror(small))


def _hash(picture: Image.Image) -> NDArray[np.uint8]:
    import imagehash  # here, since it brings wavelets that nothing else needs

    return np.packbits(imagehash.phash(picture).hash)


def _bits(different: NDArray[np.uint8]) -> NDArray[np.intp]:
    return np.asarray(np.unpackbits(different, axis=1).sum(axis=1, dtype=np.intp))
