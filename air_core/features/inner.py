"""Inner maps of every image on disk, from which the last blocks are trained.

One folder for each set of images, weights and views; in it, files of :data:`CHUNK` images and one
view, bfloat16 with channels last, each written whole. Training reads them through memory maps.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from air_core.atomic import atomic_write
from air_core.errors import FeatureError, SourceError
from air_core.features.cut import CutBackbone
from air_core.features.devices import has_bfloat16
from air_core.features.extract import ImageLoader, normalise
from air_core.features.views import view_of
from air_core.progress import ProgressCallback, silent
from air_core.quarantine import content_digest

CHUNK = 256
BATCH = 64


class InnerMaps:
    """Memory-mapped inner maps of n images in several views.

    Parameters
    ----------
    folder : Path
        Of one cache, as :func:`cache_inner_maps` names it.
    n, views : int
    shape : tuple of 3 int
        (k, h, w).
    """

    def __init__(self, folder: Path, n: int, views: int, shape: tuple[int, int, int]) -> None:
        self.folder, self.n, self.views, self.shape = folder, n, views, shape
        self._chunks = [
            [np.load(_file(folder, view, chunk), mmap_mode="r") for chunk in range(-(-n // CHUNK))]
            for view in range(views)
        ]

    def __len__(self) -> int:
        return self.n

    def take(self, rows: NDArray[np.intp], views: NDArray[np.intp] | int) -> torch.Tensor:
        """Maps of some images, each in one view.

        Parameters
        ----------
        rows : ndarray of shape (b,)
        views : ndarray of shape (b,), or int

        Returns
        -------
        Tensor of shape (b, k, h, w), dtype bfloat16, channels last
        """
        k, h, w = self.shape
        found = np.empty((len(rows), h, w, k), dtype=np.int16)
        for place, (row, view) in enumerate(
            zip(rows.tolist(), np.broadcast_to(views, len(rows)).tolist(), strict=True)
        ):
            found[place] = self._chunks[view][row // CHUNK][row % CHUNK]
        return torch.from_numpy(found).view(torch.bfloat16).permute(0, 3, 1, 2)


def cache_inner_maps(
    cut: CutBackbone,
    files: Sequence[Path],
    digests: Sequence[str],
    folder: Path,
    *,
    load: ImageLoader,
    views: int,
    device: torch.device,
    progress: ProgressCallback = silent,
) -> InnerMaps:
    """Inner maps of every image; what a stopped run stored is not computed again.

    Parameters
    ----------
    cut : CutBackbone
    files : sequence of n Path
    digests : sequence of n str
        Content digest of each file.
    folder : Path
        Where such caches are kept.
    load : callable
        Decodes a file to RGB.
    views : int
        See :func:`~air_core.features.views.view_of`.
    device : torch.device
    progress : callable
        May raise :class:`~air_core.errors.Cancelled`.

    Raises
    ------
    FeatureError
        If files can no longer be read or have changed, or the disk is too small.
    """
    key = hashlib.blake2b("".join(digests).encode(), digest_size=8).hexdigest()
    place = folder / f"{cut.spec.name}-{cut.fingerprint()}-{key}"
    place.mkdir(parents=True, exist_ok=True)
    n, chunks = len(files), -(-len(files) // CHUNK)
    todo = [(v, c) for v in range(views) for c in range(chunks) if not _file(place, v, c).is_file()]
    _require_space(place, 2 * int(np.prod(cut.shape)) * CHUNK * len(todo))
    done = n * views - sum(min(CHUNK, n - c * CHUNK) for _, c in todo)
    note = "Computing inner maps"
    progress(done, n * views, note)
    below = _Below(cut, device)
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        for view, chunk in todo:
            rows = range(chunk * CHUNK, min(n, (chunk + 1) * CHUNK))
            parts = []
            for start in range(rows.start, rows.stop, BATCH):
                some = range(start, min(start + BATCH, rows.stop))
                args = ([files[r] for r in some], [digests[r] for r in some])
                images = list(
                    pool.map(lambda f, d, v=view: _decode(f, d, v, load, cut.input_size), *args)
                )
                parts.append(below(np.stack(images)))
                done += len(some)
                progress(done, n * views, note)
            with atomic_write(_file(place, view, chunk)) as file:
                np.save(file, np.concatenate(parts), allow_pickle=False)
    return InnerMaps(place, n, views, cut.shape)


class _Below:
    """The part of the backbone that stays as it is, in the quickest precision of the device."""

    def __init__(self, cut: CutBackbone, device: torch.device) -> None:
        self.spec, self.device = cut.spec, device
        self.dtype = torch.bfloat16 if has_bfloat16(device) else torch.float32
        self.module = cut.below.to(device, self.dtype).to(memory_format=torch.channels_last)

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.int16]:
        with torch.inference_mode():
            batch = normalise(torch.from_numpy(images).to(self.device), self.spec)
            maps = self.module(batch.to(self.dtype)).to(torch.bfloat16)
            flat: NDArray[np.int16] = (
                maps.permute(0, 2, 3, 1).contiguous().cpu().view(torch.int16).numpy()
            )
        return flat


def _decode(file: Path, digest: str, view: int, load: ImageLoader, size: int) -> NDArray[np.uint8]:
    try:
        image = view_of(load(file), digest, view)
        if content_digest(file) != digest:
            raise SourceError("It has changed since it was imported.")
    except (SourceError, OSError) as error:
        raise FeatureError(
            f"Expected every image as it was imported, {file.name} is not: {error}",
            hint="Run air-audit open on the same source again, then extract.",
        ) from error
    resized = image.resize((size, size), Image.Resampling.BICUBIC)
    return np.ascontiguousarray(np.asarray(resized).transpose(2, 0, 1))


def _require_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise FeatureError(
            f"Expected {needed / 1e9:.1f} GB of free disk for inner maps, got {free / 1e9:.1f} GB.",
            hint="They are removed when the training ends; make room until then.",
        )


def _file(folder: Path, view: int, chunk: int) -> Path:
    return folder / f"view{view}-{chunk:06d}.npy"
