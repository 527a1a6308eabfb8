"""A tiny source of drawn shapes that the real backbone tells apart, with two wrong labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

CLASSES = ("circle", "square", "stripes")
WRONG = {"images/03.png": "square", "images/14.png": "circle"}


def draw(path: Path, kind: str, rng: np.random.Generator) -> None:
    image = Image.new("RGB", (64, 64), tuple(rng.integers(200, 256, 3).tolist()))
    pen = ImageDraw.Draw(image)
    ink = tuple(rng.integers(0, 120, 3).tolist())
    left, top = rng.integers(4, 20, 2).tolist()
    box = (left, top, left + 36, top + 36)
    if kind == "circle":
        pen.ellipse(box, fill=ink)
    elif kind == "square":
        pen.rectangle(box, outline=ink, width=6)
    else:
        for x in range(left % 8, 64, 8):
            pen.line((x, 0, x, 64), fill=ink, width=3)
    image.save(path)


def make_source(folder: Path) -> Path:
    """Write 36 images and ``labels.csv``; returns the label file."""
    rng = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True)
    lines = ["path,label"]
    for number in range(36):
        kind = CLASSES[number % 3]
        name = f"images/{number:02}.png"
        draw(folder / name, kind, rng)
        lines.append(f"{name},{WRONG.get(name, kind)}")
    source = folder / "labels.csv"
    source.write_text("\n".join(lines) + "\n")
    return source
