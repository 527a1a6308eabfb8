"""A small source in every format, written by our own export, with names that cause trouble."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from air_core.formats import FILE_FORMATS
from air_core.workspace import Workspace

CLASSES = ("cat", "007", "wild dog", "höhe")
SINGLE = ("cat", "007", "wild dog", "höhe", "cat", "007", "cat", "wild dog")
TAGS = (
    ("cat",),
    ("007", "cat"),
    ("wild dog",),
    ("höhe",),
    ("cat", "höhe", "wild dog"),
    ("007",),
    ("cat",),
    ("007", "wild dog"),
)
DIGITS = ("1", "0", "2", "3", "1", "0", "1", "2")
STEMS = ("plain", "two words", "comma,name", "quo'te", "ünïcode", "a.b", "0007", "last")


def make_csv(folder: Path, *, multilabel: bool, grey: bool = False) -> Path:
    """Write eight images and ``labels.csv``; tags stand in the cells as JSON lists.

    Images have the size of CIFAR's, or in grey that of MNIST's and digits for labels.
    """
    rng = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True)
    rows = []
    for number, stem in enumerate(STEMS):
        name = f"images/{stem}.png"
        shape = (28, 28) if grey else (32, 32, 3)
        Image.fromarray(rng.integers(0, 255, shape, dtype=np.uint8)).save(folder / name)
        one = DIGITS[number] if grey else SINGLE[number]
        label = json.dumps(TAGS[number], ensure_ascii=False) if multilabel else one
        rows.append((name, label))
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([("path", "label"), *rows])
    return folder / "labels.csv"


def workspace_of(folder: Path, *, multilabel: bool, grey: bool = False) -> Workspace:
    """A workspace of :func:`make_csv`."""
    source = make_csv(folder / "source", multilabel=multilabel, grey=grey)
    return Workspace.create(folder / "audit", source)


def write_sample(workspace: Workspace, format: str, folder: Path) -> Path:
    """Export a workspace into an empty folder so that it can be opened again; returns the source.

    Images lie beside a label file as its paths say.
    """
    if format not in FILE_FORMATS:
        workspace.export(format, folder)
        return folder
    folder.mkdir(parents=True)
    target = folder / f"labels{FILE_FORMATS[format].suffix}"
    workspace.export(format, target)
    shutil.copytree(workspace.dataset.files[0].parent, folder / "images")
    return target
