from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.datasets import MNIST, FashionMNIST

from air_core.errors import ExportError, SourceError
from air_core.formats import ReadOptions
from air_core.formats.mnist import Mnist
from air_core.workspace import Workspace
from tests.conftest import PaintImage
from tests.formats.test_webdataset import exclude, relabel
from tests.formats.test_webdataset import given as labels_of


def idx(array: Any) -> bytes:
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes((0, 0, 8, array.ndim)) + sizes + array.astype(np.uint8).tobytes()


def write(folder: Path, gz: bool = False) -> Path:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for split, n in (("train", 6), ("t10k", 3)):
        for name, array in (
            ("images-idx3", rng.integers(0, 256, (n, 28, 28))),
            ("labels-idx1", np.arange(n) * 2 % 10),
        ):
            data = idx(array)
            file = folder / f"{split}-{name}-ubyte{'.gz' if gz else ''}"
            file.write_bytes(gzip.compress(data) if gz else data)
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write(tmp_path / "root" / "MNIST" / "raw").parent.parent


def test_lists_the_same_as_torchvision(root: Path, tmp_path: Path) -> None:
    made = Workspace.create(tmp_path / "ws", root)
    assert made.info.format == "mnist"
    train, test = MNIST(root), MNIST(root, train=False)
    assert made.dataset.given_labels.tolist() == [*train.targets.tolist(), *test.targets.tolist()]
    for row, (image, _) in enumerate([*train, *test]):
        assert np.array_equal(np.asarray(Image.open(made.dataset.files[row])), np.asarray(image))
    assert made.dataset.paths[0] == "train/00000.png"
    assert made.dataset.paths[-1] == "t10k/00002.png"
    assert made.dataset.class_names == tuple("0123456789")


@pytest.mark.parametrize("gz", [False, True])
def test_without_decisions_every_byte_is_the_same(tmp_path: Path, gz: bool) -> None:
    raw = write(tmp_path / "somewhere", gz)
    Workspace.create(tmp_path / "ws", raw).export("mnist", tmp_path / "out")
    for file in raw.iterdir():
        copy = tmp_path / "out" / "MNIST" / "raw" / file.name
        assert copy.read_bytes() == file.read_bytes()


def test_a_relabel_changes_one_byte_and_an_exclusion_one_image(root: Path, tmp_path: Path) -> None:
    made = Workspace.create(tmp_path / "ws", root)
    relabel(made, "train/00002.png", "9")
    made.export("mnist", tmp_path / "one")
    raw = Path("MNIST") / "raw"
    for file in (root / raw).iterdir():
        copy = (tmp_path / "one" / raw / file.name).read_bytes()
        differing = sum(a != b for a, b in zip(file.read_bytes(), copy, strict=True))
        assert differing == (file.name == "train-labels-idx1-ubyte")
    exclude(made, "train/00000.png")
    made.export("mnist", tmp_path / "two")
    before, after = MNIST(root), MNIST(tmp_path / "two")
    assert after.targets.tolist() == [2, 9, *before.targets.tolist()[3:]]
    assert np.array_equal(after.data, before.data[1:])
    assert len(MNIST(tmp_path / "two", train=False)) == 3


def test_gzipped_files_stay_gzipped(tmp_path: Path) -> None:
    raw = write(tmp_path / "MNIST" / "raw", gz=True)
    made = Workspace.create(tmp_path / "ws", raw)
    exclude(made, "t10k/00000.png")
    relabel(made, "t10k/00001.png", "7")
    made.export("mnist", tmp_path / "out")
    again = Workspace.create(tmp_path / "again", tmp_path / "out")
    assert [labels_of(again)[f"t10k/0000{n}.png"] for n in range(2)] == ["7", "4"]
    names = {file.name for file in (tmp_path / "out" / "MNIST" / "raw").iterdir()}
    assert names == {file.name for file in raw.iterdir()}


def test_copies_are_read_once(root: Path, tmp_path: Path) -> None:
    images = root / "MNIST" / "raw" / "train-images-idx3-ubyte"
    images.with_name(f"{images.name}.gz").write_bytes(gzip.compress(images.read_bytes()))
    made = Workspace.create(tmp_path / "ws", root)
    assert len(made.dataset) == 9
    assert made.notes == ("train-images-idx3-ubyte was read, not its gzipped copy.",)


def test_fashion_has_its_names(tmp_path: Path) -> None:
    write(tmp_path / "set" / "FashionMNIST" / "raw")
    made = Workspace.create(tmp_path / "ws", tmp_path / "set")
    made.export("mnist", tmp_path / "out")
    theirs = FashionMNIST(tmp_path / "out")
    assert list(made.dataset.class_names) == theirs.classes


def test_labels_of_a_csv(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "noisy.csv"
    file.write_text("label\n" + "".join(f"{n}\n" for n in (1, 1, 2, 3, 4, 5)))
    made = Workspace.create(tmp_path / "ws", root, labels=file)
    assert made.dataset.given_labels.tolist() == [1, 1, 2, 3, 4, 5]
    relabel(made, "train/00000.png", "0")
    made.export("mnist", tmp_path / "out")
    assert (tmp_path / "out" / "noisy.csv").read_text().splitlines()[1:3] == ["0", "1"]
    assert MNIST(tmp_path / "out").targets.tolist() == MNIST(root).targets.tolist()


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("train-images-idx3-ubyte", b"", "start as an idx file"),
        ("train-images-idx3-ubyte", b"\0\0\x0b\3" + b"\0" * 12, "got 00 00 0b 03"),
        ("train-images-idx3-ubyte", bytes(3), "start as an idx file"),
        ("train-labels-idx1-ubyte", idx(np.zeros(5)), "as many labels as images"),
        ("train-labels-idx1-ubyte", idx(np.zeros(6))[:-1], "Expected 6 bytes"),
        ("train-labels-idx1-ubyte", b"\0\0\x08\1\xff\xff\xff\xff", "4294967295 bytes"),
        (
            "train-images-idx3-ubyte",
            b"\0\0\x08\3\0\0\0\6" + b"\xff\xff\xff\xff" * 2,
            "6 × 4294967295 × 4294967295 bytes",
        ),
    ],
)
def test_damaged_files_are_named(
    root: Path, tmp_path: Path, name: str, data: bytes, expected: str
) -> None:
    (root / "MNIST" / "raw" / name).write_bytes(data)
    with pytest.raises(SourceError) as caught:
        Workspace.create(tmp_path / "ws", root)
    assert expected in str(caught.value)
    assert name in str(caught.value)


def test_missing_labels_and_two_sets_are_named(root: Path, tmp_path: Path) -> None:
    write(root / "KMNIST" / "raw")
    with pytest.raises(SourceError, match="in one folder"):
        Workspace.create(tmp_path / "ws", root)
    (root / "MNIST" / "raw" / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(SourceError, match="Expected t10k-labels-idx1-ubyte beside"):
        Workspace.create(tmp_path / "ws", root / "MNIST")


def test_a_gzip_bomb_is_refused(tmp_path: Path) -> None:
    raw = write(tmp_path / "MNIST" / "raw", gz=True)
    header = bytes((0, 0, 8, 3)) + struct.pack(">3I", 6, 30_000, 30_000)
    (raw / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(header + bytes(1 << 20)))
    with pytest.raises(SourceError, match="6 × 30000 × 30000 bytes"):
        Workspace.create(tmp_path / "ws", raw)


def test_idx_files_of_another_format(tmp_path: Path, paint: PaintImage) -> None:
    for n in range(5):
        grey = (n * 40,) * 3
        paint(tmp_path / "src" / ("a cat", "dog")[n % 2] / f"{n}.png", grey, size=(9, 12))
    (tmp_path / "src" / "empty").mkdir()
    made = Workspace.create(tmp_path / "ws", tmp_path / "src")
    made.export("mnist", tmp_path / "out")
    opened = MNIST(tmp_path / "out")
    assert opened.targets.tolist() == made.dataset.given_labels.tolist()
    assert opened.data.shape == (5, 12, 9)
    assert opened.data[:, 0, 0].tolist() == [0, 80, 160, 40, 120]
    again = Workspace.create(tmp_path / "again", tmp_path / "out")
    assert again.dataset.class_names == ("a cat", "dog", "empty")
    assert list(labels_of(again).values()) == list(labels_of(made).values())
    for color, size, expected in (("red", (9, 12), "grey"), ("white", (9, 9), "9 × 12 pixels")):
        paint(tmp_path / "src" / "dog" / "9.png", color, size=size)
        made = Workspace.create(tmp_path / "ws", tmp_path / "src")
        with pytest.raises(ExportError, match=expected):
            made.export("mnist", tmp_path / "other")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    data=st.binary(max_size=40),
    name=st.sampled_from(["images-idx3-ubyte", "labels-idx1-ubyte.gz"]),
)
def test_no_bytes_make_it_fail(tmp_path: Path, data: bytes, name: str) -> None:
    raw = tmp_path / "raw"
    if not raw.exists():
        write(raw)
        (raw / "t10k-images-idx3-ubyte").unlink()
        labels = raw / "train-labels-idx1-ubyte"
        labels.with_suffix(".gz").write_bytes(gzip.compress(labels.read_bytes()))
    (raw / f"train-{name}").write_bytes(data)
    try:
        Mnist().read(raw, ReadOptions(unpack=tmp_path / "unpack"))
    except SourceError:
        return
