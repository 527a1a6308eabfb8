"""Small sources of images to audit, and one thread for torch."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line has it, before torch

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

THOROUGH = os.environ.get("THOROUGH") == "1"
"""Whether to take as long as it takes: ``make thorough``."""

EXAMPLES = 1000 if THOROUGH else 25
"""Examples of each property of a round trip."""

PaintImage = Callable[..., Path]


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Small problems gain nothing from threads, and on a busy machine they wait for each other."""
    torch.set_num_threads(1)


@pytest.fixture
def paint() -> PaintImage:
    """Write an image file, a plain colour unless a picture is given, and return its path."""

    def write(path: Path, color: object = "red", *, size: tuple[int, int] = (8, 8)) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, color).save(path)  # type: ignore[arg-type]
        return path

    return write


@pytest.fixture
def csv_source(tmp_path: Path, paint: PaintImage) -> Path:
    """``labels.csv`` with four images of three classes."""
    folder = tmp_path / "source"
    rows = [("a.png", "cat"), ("b.png", "dog"), ("c.png", "cat"), ("d.png", "emu")]
    for number, (name, _) in enumerate(rows):
        paint(folder / "images" / name, (number * 40, 0, 0))
    lines = [f"images/{name},{label}\n" for name, label in rows]
    (folder / "labels.csv").write_text("path,label\n" + "".join(lines))
    return folder


@pytest.fixture
def folder_source(tmp_path: Path, paint: PaintImage) -> Path:
    """Class folders ``cat`` (two images, one in a sub-folder) and ``dog`` (one)."""
    folder = tmp_path / "classes"
    paint(folder / "cat" / "1.png", "red")
    paint(folder / "cat" / "deep" / "2.png", "green")
    paint(folder / "dog" / "1.png", "blue")
    return folder
