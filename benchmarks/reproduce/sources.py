"""The paper's data sets: a user's own copy where there is one, else what stands in for it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from air_core.errors import SourceError
from air_core.features import extract_features, get_backbone
from air_core.images import IMAGE_EXTENSIONS, load_rgb
from air_core.installation import workspaces_folder
from air_core.quarantine import content_digest
from benchmarks.data import BenchmarkSet, flip_half, load_folder, unpacked
from benchmarks.reproduce.context import Context

CLASSES, PER_CLASS, TEST_PER_CLASS = 50, 100, 50
SEED = 0


def half_flipped(context: Context) -> tuple[BenchmarkSet, str]:
    """Fifty classes with half of the labels flipped, and which images they are, in words.

    ``DATA/imagenet7k`` is a user's copy: a folder for each class. Fifty of them with enough images
    are drawn, a hundred images of each for training and up to fifty for tests.
    """
    own = context.data / "imagenet7k"
    if own.is_dir():
        folder = _drawn_classes(own)
        data = _features(context, folder)
        given = flip_half(data.clean, len(data.class_names), SEED)
        return _with_given(data, given), "ImageNet7k, 50 classes × 100 images of your copy"
    data = _features(context, unpacked(context.data, "caltech50"), "flip50")
    return data, "Caltech-101, 50 classes, in place of ImageNet7k"


def mnist(context: Context) -> tuple[BenchmarkSet, str]:
    """MNIST, without noise: torchvision's copy where it is or may be fetched, else the zip file."""
    return _by_torchvision(context, "mnist", "MNIST")


def cifar10(context: Context) -> tuple[BenchmarkSet, str]:
    """CIFAR-10, without noise, from the same places."""
    return _by_torchvision(context, "cifar10n", "CIFAR10")


def extracted(context: Context, files: Sequence[Path], name: str) -> NDArray[np.float32]:
    """Features of images wherever they lie; kept by content, so that a kill loses a shard."""
    found: Any = extract_features(
        files,
        [content_digest(file) for file in files],
        workspaces_folder() / "reproduce" / "features" / name,
        spec=get_backbone(context.backbone),
        load=load_rgb,
        device=context.device,
        weights=context.weights,
        progress=context.progress,
    ).array
    return np.array(found)


def pixels(files: Iterable[Path], side: int) -> NDArray[np.uint8]:
    """Images resized to squares, shape (n, 3, side, side)."""
    return np.stack([_square(file, side) for file in files])


def _square(file: Path, side: int) -> NDArray[np.uint8]:
    with Image.open(file) as image:
        resized = image.convert("RGB").resize((side, side), Image.Resampling.BICUBIC)
    return np.ascontiguousarray(np.asarray(resized).transpose(2, 0, 1))


def _by_torchvision(context: Context, name: str, tv_name: str) -> tuple[BenchmarkSet, str]:
    """torchvision's copy if it lies in the data folder or may be fetched, else the zip file."""
    from torchvision import datasets

    make = getattr(datasets, tv_name)
    archive = context.data / f"{name}.zip"
    root = context.data
    if context.download and not archive.is_file():
        root = workspaces_folder() / "torchvision"
    try:
        splits = [
            make(root, train=train, download=context.download and not archive.is_file())
            for train in (True, False)
        ]
    except (RuntimeError, OSError) as error:
        if not archive.is_file():
            raise SourceError(
                f"Expected {tv_name} as torchvision keeps it, or {archive.name}, in "
                f"{context.data}, found neither.",
                hint="Copy it there, or add --download.",
            ) from error
        folder = unpacked(context.data, name)
        return _features(context, folder), f"{tv_name}, the images of {archive.name}"
    folder = _written(context, name, splits)
    return _features(context, folder), f"{tv_name} by torchvision"


def _features(context: Context, folder: Path, column: str | None = None) -> BenchmarkSet:
    return load_folder(
        folder,
        column,
        limit=context.images,
        backbone=context.backbone,
        weights=context.weights,
        device=context.device,
        progress=context.progress,
    )


def _with_given(data: BenchmarkSet, given: NDArray[np.intp]) -> BenchmarkSet:
    return replace(data, given=given)


def _written(context: Context, name: str, splits: list[Any]) -> Path:
    """A torchvision set as PNG files, so that its images take the steps that a user's take."""
    counts = (context.images, context.images // 5)

    def fill(folder: Path) -> None:
        rng = np.random.default_rng(SEED)
        for split, data, count in zip(("train", "test"), splits, counts, strict=True):
            chosen = np.sort(rng.permutation(len(data))[:count])
            rows = []
            (folder / split).mkdir()
            for row in chosen.tolist():
                image, label = data[row]
                path = f"{split}/{row:05d}.png"
                image.convert("RGB").save(folder / path)
                rows.append({"path": path, "clean": data.classes[label]})
            pd.DataFrame(rows).to_csv(folder / f"{split}.csv", index=False)

    return filled(f"{name}-{counts[0]}", fill)


def _drawn_classes(own: Path) -> Path:
    def fill(folder: Path) -> None:
        rng = np.random.default_rng(SEED)
        names = sorted(path.name for path in own.iterdir() if path.is_dir())
        images = {name: _images(own / name) for name in names}
        usable = [name for name in names if len(images[name]) > PER_CLASS]
        if len(usable) < CLASSES:
            raise SourceError(
                f"Expected {CLASSES} folders with more than {PER_CLASS} images in {own}, "
                f"got {len(usable)}."
            )
        rows: dict[str, list[dict[str, str]]] = {"train": [], "test": []}
        for name in sorted(rng.choice(usable, CLASSES, replace=False).tolist()):
            order = rng.permutation(len(images[name]))[: PER_CLASS + TEST_PER_CLASS]
            for position, at in enumerate(order.tolist()):
                split = "train" if position < PER_CLASS else "test"
                source = images[name][at]
                path = f"{split}/{name}/{source.name}"
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, folder / path)
                rows[split].append({"path": path, "clean": name})
        for split, listed in rows.items():
            pd.DataFrame(listed).to_csv(folder / f"{split}.csv", index=False)

    return filled("imagenet7k", fill)


def _images(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in IMAGE_EXTENSIONS)


def filled(name: str, fill: Callable[[Path], None]) -> Path:
    """A folder below ``AIR_AUDIT_HOME`` that is made once, whole or not at all."""
    folder = workspaces_folder() / "reproduce" / name
    if not folder.is_dir():
        making = folder.with_name(f".{name}.making")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        fill(making)
        making.rename(folder)
    return folder
