from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from air_core.errors import SourceError
from air_core.formats import FOLDER_FORMATS, ReadOptions, find_format
from air_core.workspace import Workspace
from tests.conftest import PaintImage
from tests.formats.audits import contents, round_trip, rows
from tests.formats.interop import foreign

FOLDERS = FOLDER_FORMATS["hf-imagefolder"]
NONE = ReadOptions()
ROWS = [("1.png", "cat"), ("deep/2.png", "dog"), ("3.png", "cat")]


def metadata(kind: str, found: list[tuple[str, object]]) -> bytes:
    """A metadata file with one more column, the label between the others."""
    columns = ("file_name", "label", "n")
    table = [
        dict(zip(columns, (name, label, n), strict=True)) for n, (name, label) in enumerate(found)
    ]
    if kind == "csv":
        lines = [",".join(columns), *(",".join(str(v) for v in row.values()) for row in table)]
        return "".join(f"{line}\r\n" for line in lines).encode()
    if kind == "jsonl":
        return "".join(json.dumps(row) + "\n" for row in table).encode()
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(table), sink)
    return bytes(sink.getvalue())


def values(kind: str, data: bytes) -> list[str]:
    """The rows of a metadata file as texts, to be compared."""
    if kind == "parquet":
        return [json.dumps(row) for row in pq.read_table(pa.BufferReader(data)).to_pylist()]
    return data.decode().splitlines()


@pytest.fixture(params=["csv", "jsonl", "parquet"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def described(tmp_path: Path, paint: PaintImage, kind: str) -> Path:
    """Two splits with a metadata file each; ``1.png`` is in both."""
    folder = tmp_path / "described"
    for n, (split, name) in enumerate((s, name) for s in ("train", "test") for name, _ in ROWS):
        paint(folder / split / name, (n * 30, 0, 0))
    for split in ("train", "test"):
        (folder / split / f"metadata.{kind}").write_bytes(metadata(kind, ROWS))
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    return folder


def test_metadata_is_found_and_folder_names_mean_nothing(described: Path, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "ws", described)
    assert workspace.info.format == "hf-imagefolder"
    assert rows(workspace) == {
        f"{split}/{name}": label for split in ("test", "train") for name, label in ROWS
    }


def test_no_decision_changes_no_byte(described: Path, tmp_path: Path) -> None:
    assert contents(round_trip(described, tmp_path / "x")) == contents(described)


def test_decisions_change_their_cells_only(described: Path, tmp_path: Path, kind: str) -> None:
    changes, gone = {"train/1.png": "dog"}, ["train/3.png"]
    before = contents(described)
    after = contents(round_trip(described, tmp_path / "x", changes, excluded=gone))
    name = f"train/metadata.{kind}"
    expected = [r.replace("cat", "dog") for r in values(kind, before[name])][:-1]
    assert values(kind, after.pop(name)) == expected
    assert after == {n: d for n, d in before.items() if n not in (name, "train/3.png")}


def test_an_image_that_nobody_could_look_at_keeps_its_row(described: Path, tmp_path: Path) -> None:
    (described / "train" / "1.png").write_bytes(b"broken")
    out = round_trip(described, tmp_path / "x", {"test/1.png": "dog"})
    assert (out / "train" / "1.png").read_bytes() == b"broken"


def test_images_without_a_row_are_told_of(described: Path, paint: PaintImage) -> None:
    paint(described / "train" / "more.png")
    assert FOLDERS.read(described, NONE).notes == (
        "1 images are in no metadata file and were passed over.",
    )


def test_two_kinds_of_metadata_are_refused(tmp_path: Path, paint: PaintImage) -> None:
    paint(tmp_path / "in" / "1.png")
    for kind in ("csv", "jsonl"):
        (tmp_path / "in" / f"metadata.{kind}").write_bytes(metadata(kind, [("1.png", "x")]))
    with pytest.raises(SourceError, match=r"got metadata\.csv and metadata\.jsonl"):
        Workspace.create(tmp_path / "ws", tmp_path / "in", format="hf-imagefolder")


def test_lists_are_tags(tmp_path: Path, paint: PaintImage) -> None:
    folder = tmp_path / "in"
    for name in ("1.png", "2.png"):
        paint(folder / name)
    found = [("1.png", ["sea", "dog"]), ("2.png", [])]
    (folder / "metadata.jsonl").write_bytes(metadata("jsonl", list(found)))
    out = round_trip(folder, tmp_path / "x", {"2.png": '["dog"]'})
    assert (out / "metadata.jsonl").read_text().splitlines() == [
        '{"file_name": "1.png", "label": ["sea", "dog"], "n": 0}',
        '{"file_name": "2.png", "label": ["dog"], "n": 1}',
    ]


def test_metadata_without_file_names_is_a_plain_label_file(
    tmp_path: Path, paint: PaintImage
) -> None:
    paint(tmp_path / "in" / "1.png")
    (tmp_path / "in" / "metadata.csv").write_text("path,label\n1.png,cat\n")
    assert find_format(tmp_path / "in", None, NONE).name == "csv"


@pytest.mark.parametrize("name", ["../../secret.png", "/etc/passwd"])
def test_paths_that_leave_the_folder_are_set_aside(
    tmp_path: Path, paint: PaintImage, name: str
) -> None:
    paint(tmp_path / "secret.png")
    paint(tmp_path / "in" / "train" / "1.png")
    data = metadata("csv", [("1.png", "x"), (name, "y")])
    (tmp_path / "in" / "train" / "metadata.csv").write_bytes(data)
    out = round_trip(tmp_path / "in", tmp_path / "x")
    assert sorted(contents(out)) == ["train/1.png", "train/metadata.csv"]
    assert (out / "train" / "metadata.csv").read_bytes() == data
    quarantined = Workspace.open(tmp_path / "x" / "audit").quarantined
    assert "outside the folder" in quarantined[0].reason


@pytest.fixture
def splits(tmp_path: Path, paint: PaintImage) -> Path:
    """Folders of labels in ``train`` and ``validation``; ``ape`` has one image only."""
    folder = tmp_path / "splits"
    names = ("train/ape/1.png", "train/bee/2.png", "validation/bee/1.png", "validation/cow/2.png")
    for number, name in enumerate(names):
        paint(folder / name, (number * 50, 0, 0))
    return folder


def test_without_metadata_the_folder_is_the_label(splits: Path, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "ws", splits)
    assert workspace.info.format == "hf-imagefolder"
    assert rows(workspace) == {
        "train/ape/1.png": "ape",
        "train/bee/2.png": "bee",
        "validation/bee/1.png": "bee",
        "validation/cow/2.png": "cow",
    }
    assert contents(round_trip(splits, tmp_path / "x")) == contents(splits)


def test_relabelled_images_move_within_their_split(splits: Path, tmp_path: Path) -> None:
    out = round_trip(splits, tmp_path / "x", {"train/bee/2.png": "cow"})
    assert sorted(contents(out)) == [
        "train/ape/1.png",
        "train/cow/2.png",
        "validation/bee/1.png",
        "validation/cow/2.png",
    ]


READ_BY_DATASETS = """
import json, sys
import numpy as np
from datasets import load_dataset
d = load_dataset(sys.argv[1], cache_dir=sys.argv[2])
feature = next(iter(d.values())).features["label"]
names = getattr(feature, "names", None) or getattr(getattr(feature, "feature", None), "names", None)
red = lambda images: [int(np.asarray(image)[0, 0, 0]) for image in images]
found = {split: sorted(zip(red(x["image"]), x["label"])) for split, x in d.items()}
print(json.dumps([names, found]))
"""


@pytest.mark.slow
def test_a_class_without_images_keeps_its_number(splits: Path, tmp_path: Path) -> None:
    out = round_trip(splits, tmp_path / "x", {"train/ape/1.png": "cow"})
    assert sorted(contents(out))[:2] == ["train/bee/2.png", "train/cow/1.png"]
    names, found = foreign(READ_BY_DATASETS, out, tmp_path / "cache")
    assert names == ["ape", "bee", "cow"]
    assert found == {"train": [[0, 2], [50, 1]], "validation": [[100, 1], [150, 2]]}
    again = Workspace.create(tmp_path / "ws", out)
    assert again.dataset.class_names == ("ape", "bee", "cow")
    assert rows(again)["train/cow/1.png"] == "cow"


@pytest.mark.slow
def test_datasets_opens_folders_of_labels(splits: Path, tmp_path: Path) -> None:
    out = round_trip(splits, tmp_path / "x", {"train/bee/2.png": "cow"})
    names, found = foreign(READ_BY_DATASETS, out, tmp_path / "cache")
    assert names == ["ape", "bee", "cow"]
    assert found == {"train": [[0, 0], [50, 2]], "validation": [[100, 1], [150, 2]]}


@pytest.mark.slow
def test_datasets_opens_metadata_with_decisions(described: Path, tmp_path: Path) -> None:
    out = round_trip(described, tmp_path / "x", {"train/1.png": "dog"}, excluded=["test/3.png"])
    _, found = foreign(READ_BY_DATASETS, out, tmp_path / "cache")
    assert found == {
        "train": [[0, "dog"], [30, "dog"], [60, "cat"]],
        "test": [[90, "cat"], [120, "dog"]],
    }


@pytest.mark.slow
@pytest.mark.parametrize("multilabel", [False, True])
def test_datasets_opens_what_we_compose(
    tmp_path: Path, paint: PaintImage, multilabel: bool
) -> None:
    folder = tmp_path / "in"
    # A name that datasets might take for a split, twins on disks without case, a formula.
    for number, name in enumerate(("test_1.png", "val/b.png", "TEST_1.png", "no.png")):
        paint(folder / name, (number * 50, 0, 0))
    one = "path,label\ntest_1.png,None\nval/b.png,007\nTEST_1.png,=1\nno.png,\n"
    tags = 'path,label\ntest_1.png,"[""None"",""007""]"\nval/b.png,[]\nTEST_1.png,=1\nno.png,\n'
    (folder / "labels.csv").write_text(tags if multilabel else one)
    Workspace.create(tmp_path / "ws", folder).export("hf-imagefolder", tmp_path / "out")
    names, found = foreign(READ_BY_DATASETS, tmp_path / "out", tmp_path / "cache")
    assert names == ["007", "=1", "None"]
    labels = [[0, 2], [], [1], None] if multilabel else [2, 0, 1, None]
    assert found == {
        "train": [[0, labels[0]], [100, labels[2]], [150, labels[3]]],
        "validation": [[50, labels[1]]],
    }
    again = Workspace.create(tmp_path / "ws2", tmp_path / "out")
    assert again.dataset.class_names == ("007", "=1", "None")
    assert list(rows(again).values())[-1] == ("[]" if multilabel else "007")


@pytest.mark.slow
def test_folders_that_are_called_like_splits_make_none(tmp_path: Path, paint: PaintImage) -> None:
    for number, name in enumerate(("a.png", "my/dev/b.png")):
        paint(tmp_path / "in" / name, (number * 50, 0, 0))
    (tmp_path / "in" / "labels.csv").write_text("path,label\na.png,cat\nmy/dev/b.png,dog\n")
    Workspace.create(tmp_path / "ws", tmp_path / "in").export("hf-imagefolder", tmp_path / "out")
    _, found = foreign(READ_BY_DATASETS, tmp_path / "out", tmp_path / "cache")
    assert found == {"train": [[0, 0], [50, 1]]}


def test_a_folder_without_images_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="folders of labels"):
        FOLDERS.read(tmp_path, NONE)
