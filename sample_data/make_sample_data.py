"""Make this folder's images and label files from Debian's dataset-fashion-mnist package.

Run ``python sample_data/make_sample_data.py``; the same seed gives the same pictures and labels.
"""

from __future__ import annotations

import argparse
import csv
import gzip
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

CLASS_NAMES = (
    "T-shirt",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
CONFUSABLE = {
    "T-shirt": ("Shirt", "Pullover", "Dress"),
    "Trouser": ("Dress",),
    "Pullover": ("Coat", "Shirt", "T-shirt"),
    "Dress": ("Coat", "Shirt", "T-shirt"),
    "Coat": ("Pullover", "Shirt", "Dress"),
    "Sandal": ("Sneaker", "Ankle boot"),
    "Shirt": ("T-shirt", "Pullover", "Coat"),
    "Sneaker": ("Sandal", "Ankle boot"),
    "Bag": ("Shirt", "Coat"),
    "Ankle boot": ("Sneaker", "Sandal"),
}
PER_CLASS = 120
WRONG_PER_CLASS = 12
CONFUSABLE_SHARE = 0.8
SEED = 20161
SOURCE = Path("/usr/share/datasets/fashion-mnist")


def read_test_set(folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images (10000, 28, 28) and labels (10000,) of the Fashion-MNIST test set."""
    with gzip.open(folder / "t10k-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28)
    with gzip.open(folder / "t10k-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)
    return images, labels


def choose(labels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.intp]:
    """Rows of ``PER_CLASS`` images a class, in an order that says nothing about the class."""
    rows = [
        rng.choice(np.flatnonzero(labels == label), PER_CLASS, replace=False)
        for label in range(len(CLASS_NAMES))
    ]
    return rng.permutation(np.concatenate(rows))


def spoil(truth: list[str], rng: np.random.Generator) -> list[str]:
    """Give ``WRONG_PER_CLASS`` images of each class a wrong label, mostly a confusable one."""
    given = list(truth)
    for name in CLASS_NAMES:
        members = [row for row, label in enumerate(truth) if label == name]
        for row in rng.choice(members, WRONG_PER_CLASS, replace=False):
            others = [other for other in CLASS_NAMES if other != name]
            if rng.random() < CONFUSABLE_SHARE:
                others = list(CONFUSABLE[name])
            given[row] = others[rng.integers(len(others))]
    return given


def write_labels(path: Path, names: list[str], labels: list[str]) -> None:
    """Write a ``path,label`` CSV."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("path", "label"))
        writer.writerows(zip(names, labels, strict=True))


def make(source: Path, out: Path) -> None:
    """Write images, labels and truth into ``out``."""
    rng = np.random.default_rng(SEED)
    images, labels = read_test_set(source)
    rows = choose(labels, rng)
    truth = [CLASS_NAMES[labels[row]] for row in rows]
    names = [f"images/{number:04}.png" for number in range(len(rows))]
    (out / "images").mkdir(parents=True, exist_ok=True)
    for name, row in zip(names, rows, strict=True):
        Image.fromarray(images[row]).save(out / name, optimize=True)
    write_labels(out / "truth.csv", names, truth)
    write_labels(out / "labels.csv", names, spoil(truth, rng))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--fashion-mnist", type=Path, default=SOURCE, help="folder of the .gz files"
    )
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    arguments = parser.parse_args()
    make(arguments.fashion_mnist, arguments.out)
