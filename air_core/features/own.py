"""Features that somebody brings along: ``.npy``, ``.npz`` or Parquet, checked row by row."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from air_core.errors import FeatureError
from air_core.features.cache import FeatureCache, Features, Stored
from air_core.progress import ProgressCallback, silent

BACKBONE = "own"
BLOCK = 8192
_NAMES = "paths"
_LISTS = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
_DAMAGE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, pa.ArrowException)


def own_features(
    file: Path,
    paths: Sequence[str],
    digests: Sequence[str],
    folder: Path,
    *,
    store: Stored = "float32",
    progress: ProgressCallback = silent,
) -> Features:
    """Take features from a file instead of computing them.

    Parameters
    ----------
    file : Path
        ``.npy`` with an array (n, p); ``.npz`` with one, and perhaps ``paths`` (n,); Parquet with
        a column ``path`` and either one column of lists or p columns of numbers. Without paths
        the rows are taken in the order of the images.
    paths : sequence of n str
        Of the images, as their source writes them.
    digests : sequence of n str
        Of their contents.
    folder : Path
        Where features are kept.
    store : {"float32", "float16"}
    progress : callable

    Returns
    -------
    Features

    Raises
    ------
    FeatureError
        If the file holds no such array, misses an image, or has NaN or infinity in a row.
    """
    array, names = _read(file)
    if array.ndim != 2 or 0 in array.shape:
        raise FeatureError(f"Expected features of shape (n, p) in {file.name}, got {array.shape}.")
    if array.dtype.kind not in "fiu":
        raise FeatureError(f"Expected numbers in {file.name}, got {array.dtype}.")
    order = _order(file, len(array), names, paths)
    with file.open("rb") as opened:
        key = hashlib.file_digest(opened, lambda: hashlib.blake2b(digest_size=6)).hexdigest()
    cache = FeatureCache(
        folder,
        backbone=BACKBONE,
        fingerprint=f"{key}-{store}" if store != "float32" else key,
        dim=array.shape[1],
        dtype=store,
    )
    if not cache.has(digests):
        cache.write(digests, _blocks(file, array, order, paths, progress))
    return cache.assemble(digests)


def _blocks(
    file: Path,
    array: NDArray[Any],
    order: NDArray[np.intp] | None,
    paths: Sequence[str],
    progress: ProgressCallback,
) -> Iterator[NDArray[np.float32]]:
    for start in range(0, len(paths), BLOCK):
        rows: Any = slice(start, min(start + BLOCK, len(paths)))
        block = np.asarray(array[rows if order is None else order[rows]], dtype=np.float32)
        bad = ~np.isfinite(block).all(axis=1)
        if bad.any():
            raise FeatureError(
                f"Expected finite features in {file.name}, got NaN or infinity for "
                f"{paths[start + int(bad.argmax())]}.",
                hint="Mend or drop that row.",
            )
        progress(start, len(paths), "Reading features")
        yield block


def _order(
    file: Path, count: int, names: Sequence[str] | None, paths: Sequence[str]
) -> NDArray[np.intp] | None:
    """For each image its row in the file; None where they are in the same order."""
    if names is None:
        if count != len(paths):
            raise FeatureError(
                f"Expected {len(paths)} rows in {file.name}, one for each image, got {count}.",
                hint="Images that were set aside have no row; a file with paths may have more.",
            )
        return None
    if len(names) != count:
        raise FeatureError(f"Expected {count} paths in {file.name}, got {len(names)}.")
    where = {name: row for row, name in enumerate(names)}
    missing = [path for path in paths if path not in where]
    if missing:
        raise FeatureError(
            f"Expected a row for every image in {file.name}, {len(missing)} have none: "
            f"{', '.join(missing[:3])}{' …' if len(missing) > 3 else ''}",
            hint="Write paths exactly as the source does.",
        )
    return np.array([where[path] for path in paths], dtype=np.intp)


def _read(file: Path) -> tuple[NDArray[Any], Sequence[str] | None]:
    readers = {".npy": _read_npy, ".npz": _read_npz, ".parquet": _read_parquet}
    reader = readers.get(file.suffix.lower())
    if reader is None:
        raise FeatureError(
            f"Expected features in a file of kind {', '.join(readers)}, got {file.name!r}."
        )
    try:
        return reader(file)
    except FileNotFoundError:
        raise FeatureError(f"Expected a file of features, found none at {file}.") from None
    except _DAMAGE as error:
        raise FeatureError(
            f"Expected features in {file.name}, got: {str(error).splitlines()[0]}",
            hint="Write it again, numbers only and without pickled objects.",
        ) from error


def _read_npy(file: Path) -> tuple[NDArray[Any], None]:
    array: NDArray[Any] = np.load(file, mmap_mode="r", allow_pickle=False)
    return array, None


def _read_npz(file: Path) -> tuple[NDArray[Any], Sequence[str] | None]:
    with np.load(file, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    names = arrays.pop(_NAMES, None)
    if len(arrays) != 1:
        raise ValueError(f"expected one array beside {_NAMES}, got {sorted(arrays)}")
    return next(iter(arrays.values())), None if names is None else [str(n) for n in names.tolist()]


def _read_parquet(file: Path) -> tuple[NDArray[Any], Sequence[str]]:
    table = pq.read_table(file)
    names = table["path"].to_pylist()
    rest = table.drop_columns(["path"])
    lists = [
        column
        for column, kind in zip(rest.columns, rest.schema.types, strict=True)
        if any(is_one(kind) for is_one in _LISTS)
    ]
    if lists:
        lengths = pc.unique(pc.list_value_length(lists[0])).to_pylist()
        if len(lengths) != 1 or not lengths[0]:
            raise ValueError("lists of different lengths, or none")
        flat = pc.list_flatten(lists[0]).to_numpy(zero_copy_only=False)
        return flat.reshape(len(names), lengths[0]), names
    return np.column_stack([column.to_numpy() for column in rest.columns]), names
