from __future__ import annotations

import csv
import runpy
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from air_core.workspace import Workspace

SAMPLE = Path(__file__).parent.parent / "sample_data"


def read(path: Path) -> dict[str, str]:
    with path.open(newline="") as file:
        return {row["path"]: row["label"] for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def maker() -> dict[str, Any]:
    return runpy.run_path(str(SAMPLE / "make_sample_data.py"))


@pytest.fixture(scope="module")
def truth() -> dict[str, str]:
    return read(SAMPLE / "truth.csv")


def test_there_are_120_images_a_class(truth: dict[str, str]) -> None:
    assert list(truth) == [f"images/{number:04}.png" for number in range(1200)]
    counts = Counter(truth.values())
    assert len(counts) == 10
    assert set(counts.values()) == {120}


def test_one_label_in_ten_is_wrong_and_mostly_confusable(
    truth: dict[str, str], maker: dict[str, Any]
) -> None:
    given = read(SAMPLE / "labels.csv")
    assert list(given) == list(truth)
    wrong = [(truth[path], label) for path, label in given.items() if label != truth[path]]
    assert len(wrong) == 120
    assert set(Counter(true for true, _ in wrong).values()) == {12}
    confusable = sum(label in maker["CONFUSABLE"][true] for true, label in wrong)
    assert 85 <= confusable <= 115


def test_the_order_says_nothing_about_the_class(truth: dict[str, str]) -> None:
    names = sorted(set(truth.values()))
    labels = np.array([names.index(label) for label in truth.values()])
    same_as_next = float(np.mean(labels[1:] == labels[:-1]))
    assert same_as_next < 0.14
    for part in np.split(labels, 4):
        assert np.bincount(part, minlength=10).min() >= 15


def test_it_is_small_and_opens_without_a_word(tmp_path: Path) -> None:
    assert sum(f.stat().st_size for f in SAMPLE.rglob("*.png")) < 1_000_000
    workspace = Workspace.create(tmp_path / "ws", SAMPLE)
    assert len(workspace.dataset) == 1200
    assert workspace.quarantined == ()
    assert workspace.info.labels_file == str(SAMPLE / "labels.csv")


def test_the_script_makes_it_again(tmp_path: Path, maker: dict[str, Any]) -> None:
    if not maker["SOURCE"].is_dir():
        pytest.skip("needs Debian's dataset-fashion-mnist")
    maker["make"](maker["SOURCE"], tmp_path)
    for name in ("labels.csv", "truth.csv"):
        assert (tmp_path / name).read_bytes() == (SAMPLE / name).read_bytes()
    for name in ("0000.png", "0777.png", "1199.png"):
        with (
            Image.open(tmp_path / "images" / name) as made,
            Image.open(SAMPLE / "images" / name) as kept,
        ):
            assert (made.size, made.tobytes()) == ((28, 28), kept.tobytes())
