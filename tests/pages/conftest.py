"""A small but real audit for the pages: 40 pictures, four classes, two wrong labels."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from air_core import pipeline
from pages import resources
from pages.jobs import registry

CLASSES = ("disc", "stripe", "noise", "<img src=x onerror=alert(1)>")
"""The last one checks that names are text wherever they are shown."""
SIDE = 48


def picture(kind: int, rng: np.random.Generator) -> np.ndarray:
    """One picture (48, 48, 3) that a pretrained network tells from the other kinds."""
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2 + rng.uniform(-3, 3)
    shapes = (
        np.hypot(x, y) < rng.uniform(12, 18),
        np.sin(x * rng.uniform(0.7, 0.9)) > 0,
        rng.random((SIDE, SIDE)) > 0.5,
        (abs(x) < rng.uniform(3, 6)) | (abs(y) < 4),
    )
    grey = np.where(shapes[kind], 225, 40) + rng.normal(0, 8, (SIDE, SIDE))
    return np.repeat(grey.clip(0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV with 40 images; rows 3 and 17 carry a wrong label."""
    folder = tmp_path_factory.mktemp("source")
    rng = np.random.default_rng(7)
    rows = []
    for i in range(40):
        kind = i % 4
        Image.fromarray(picture(kind, rng)).save(folder / f"{i:02}.png")
        rows.append((f"{i:02}.png", CLASSES[(kind + 1) % 4 if i in (3, 17) else kind]))
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "label"), *rows])
    return folder / "labels.csv"


@pytest.fixture(scope="session")
def audited_once(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An audited workspace that no test may change; see :func:`audited`."""
    folder = tmp_path_factory.mktemp("audit") / "shapes"
    pipeline.audit(pipeline.open_source(source, folder), device="cpu")
    return folder


@pytest.fixture
def audited(audited_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An audited workspace of this test's own, shown by the pages."""
    folder = tmp_path / "shapes"
    shutil.copytree(audited_once, folder)
    return shown(folder, monkeypatch)


@pytest.fixture
def imported(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with images but without features or fits, shown by the pages."""
    pipeline.open_source(source, tmp_path / "shapes").close()
    return shown(tmp_path / "shapes", monkeypatch)


@pytest.fixture
def nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server started without a workspace."""
    monkeypatch.delenv(resources.VARIABLE, raising=False)


def shown(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the pages show this workspace, without jobs from other tests."""
    monkeypatch.setenv(resources.VARIABLE, str(folder))
    for job in registry.of(folder):
        registry.dismiss(job)
    return folder
