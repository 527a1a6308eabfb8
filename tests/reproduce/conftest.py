"""A tiny copy of the data sets, and every run cut to a few steps."""

import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from benchmarks import quality
from benchmarks.reproduce import e2e, fig2, table1, tag_models, tagged
from benchmarks.reproduce.context import Context
from benchmarks.reproduce.inner_layers import Recipe

CLASSES = ("ant", "bee", "crab", "dove", "eel")
COLOURS = ((200, 40, 40), (40, 200, 40), (40, 40, 200), (200, 200, 40), (40, 200, 200))


def write_set(path, *, train, test, seed):
    """Noisy squares in the colour of their class, with half of ``flip50`` wrong."""
    rng = np.random.default_rng(seed)
    tables = {"train": ["path,clean,flip50"], "test": ["path,clean"]}
    with zipfile.ZipFile(path, "w") as archive:
        for split, count in (("train", train), ("test", test)):
            for number in range(count):
                label = number % len(CLASSES)
                picture = rng.normal(COLOURS[label], 40, (40, 40, 3)).clip(0, 255)
                name = f"{split}/{CLASSES[label]}/{number}.png"
                with archive.open(name, "w") as file:
                    Image.fromarray(picture.astype(np.uint8)).save(file, "PNG")
                wrong = (label + rng.integers(1, 5)) % 5 if rng.random() < 0.5 else label
                row = f"{name},{CLASSES[label]}"
                tables[split].append(f"{row},{CLASSES[wrong]}" if split == "train" else row)
        for split, rows in tables.items():
            archive.writestr(f"{split}.csv", "\n".join(rows) + "\n")


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for seed, name in enumerate(("caltech50", "mnist", "cifar10n")):
        write_set(folder / f"{name}.zip", train=60, test=25, seed=seed)
    return folder


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def context(tiny_data, home, tmp_path, monkeypatch):
    """What a run is given, with features shared between tests and everything small."""
    monkeypatch.setenv("AIR_AUDIT_HOME", str(home))
    monkeypatch.setattr(quality, "SEEDS", (0, 1))
    monkeypatch.setattr(table1, "LEVELS", (0.0, 0.5))
    monkeypatch.setattr(fig2, "LEVELS", (0.0, 0.5))
    monkeypatch.setattr(fig2, "SHARES", (0.5, 1.0))
    monkeypatch.setattr(fig2, "CPU", replace(fig2.CPU, epochs=2, warm_up=1))
    monkeypatch.setattr(tagged, "MOSAICS", 40)
    monkeypatch.setattr(tagged, "TEST_MOSAICS", 15)
    monkeypatch.setattr(e2e, "LEVELS", (0.0, 0.4))
    monkeypatch.setattr(e2e, "PER_CLASS", 8)
    monkeypatch.setattr(e2e, "SCALES", (30.0,))
    monkeypatch.setattr(e2e, "RECIPE", Recipe(epochs=1))
    monkeypatch.setattr(tag_models, "FOLDS", 2)
    return replace(Context(tiny_data, tmp_path / "out"), device="cpu")
