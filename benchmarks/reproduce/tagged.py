"""Images with user tags: NUS-WIDE-LITE where the user has it, else mosaics with such tags."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageOps

from air_core.dataset import tags_of
from air_core.errors import SourceError
from air_core.formats.base import ReadOptions
from air_core.formats.nus_wide import NusWide
from benchmarks.data import unpacked
from benchmarks.reproduce.context import Context
from benchmarks.reproduce.sources import SEED, extracted, filled

NUS_WIDE = ("nus-wide-lite", "NUS-WIDE-LITE", "nus-wide", "NUS-WIDE")
MOSAICS, TEST_MOSAICS, SIDE = 3000, 1000, 224
# A user leaves out this share of what an image shows, and adds this many wrong tags on average.
MISSING, ADDED = 0.4, 0.6


@dataclass(frozen=True, slots=True)
class TaggedSet:
    """Images with noisy tags for training and true ones for tests.

    Parameters
    ----------
    features, test_features : ndarray of shape (n, p) and (m, p)
    tags : ndarray of shape (n, C), dtype int8
        What users gave; every row has at least one.
    truth, test_truth : ndarray of shape (n, C) and (m, C), dtype bool
        For scoring only.
    names : tuple of str
    test_files : tuple of Path
    source : str
        In words.
    """

    features: NDArray[np.float32]
    tags: NDArray[np.int8]
    truth: NDArray[np.bool_]
    test_features: NDArray[np.float32]
    test_truth: NDArray[np.bool_]
    names: tuple[str, ...]
    test_files: tuple[Path, ...]
    source: str


def tagged(context: Context) -> TaggedSet:
    """The user's NUS-WIDE, or mosaics of four pictures each."""
    own = next((context.data / name for name in NUS_WIDE if (context.data / name).is_dir()), None)
    return _mosaics(context) if own is None else nus_wide(own, context)


def nus_wide(folder: Path, context: Context) -> TaggedSet:
    """NUS-WIDE or LITE as published: ground truth, user tags of the 81 concepts, image lists.

    Trained on users' tags and tested on the ground truth, as in the paper: training images
    without a tag are left out. Images that the copy lacks, as Flickr no longer has them, too.

    Raises
    ------
    SourceError
        If user tags or ground truth are missing, or hardly any image is there.
    """
    truth = NusWide().read(folder, ReadOptions())
    tag_files = sorted(
        path
        for path in folder.rglob("*.txt")
        if "tags81" in path.name.lower() and "test" not in path.name.lower()
    )
    if not tag_files:
        raise SourceError(
            f"Expected users' tags of the 81 concepts in {folder}, found no Train_Tags81.txt.",
            hint="Unpack NUS_WID_Tags.zip into it.",
        )
    given = NusWide().read(folder, ReadOptions(labels=tag_files[0]))
    names = tuple(truth.class_names)
    of_path = dict(zip(given.paths, given.labels, strict=True))
    rows = pd.DataFrame({"path": truth.paths, "truth": truth.labels})
    rows["given"] = rows["path"].map(of_path)
    # The published lists were written on Windows.
    rows["file"] = [truth.root / path.replace("\\", "/") for path in rows["path"]]
    rows = rows[[file.is_file() for file in rows["file"]]]
    # The ground truth lists the training images first; tags are read for those alone.
    trained = rows["given"].notna()
    train = rows[trained & rows["given"].map(lambda text: bool(text) and text != "[]")]
    train, test = train.head(context.images), rows[~trained].head(context.images)
    if len(train) < 100 or len(test) < 100:
        raise SourceError(
            f"Expected at least 100 tagged training and 100 test images in {truth.root}, got "
            f"{len(train)} and {len(test)}.",
            hint="Copy the images into its folder Flickr, as the image lists name them.",
        )
    files = [list(table["file"]) for table in (train, test)]
    features, test_features = (extracted(context, listed, "nus-wide") for listed in files)
    return TaggedSet(
        features=features,
        tags=_matrix(train["given"], names).astype(np.int8),
        truth=_matrix(train["truth"], names),
        test_features=test_features,
        test_truth=_matrix(test["truth"], names),
        names=names,
        test_files=tuple(files[1]),
        source=f"NUS-WIDE at {folder.name}, users' tags",
    )


def user_tags(
    truth: NDArray[np.bool_],
    rng: np.random.Generator,
    *,
    missing: float = MISSING,
    added: float = ADDED,
) -> NDArray[np.int8]:
    """Tags as users give them: some of the true ones left out, some wrong ones added.

    Parameters
    ----------
    truth : ndarray of shape (n, C), dtype bool
    rng : numpy.random.Generator
    missing : float
        Chance that a true tag is left out.
    added : float
        Mean number of wrong tags of an image. Which ones is as uneven as on a photo site: the
        k-th most popular wrong tag is given 1/k as often as the first.

    Examples
    --------
    >>> user_tags(np.eye(3, dtype=bool), np.random.default_rng(0), missing=0, added=0).tolist()
    [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    """
    n, classes = truth.shape
    popularity = 1.0 / (1 + rng.permutation(classes))
    chance = np.minimum(added * popularity / popularity.sum(), 1.0)
    kept = truth & (rng.random((n, classes)) >= missing)
    wrong = ~truth & (rng.random((n, classes)) < chance)
    return (kept | wrong).astype(np.int8)


def _mosaics(context: Context) -> TaggedSet:
    base = unpacked(context.data, "caltech50")
    counts = {
        "train": min(MOSAICS, context.images),
        "test": min(TEST_MOSAICS, context.images // 5),
    }

    def fill(folder: Path) -> None:
        rng = np.random.default_rng(SEED)
        for split, count in counts.items():
            table = pd.read_csv(base / f"{split}.csv", dtype=str)
            (folder / split).mkdir()
            rows = []
            for number in range(count):
                # Two to four pictures, of as many classes or fewer.
                chosen = table.iloc[rng.integers(0, len(table), rng.integers(2, 5))]
                path = f"{split}/{number:05d}.jpg"
                _mosaic([base / p for p in chosen["path"]], rng).save(folder / path, quality=92)
                rows.append({"path": path, "tags": "|".join(sorted(set(chosen["clean"])))})
            pd.DataFrame(rows).to_csv(folder / f"{split}.csv", index=False)

    folder = filled(f"mosaics-{counts['train']}", fill)
    tables = {split: pd.read_csv(folder / f"{split}.csv", dtype=str) for split in counts}
    cells = [tags for table in tables.values() for tags in table["tags"]]
    names = tuple(sorted({tag for tags in cells for tag in tags.split("|")}))
    truth = {
        split: np.array([[name in set(tags.split("|")) for name in names] for tags in t["tags"]])
        for split, t in tables.items()
    }
    given = user_tags(truth["train"], np.random.default_rng(SEED))
    # As in the paper, training images without a tag are left out.
    rows = np.flatnonzero(given.any(axis=1))
    files = {split: [folder / path for path in table["path"]] for split, table in tables.items()}
    features = extracted(context, files["train"], folder.name)
    return TaggedSet(
        features=features[rows],
        tags=given[rows],
        truth=truth["train"][rows],
        test_features=extracted(context, files["test"], folder.name),
        test_truth=truth["test"],
        names=names,
        test_files=tuple(files["test"]),
        source="mosaics of Caltech-101 pictures, in place of NUS-WIDE-LITE",
    )


def _mosaic(files: list[Path], rng: np.random.Generator) -> Image.Image:
    """Two to four pictures in the quarters of a square; the rest stays grey."""
    half = SIDE // 2
    picture = Image.new("RGB", (SIDE, SIDE), (124, 116, 104))
    places = rng.permutation(4)
    for file, place in zip(files, places.tolist(), strict=False):
        with Image.open(file) as image:
            cut = ImageOps.fit(image.convert("RGB"), (half, half), Image.Resampling.BICUBIC)
        picture.paste(cut, (half * (place % 2), half * (place // 2)))
    return picture


def _matrix(cells: Any, names: tuple[str, ...]) -> NDArray[np.bool_]:
    found = [set(tags_of(cell)) for cell in cells]
    return np.array([[name in tags for name in names] for tags in found])
