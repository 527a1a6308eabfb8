"""Features on disk, keyed by what produced them.

One folder for each backbone + weights + preprocessing. Inside it a row belongs to an image's
*content*, so renamed, reordered or added images reuse what is there. Every file is written under
a temporary name and then renamed: a kill leaves whole files only.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from air_core.atomic import atomic_write
from air_core.errors import FeatureError

Stored = Literal["float32", "float16"]
MERGED_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class Features:
    """Feature vectors of a dataset, in the dataset's order.

    Parameters
    ----------
    array : ndarray of shape (n, p), dtype float32 or float16
        Non-negative; memory-mapped and read-only.
    backbone : str
        Registry name of the network.
    digest : str
        Identifies backbone, weights, preprocessing and the images' contents, in order.
    """

    array: NDArray[np.float32]
    backbone: str
    digest: str


class FeatureCache:
    """Rows of one backbone's features, by image content.

    Parameters
    ----------
    folder : Path
        Created when missing.
    backbone : str
        Registry name, recorded in the results.
    fingerprint : str
        Digest of weights and preprocessing; part of every result's digest.
    dim : int
        Length p of a row.
    dtype : {"float32", "float16"}
        What rows are kept in.
    """

    def __init__(
        self,
        folder: Path,
        *,
        backbone: str,
        fingerprint: str,
        dim: int,
        dtype: Stored = "float32",
    ) -> None:
        # A name may hold a path, as that of an ONNX file does.
        name = re.sub(r"[^\w.-]+", "-", backbone)[-80:]
        self.folder = folder / f"{name}-{fingerprint}"
        self.backbone = backbone
        self.fingerprint = fingerprint
        self.dim = dim
        self.dtype = np.dtype(dtype)
        self.folder.mkdir(parents=True, exist_ok=True)

    def dataset_digest(self, digests: Sequence[str]) -> str:
        """Digest of the whole array that these images give, in this order."""
        key = hashlib.blake2b(f"{self.backbone} {self.fingerprint}".encode(), digest_size=8)
        for digest in digests:
            key.update(digest.encode())
        return key.hexdigest()

    def known(self) -> set[str]:
        """Contents that need no extraction."""
        return {digest for name in self._stems() for digest in self._read_digests(name)}

    def add_shard(self, digests: Sequence[str], rows: NDArray[np.float32]) -> None:
        """Store rows, at once or not at all.

        Parameters
        ----------
        digests : sequence of b str
            Content digest of each image.
        rows : ndarray of shape (b, p), dtype float32
            Their features.

        Raises
        ------
        FeatureError
            For another shape, or numbers beyond the range of what they are kept in.
        """
        if rows.shape != (len(digests), self.dim):
            raise FeatureError(
                f"Expected features of shape {(len(digests), self.dim)}, got {rows.shape}."
            )
        name = "shard-" + hashlib.blake2b("".join(digests).encode(), digest_size=8).hexdigest()
        self._write(name, digests, self._kept(rows))

    def write(self, digests: Sequence[str], blocks: Iterable[NDArray[np.float32]]) -> None:
        """Store all rows of these images in their order, without shards.

        Parameters
        ----------
        digests : sequence of n str
        blocks : iterable of ndarray of shape (b, p)
            Rows that follow one another, n in all.
        """
        key = self.dataset_digest(digests)
        self._write_whole(key, digests, blocks)

    def assemble(self, digests: Sequence[str]) -> Features:
        """Features in the order of ``digests``; merges the shards into one memory-mapped file.

        Raises
        ------
        FeatureError
            If some image has no row yet.
        """
        key = self.dataset_digest(digests)
        if not self._array_path(key).is_file():
            self._merge(key, digests)
        array = np.load(self._array_path(key), mmap_mode="r")
        if array.shape != (len(digests), self.dim):
            raise FeatureError(
                f"Expected stored features of shape {(len(digests), self.dim)}, "
                f"got {array.shape} in {self._array_path(key).name}.",
                hint=f"Delete {self.folder} and extract again.",
            )
        return Features(array=array, backbone=self.backbone, digest=key)

    def has(self, digests: Sequence[str]) -> bool:
        """Whether :meth:`assemble` needs no merging."""
        return self._array_path(self.dataset_digest(digests)).is_file()

    def _merge(self, key: str, digests: Sequence[str]) -> None:
        stems = self._stems()
        where: dict[str, tuple[int, int]] = {}
        for number, name in enumerate(stems):
            for row, digest in enumerate(self._read_digests(name)):
                where[digest] = (number, row)
        missing = sum(digest not in where for digest in digests)
        if missing:
            raise FeatureError(
                f"Expected features of {len(digests)} images, {missing} are missing.",
                hint="Run air-audit extract again: it continues where it stopped.",
            )
        sources = [np.load(self._array_path(name), mmap_mode="r") for name in stems]

        def rows() -> Iterator[NDArray[np.floating]]:
            for start in range(0, len(digests), MERGED_AT_ONCE):
                places = map(where.__getitem__, digests[start : start + MERGED_AT_ONCE])
                yield np.stack([sources[number][row] for number, row in places])

        self._write_whole(key, digests, rows())
        for name in stems:
            if name.startswith("shard-"):
                self._array_path(name).unlink()
                self._digest_path(name).unlink()

    def _write_whole(
        self, key: str, digests: Sequence[str], blocks: Iterable[NDArray[np.floating]]
    ) -> None:
        partial = self._array_path(key).with_suffix(".partial")
        whole = np.lib.format.open_memmap(
            partial, mode="w+", dtype=self.dtype, shape=(len(digests), self.dim)
        )
        end = 0
        for block in blocks:
            start, end = end, end + len(block)
            whole[start:end] = self._kept(block)
        whole.flush()
        del whole
        # The digest list goes first: an array without it would be unreadable, not wrong.
        self._write_digests(key, digests)
        partial.replace(self._array_path(key))

    def _kept(self, rows: NDArray[np.floating]) -> NDArray[np.floating]:
        with np.errstate(over="ignore"):
            kept = rows.astype(self.dtype, copy=False)
        if np.isinf(kept).any() and not np.isinf(rows).any():
            raise FeatureError(
                f"Expected features that {self.dtype} can hold, got some beyond "
                f"{np.finfo(self.dtype).max:g}.",
                hint="Store them as float32.",
            )
        return kept

    def _stems(self) -> list[str]:
        return sorted(path.stem for path in self.folder.glob("*.npy"))

    def _array_path(self, name: str) -> Path:
        return self.folder / f"{name}.npy"

    def _digest_path(self, name: str) -> Path:
        return self.folder / f"{name}.digests"

    def _read_digests(self, name: str) -> list[str]:
        return self._digest_path(name).read_text("ascii").split()

    def _write_digests(self, name: str, digests: Sequence[str]) -> None:
        with atomic_write(self._digest_path(name)) as file:
            file.write("\n".join(digests).encode("ascii"))

    def _write(self, name: str, digests: Sequence[str], rows: NDArray[np.floating]) -> None:
        self._write_digests(name, digests)
        with atomic_write(self._array_path(name)) as file:
            np.save(file, rows, allow_pickle=False)
