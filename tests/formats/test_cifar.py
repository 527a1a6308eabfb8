from __future__ import annotations

import pickle
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import CIFAR10, CIFAR100

from air_core.errors import ExportError, SourceError
from air_core.formats.plain_pickle import write_pickle
from air_core.workspace import Workspace
from tests.conftest import PaintImage
from tests.formats.test_webdataset import exclude, relabel
from tests.formats.test_webdataset import given as labels_of

NAMES = ["airplane", "bird", "cat"]


class Ten(CIFAR10):  # type: ignore[misc]
    """torchvision's reader without the sums of the published files."""

    train_list = tuple((name, None) for name, _ in CIFAR10.train_list)
    test_list = tuple((name, None) for name, _ in CIFAR10.test_list)
    meta = CIFAR10.meta | {"md5": None}


class Hundred(CIFAR100):  # type: ignore[misc]
    train_list = tuple((name, None) for name, _ in CIFAR100.train_list)
    test_list = tuple((name, None) for name, _ in CIFAR100.test_list)
    meta = CIFAR100.meta | {"md5": None}


def images(n: int, seed: int) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (n, 3072), dtype=np.uint8)


@pytest.fixture
def ten(tmp_path: Path) -> Path:
    """Five batches of two images and a test batch of three, as Python 2 pickled them."""
    folder = tmp_path / "root" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for n, (name, _) in enumerate((*CIFAR10.train_list, *CIFAR10.test_list)):
        rows = 3 if name == "test_batch" else 2
        batch = {
            "batch_label": name,
            "labels": [(n + row) % 3 for row in range(rows)],
            "data": images(rows, n),
            "filenames": [f"thing_s_{n}{row}.png" for row in range(rows)],
        }
        (folder / name).write_bytes(write_pickle(batch))
    meta = {"num_cases_per_batch": 2, "label_names": NAMES, "num_vis": 3072}
    (folder / "batches.meta").write_bytes(write_pickle(meta))
    return folder.parent


@pytest.fixture
def hundred(tmp_path: Path) -> Path:
    """CIFAR-100's files as Python 3 pickles them."""
    folder = tmp_path / "hundred" / "cifar-100-python"
    folder.mkdir(parents=True)
    for name, rows in (("train", 4), ("test", 2)):
        batch = {
            "filenames": [f"{n}.png" for n in range(rows)],
            "batch_label": name,
            "fine_labels": [0, 1, 2, 0][:rows],
            "coarse_labels": [1, 0, 1, 1][:rows],
            "data": images(rows, rows),
        }
        (folder / name).write_bytes(pickle.dumps(batch, 2))
    meta = {"fine_label_names": NAMES, "coarse_label_names": ["x", "y"]}
    (folder / "meta").write_bytes(pickle.dumps(meta, 2))
    return folder.parent


def test_lists_the_same_as_torchvision(ten: Path, tmp_path: Path) -> None:
    made = Workspace.create(tmp_path / "ws", ten)
    assert made.info.format == "cifar"
    train, test = Ten(ten), Ten(ten, train=False)
    assert made.dataset.given_labels.tolist() == train.targets + test.targets
    assert list(made.dataset.class_names) == train.classes
    for row, (image, _) in enumerate([*train, *test]):
        assert np.array_equal(np.asarray(Image.open(made.dataset.files[row])), np.asarray(image))
    assert made.dataset.paths[0] == "train/thing_s_00.png"
    assert made.dataset.paths[-1] == "test/thing_s_52.png"


def test_without_decisions_every_byte_is_the_same(ten: Path, hundred: Path, tmp_path: Path) -> None:
    for root in (ten, hundred):
        made = Workspace.create(tmp_path / f"ws-{root.name}", root)
        made.export("cifar", tmp_path / f"out-{root.name}")
        for file in (f for f in root.rglob("*") if f.is_file()):
            copy = tmp_path / f"out-{root.name}" / file.relative_to(root)
            assert copy.read_bytes() == file.read_bytes()


def test_a_relabel_changes_one_byte(ten: Path, tmp_path: Path) -> None:
    made = Workspace.create(tmp_path / "ws", ten / "cifar-10-batches-py")
    relabel(made, "train/thing_s_10.png", "airplane")
    made.export("cifar", tmp_path / "out")
    for file in (ten / "cifar-10-batches-py").iterdir():
        copy = (tmp_path / "out" / "cifar-10-batches-py" / file.name).read_bytes()
        differing = sum(a != b for a, b in zip(file.read_bytes(), copy, strict=True))
        assert differing == (file.name == "data_batch_2")
    expected = Ten(ten).targets
    expected[2] = 0
    assert Ten(tmp_path / "out").targets == expected


def test_an_exclusion_removes_the_image(ten: Path, tmp_path: Path) -> None:
    made = Workspace.create(tmp_path / "ws", ten)
    exclude(made, "train/thing_s_20.png")
    relabel(made, "train/thing_s_21.png", "cat")
    made.export("cifar", tmp_path / "out")
    before, after = Ten(ten), Ten(tmp_path / "out")
    keep = [0, 1, 2, 3, *range(5, 10)]
    assert np.array_equal(after.data, before.data[keep])
    expected = [before.targets[row] for row in keep]
    expected[4] = 2
    assert after.targets == expected
    again = Workspace.create(tmp_path / "again", tmp_path / "out")
    assert "train/thing_s_20.png" not in again.dataset.paths


def test_the_superclass_follows_its_class(hundred: Path, tmp_path: Path) -> None:
    made = Workspace.create(tmp_path / "ws", hundred)
    relabel(made, "train/0.png", "bird")
    made.export("cifar", tmp_path / "out")
    assert Hundred(tmp_path / "out").targets == [1, 1, 2, 0]
    data = (tmp_path / "out" / "cifar-100-python" / "train").read_bytes()
    assert pickle.loads(data)["coarse_labels"] == [0, 0, 1, 1]  # noqa: S301 (ours)


def noisy(path: Path, kind: str) -> dict[str, Any]:
    content = {
        "clean_label": np.array([0, 1, 1, 2, 2, 0, 0, 1, 1, 2]),
        "worse_label": np.array([0, 1, 2, 2, 2, 0, 0, 1, 1, 2]),
        "aggre_label": np.array([1] * 10),
    }
    torch.save(
        {k: torch.tensor(v) if kind == "tensor" else v for k, v in content.items()},
        path,
        _use_new_zipfile_serialization=kind != "old",
    )
    return content


@pytest.mark.parametrize("kind", ["array", "tensor", "old"])
def test_labels_of_cifar_n(ten: Path, tmp_path: Path, kind: str) -> None:
    file = tmp_path / "CIFAR-10_human.pt"
    content = noisy(file, kind)
    with pytest.raises(SourceError, match=r"'worse_label'.*--label-column"):
        Workspace.create(tmp_path / "ws", ten, labels=file)
    made = Workspace.create(tmp_path / "ws", ten, labels=file, label_column="worse_label")
    assert made.dataset.given_labels.tolist() == content["worse_label"].tolist()
    assert made.notes == ("3 images without a label in that file were passed over.",)
    made.export("cifar", tmp_path / "same")
    assert (tmp_path / "same" / file.name).read_bytes() == file.read_bytes()
    relabel(made, "train/thing_s_10.png", "bird")
    exclude(made, "train/thing_s_41.png")
    made.export("cifar", tmp_path / "out")
    written = torch.load(tmp_path / "out" / file.name, weights_only=False)
    assert type(written["worse_label"]) is type(torch.load(file, weights_only=False)["worse_label"])
    content["worse_label"][2] = 1
    for key, column in content.items():
        assert written[key].tolist() == column[:9].tolist()
    opened = Ten(tmp_path / "out")
    assert opened.targets == Ten(ten).targets[:9]


def test_labels_of_old_numpy(ten: Path, tmp_path: Path) -> None:
    file = tmp_path / "x.pt"
    torch.save({"noisy_label": np.arange(10) % 3}, file, _use_new_zipfile_serialization=False)
    data = file.read_bytes().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    file.write_bytes(data)
    made = Workspace.create(tmp_path / "ws", ten, labels=file)
    assert made.dataset.given_labels.tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]


def test_a_torch_file_runs_nothing(ten: Path, tmp_path: Path) -> None:
    from tests.formats.test_plain_pickle import Evil

    file = tmp_path / "x.pt"
    torch.save({"noisy_label": Evil(tmp_path / "ran")}, file)
    with pytest.raises(SourceError, match="cannot be read"):
        Workspace.create(tmp_path / "ws", ten, labels=file)
    assert not (tmp_path / "ran").exists()
    file.write_bytes(b"no torch file")
    with pytest.raises(SourceError, match="cannot be read"):
        Workspace.create(tmp_path / "ws", ten, labels=file)


def test_labels_in_order(ten: Path, tmp_path: Path) -> None:
    file = tmp_path / "noisy.csv"
    text = "clean;noisy label\r\n" + "".join(f"0;{n % 3}\r\n" for n in range(10))
    file.write_bytes(text.encode())
    made = Workspace.create(tmp_path / "ws", ten, labels=file, label_column="noisy label")
    assert made.dataset.given_labels.tolist() == [n % 3 for n in range(10)]
    relabel(made, "train/thing_s_00.png", "cat")
    exclude(made, "train/thing_s_01.png")
    made.export("cifar", tmp_path / "out")
    lines = text.splitlines(keepends=True)
    expected = "".join([lines[0], "0;2\r\n", *lines[3:]])
    assert (tmp_path / "out" / "noisy.csv").read_bytes() == expected.encode()
    assert len(Ten(tmp_path / "out")) == 9
    short = tmp_path / "short.csv"
    short.write_text("label\n0\n1\n")
    with pytest.raises(SourceError, match="Expected 10 or 3 or 13 labels in short"):
        Workspace.create(tmp_path / "ws2", ten, labels=short)


@pytest.mark.parametrize("key", ["path", "index"])
def test_labels_by_name_leave_the_batches_alone(ten: Path, tmp_path: Path, key: str) -> None:
    file = tmp_path / "noisy.csv"
    named = {"path": ("train/thing_s_11.jpg", "train/thing_s_00.png"), "index": ("3", "0")}[key]
    file.write_text(f'{key},label,why\n{named[0]},"cat",a\n{named[1]},,b\n')
    made = Workspace.create(tmp_path / "ws", ten, labels=file)
    assert labels_of(made) == {"train/thing_s_11.png": "cat", "train/thing_s_00.png": None}
    exclude(made, "train/thing_s_11.png")
    relabel(made, "train/thing_s_00.png", "bird")
    made.export("cifar", tmp_path / "out")
    assert (tmp_path / "out" / "noisy.csv").read_text() == f"{key},label,why\n{named[1]},bird,b\n"
    for batch in (ten / "cifar-10-batches-py").iterdir():
        copy = tmp_path / "out" / "cifar-10-batches-py" / batch.name
        assert copy.read_bytes() == batch.read_bytes()
    file.write_text(f"{key},label\nnowhere,cat\n")
    with pytest.raises(SourceError, match="got 'nowhere'"):
        Workspace.create(tmp_path / "ws", ten, labels=file)


def test_missing_and_damaged_files_are_named(ten: Path, tmp_path: Path) -> None:
    folder = ten / "cifar-10-batches-py"
    (folder / "data_batch_3").unlink()
    made = Workspace.create(tmp_path / "ws", ten)
    assert made.notes == ("data_batch_3 of cifar-10-batches-py is missing.",)
    assert len(made.dataset) == 11
    batch = (folder / "data_batch_1").read_bytes()
    (folder / "data_batch_1").write_bytes(batch[:-100])
    with pytest.raises(SourceError, match="Expected data_batch_1 to be a pickled"):
        Workspace.create(tmp_path / "ws2", ten)
    (folder / "data_batch_1").write_bytes(batch.replace(b"train", b"xxxxx"))
    (folder / "batches.meta").write_bytes(write_pickle({"label_names": NAMES[:2]}))
    with pytest.raises(SourceError, match="Expected a class index below 2 in data_batch_"):
        Workspace.create(tmp_path / "ws2", ten)
    with pytest.raises(SourceError, match="Expected cifar-10-batches-py or cifar-100-python"):
        Workspace.create(tmp_path / "ws2", tmp_path / "ws", format="cifar")


def test_strange_names_in_a_batch_give_way_to_numbers(ten: Path, tmp_path: Path) -> None:
    batch = {
        "labels": [0, 1, 2, 0],
        "data": images(4, 0),
        "filenames": ["../../evil.png", "same.png", "same.png", "x\n.png"],
    }
    (ten / "cifar-10-batches-py" / "test_batch").write_bytes(write_pickle(batch))
    made = Workspace.create(tmp_path / "ws", ten)
    assert made.dataset.paths[10:] == (
        "test/00000.png",
        "test/same.png",
        "test/00002.png",
        "test/00003.png",
    )


def test_a_changed_source_is_not_exported(ten: Path, tmp_path: Path) -> None:
    made = Workspace.create(tmp_path / "ws", ten)
    (ten / "cifar-10-batches-py" / "test_batch").unlink()
    with pytest.raises(ExportError, match="as it was when it was opened"):
        made.export("cifar", tmp_path / "out")


def test_batches_of_another_format(tmp_path: Path, paint: PaintImage) -> None:
    for n in range(7):
        paint(tmp_path / "src" / ("cat", "dog")[n % 2] / f"{n}.png", (n * 30, 9, 9), size=(32, 32))
    made = Workspace.create(tmp_path / "ws", tmp_path / "src")
    made.export("cifar", tmp_path / "out")
    opened = Ten(tmp_path / "out")
    assert opened.classes == ["cat", "dog"]
    assert opened.targets == made.dataset.given_labels.tolist()
    for row, (image, _) in enumerate(opened):
        assert np.array_equal(np.asarray(image), np.asarray(Image.open(made.dataset.files[row])))
    again = Workspace.create(tmp_path / "again", tmp_path / "out")
    assert again.dataset.paths[0] == "train/cat/0.png"
    paint(tmp_path / "src" / "cat" / "9.png", size=(32, 31))
    made = Workspace.create(tmp_path / "ws", tmp_path / "src")
    with pytest.raises(ExportError, match="32 × 32 pixels for CIFAR, got cat/9"):
        made.export("cifar", tmp_path / "out2")


def test_a_torch_file_of_another_shape(ten: Path, tmp_path: Path) -> None:
    buffer = BytesIO()
    torch.save({"noisy_label": np.zeros((10, 2), int)}, buffer)
    (tmp_path / "x.pt").write_bytes(buffer.getvalue())
    with pytest.raises(SourceError, match="got none"):
        Workspace.create(tmp_path / "ws", ten, labels=tmp_path / "x.pt")
