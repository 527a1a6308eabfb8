"""Benchmark data sets: images by way of a workspace, features by way of its cache, truth apart."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from air_core import pipeline
from air_core.dataset import index_labels
from air_core.errors import SourceError
from air_core.installation import workspaces_folder
from air_core.progress import ProgressCallback, silent


@dataclass(frozen=True, slots=True)
class BenchmarkSet:
    """Features and labels of one data set.

    Parameters
    ----------
    features, test_features : ndarray of shape (n, p) and (m, p)
    given : ndarray of shape (n,)
        The labels that methods see.
    clean, test_clean : ndarray of shape (n,) and (m,)
        The truth: for scoring only.
    class_names : tuple of str
    files, test_files : tuple of Path
        The images themselves.
    """

    features: NDArray[np.float32]
    given: NDArray[np.intp]
    clean: NDArray[np.intp]
    test_features: NDArray[np.float32]
    test_clean: NDArray[np.intp]
    class_names: tuple[str, ...]
    files: tuple[Path, ...] = ()
    test_files: tuple[Path, ...] = ()

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """Where the given label is not the true one."""
        return self.given != self.clean


def load(
    data: Path,
    name: str,
    column: str | None = None,
    *,
    limit: int | None = None,
    tested: bool = True,
    progress: ProgressCallback = silent,
) -> BenchmarkSet:
    """Read a zipped data set; its features are computed once and kept.

    Parameters
    ----------
    data : Path
        Folder of ``NAME.zip``, each with ``train.csv`` and ``test.csv``.
    name : str
    column : str, optional
        Column of given labels; ``clean`` by default, for sets that get synthetic noise.
    limit : int, optional
        Only the first images of the training split.
    tested : bool
        Whether the test split is needed, too; else it comes empty.
    progress : callable
    """
    return load_folder(unpacked(data, name), column, limit=limit, tested=tested, progress=progress)


def load_folder(
    folder: Path,
    column: str | None = None,
    *,
    limit: int | None = None,
    tested: bool = True,
    backbone: str | None = None,
    weights: Path | None = None,
    device: str = "auto",
    progress: ProgressCallback = silent,
) -> BenchmarkSet:
    """Read a folder of images with ``train.csv`` and ``test.csv``; otherwise as :func:`load`."""
    column = column or "clean"
    train = _table(folder / "train.csv", limit)
    if column not in train:
        raise SourceError(f"Expected a column {column!r} in {folder.name}, got {', '.join(train)}.")
    test = _table(folder / "test.csv", None if tested else 0)
    names = tuple(sorted({*train["clean"], *test["clean"], *train[column]}))
    how: dict[str, Any] = {"backbone": backbone, "weights": weights, "device": device}
    return BenchmarkSet(
        features=features_of(folder, list(train["path"]), "train", progress=progress, **how),
        given=index_labels(train[column].tolist(), names),
        clean=index_labels(train["clean"].tolist(), names),
        test_features=(
            features_of(folder, list(test["path"]), "test", progress=progress, **how)
            if tested
            else np.empty((0, 0), np.float32)
        ),
        test_clean=index_labels(test["clean"].tolist(), names),
        class_names=names,
        files=tuple(folder / path for path in train["path"]),
        test_files=tuple(folder / path for path in test["path"]),
    )


def files(data: Path, name: str) -> list[Path]:
    """Image files of the training split of a zipped data set."""
    folder = unpacked(data, name)
    return [folder / path for path in _table(folder / "train.csv", None)["path"]]


def flip_half(clean: NDArray[np.intp], n_classes: int, seed: int) -> NDArray[np.intp]:
    """Replace half of the labels, chosen at random, by another class at random."""
    rng = np.random.default_rng(seed)
    labels = clean.copy()
    rows = rng.permutation(len(clean))[: len(clean) // 2]
    labels[rows] = (clean[rows] + rng.integers(1, n_classes, len(rows))) % n_classes
    return labels


def _table(path: Path, limit: int | None) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False, nrows=limit)


def unpacked(data: Path, name: str) -> Path:
    """Folder of a data set's files, unpacked from its archive the first time."""
    archive = data / f"{name}.zip"
    if not archive.is_file():
        raise SourceError(f"Expected {name}.zip in {data}, found none.")
    folder = workspaces_folder() / "bench" / name
    stamp = folder / ".unpacked"
    mark = f"{archive.stat().st_size} {archive.stat().st_mtime_ns}"
    if not stamp.is_file() or stamp.read_text() != mark:
        folder.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(folder)  # zipfile strips absolute paths and ".."
        stamp.write_text(mark)
    return folder


def features_of(
    folder: Path,
    paths: Sequence[str],
    split: str,
    *,
    backbone: str | None = None,
    weights: Path | None = None,
    device: str = "auto",
    progress: ProgressCallback = silent,
) -> NDArray[np.float32]:
    """Features of images by their paths in a folder, by the same steps that a user's take.

    The label file that the workspace sees holds paths only: what extracts cannot see any truth.
    """
    listing = folder / f"{split}-{len(paths)}.csv"
    listing.write_text("path,label\n" + "".join(f"{path},\n" for path in paths))
    workspace = pipeline.open_source(
        listing, folder / "audits" / f"{split}-{len(paths)}", progress=progress
    )
    if workspace.quarantined:
        raise SourceError(f"Expected readable images, got {workspace.quarantined[0]}.")
    features: Any = pipeline.extract(
        workspace, backbone=backbone, weights=weights, device=device, progress=progress
    ).array
    return np.array(features)
