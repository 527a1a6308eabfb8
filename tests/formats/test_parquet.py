from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from air_core.errors import ExportError, SourceError
from air_core.formats import FILE_FORMATS, ReadOptions
from air_core.workspace import Workspace
from tests.conftest import PaintImage
from tests.formats.audits import decide, round_trip, rows
from tests.formats.interop import foreign
from tests.formats.rewriting import fresh

PARQUET = FILE_FORMATS["parquet"]
NAMES = ("a.png", "b.png", "c.png", "d.png")


def png(value: int, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), (value, 0, 0)).save(file, kind)
    return file.getvalue()


def write(folder: Path, paint: PaintImage, label: pa.Array, **columns: pa.Array) -> Path:
    for number, name in enumerate(NAMES):
        paint(folder / name, (number * 40, 0, 0))
    table = pa.table({"path": pa.array(NAMES), **columns, "label": label})
    pq.write_table(table, folder / "labels.parquet", compression="zstd", row_group_size=3)
    return folder / "labels.parquet"


def test_the_same_bytes_without_decisions(tmp_path: Path, paint: PaintImage) -> None:
    label = pa.array(["cat", "dog", None, "007"])
    source = write(tmp_path, paint, label)
    assert round_trip(source, tmp_path / "x").read_bytes() == source.read_bytes()


@pytest.mark.parametrize(
    ("label", "change", "expected"),
    [
        (pa.array(["cat", "dog", None, "007"]), "007", "007"),
        (pa.array(["cat", "dog", None, "=1"], pa.large_string()), "=1", "=1"),
        (pa.array(["cat", "dog", None, "x"]).dictionary_encode(), "x", "x"),
        (pa.array([3, 10, None, 7], pa.uint8()), "7", 7),
        (pa.array([0.0, 1.0, None, 2.5]), "2.5", 2.5),
        (pa.array([True, False, None, True]), "false", False),
    ],
)
def test_only_the_cells_decided_on_differ(
    tmp_path: Path, paint: PaintImage, label: pa.Array, change: str, expected: object
) -> None:
    extra = pa.array([[1], None, [2, 3], []], pa.list_(pa.int16()))
    source = write(tmp_path, paint, label, extra=extra)
    before = pq.read_table(source)
    out = round_trip(source, tmp_path / "x", {"a.png": change}, excluded=["b.png"])
    after = pq.read_table(out)
    assert after.schema.equals(before.schema, check_metadata=True)
    wanted = before.take([0, 2, 3]).to_pydict()
    wanted["label"][0] = expected
    assert after.to_pydict() == wanted
    assert pq.ParquetFile(out).metadata.row_group(0).column(0).compression == "ZSTD"


def test_numbers_are_classes_in_their_order(tmp_path: Path, paint: PaintImage) -> None:
    source = write(tmp_path, paint, pa.array([10, 9, None, 2]))
    workspace = Workspace.create(tmp_path / "ws", source)
    assert workspace.dataset.class_names == ("2", "9", "10")
    assert rows(workspace)["c.png"] is None


def test_categories_of_pandas_keep_their_order_and_their_empty_ones(
    tmp_path: Path, paint: PaintImage
) -> None:
    write(tmp_path, paint, pa.array(["x"] * 4))
    kind = pd.CategoricalDtype(["zebra", "cat", "emu"])
    frame = pd.DataFrame({"path": NAMES, "label": pd.Series(["cat", "zebra", "cat", "cat"])})
    frame["label"] = frame["label"].astype(kind)
    source = tmp_path / "labels.parquet"
    frame.to_parquet(source)
    out = round_trip(source, tmp_path / "x", {"b.png": "cat"}, excluded=["c.png"])
    back = pd.read_parquet(out)
    assert list(back["label"].cat.categories) == ["zebra", "cat", "emu"]
    assert back["label"].tolist() == ["cat", "cat", "cat"]


def test_lists_are_tags(tmp_path: Path, paint: PaintImage) -> None:
    label = pa.array([["sea", "dog"], [], None, ["sky"]])
    source = write(tmp_path, paint, label)
    workspace = Workspace.create(tmp_path / "ws", source)
    assert rows(workspace) == {
        "a.png": '["dog", "sea"]',
        "b.png": "[]",
        "c.png": None,
        "d.png": '["sky"]',
    }
    out = round_trip(source, tmp_path / "x", {"a.png": '["sky", "sea"]', "d.png": "[]"})
    assert pq.read_table(out)["label"].to_pylist() == [["sea", "sky"], [], None, []]
    changes = {"b.png": '["sea", "sky"]', "c.png": '["dog", "sky"]'}
    out = round_trip(source, tmp_path / "y", changes, separator=";")
    assert pq.read_table(out)["label"].to_pylist()[1:] == [["sea", "sky"], ["dog", "sky"], ["sky"]]


def test_a_label_that_the_column_cannot_hold_is_refused(tmp_path: Path, paint: PaintImage) -> None:
    source = write(tmp_path, paint, pa.array([300, 10, None, 7], pa.int16()))
    decide(Workspace.create(tmp_path / "ws", source), {"b.png": "300"})
    write(tmp_path, paint, pa.array([1, 10, None, 7], pa.int8()))
    again = Workspace.create(tmp_path / "ws", source)
    with pytest.raises(ExportError, match=r"'label' of labels\.parquet \(int8\) cannot hold"):
        again.export("parquet", tmp_path / "out.parquet")


def test_what_cannot_be_read_says_why(tmp_path: Path, paint: PaintImage) -> None:
    source = write(tmp_path, paint, pa.array([{"a": 1}] * 4))
    with pytest.raises(SourceError, match=r"Expected texts or numbers.*'label'.*struct"):
        PARQUET.read(source, ReadOptions())
    with pytest.raises(SourceError, match="'nope'"):
        PARQUET.read(source, ReadOptions(label_column="nope"))
    whole = source.read_bytes()
    misnamed = whole.replace(b"label", b"l\xffbel")
    for data in (b"", b"PAR1", b"x" * 100, whole[:-20], misnamed):
        (tmp_path / "bad.parquet").write_bytes(data)
        with pytest.raises(SourceError, match=r"bad\.parquet cannot be read as one"):
            PARQUET.read(tmp_path / "bad.parquet", ReadOptions())


def embedded(folder: Path, images: list[object], labels: list[object]) -> Path:
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    label = {"names": ["z", "a", "q"], "_type": "ClassLabel"}
    names = json.dumps({"info": {"features": {"image": {"_type": "Image"}, "label": label}}})
    schema = pa.schema(
        [("image", kind), ("label", pa.int64()), ("note", pa.string())],
        metadata={"huggingface": names},
    )
    table = pa.table({"image": images, "label": labels, "note": ["=1"] * len(labels)}, schema)
    folder.mkdir(exist_ok=True)
    pq.write_table(table, folder / "train.parquet")
    return folder / "train.parquet"


def test_images_inside_are_unpacked_under_safe_names_of_their_own(tmp_path: Path) -> None:
    images = [
        {"bytes": png(0), "path": "cat/1.png"},
        {"bytes": png(40), "path": "../../cat/1.png"},
        {"bytes": png(80), "path": None},
        {"bytes": png(90, "JPEG"), "path": "/etc/wrong.png"},
        {"bytes": png(100), "path": "CAT/1.PNG"},
        {"bytes": png(110), "path": "cat/1.png/x"},
        None,
        {"bytes": b"junk", "path": "junk"},
        {"bytes": png(120), "path": "a:\\b?.png"},
    ]
    labels = [0, 1, -1, None, 2, 9, 1, 1, 1]
    source = embedded(tmp_path / "in", images, labels)
    workspace = Workspace.create(tmp_path / "ws", source)
    assert rows(workspace) == {
        "cat/1.png": "z",
        "cat/1-2.png": "a",
        "0000002.png": None,
        "etc/wrong.png.jpg": None,
        "CAT/1-3.PNG": "q",
        "a_/b_.png": "a",
    }
    assert workspace.dataset.class_names == ("z", "a", "q")
    assert workspace.dataset.files[1].read_bytes() == png(40)
    reasons = {q.path: q.reason for q in workspace.quarantined}
    assert "none of the 3 classes" in reasons["row 6"]
    assert reasons["row 7"] == "Row 7 has no image. Complete it."
    assert "junk.png" in reasons
    assert [f for f in (tmp_path).rglob("*") if f.name == "passwd"] == []
    before = {f: f.stat().st_mtime_ns for f in (workspace.root / "unpacked").rglob("*.png")}
    again = Workspace.create(tmp_path / "ws", source)
    assert rows(again) == rows(workspace)
    assert {f: f.stat().st_mtime_ns for f in before} == before


def test_images_inside_come_back_with_the_new_labels(tmp_path: Path) -> None:
    images = [{"bytes": png(n * 20), "path": f"{n}.png"} for n in range(4)]
    source = embedded(tmp_path / "in", images, [0, 1, 1, None])
    out = round_trip(source, tmp_path / "x", {"1.png": "z", "2.png": "z"}, excluded=["0.png"])
    before, after = pq.read_table(source), pq.read_table(out)
    assert after.schema.equals(before.schema, check_metadata=True)
    assert after["label"].to_pylist() == [0, 0, None]
    assert after.drop(["label"]).equals(before.drop(["label"]).slice(1))
    none = round_trip(source, tmp_path / "y")
    assert none.read_bytes() == source.read_bytes()


def test_decisions_never_go_into_a_file_that_has_changed_since(tmp_path: Path) -> None:
    images = [{"bytes": png(n * 20), "path": f"{n}.png"} for n in range(3)]
    source = embedded(tmp_path / "in", images, [0, 1, 1])
    workspace = decide(Workspace.create(tmp_path / "ws", source), {"1.png": "z"})
    embedded(tmp_path / "in", images, [0, 1, 2])
    with pytest.raises(ExportError, match=r"Expected 2\.png in the source as it was imported"):
        workspace.export("parquet", tmp_path / "out.parquet")
    source.unlink()
    with pytest.raises(ExportError, match="got nothing there"):
        workspace.export("parquet", tmp_path / "out.parquet")


def test_several_columns_of_images_have_to_be_told_apart(tmp_path: Path) -> None:
    table = pa.table({"photo": [png(1)], "mask": [png(2)], "label": ["x"]})
    pq.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(SourceError, match="'photo' and 'mask'"):
        Workspace.create(tmp_path / "ws", tmp_path / "x.parquet")
    workspace = Workspace.create(tmp_path / "ws", tmp_path / "x.parquet", path_column="photo")
    assert rows(workspace) == {"0000000.png": "x"}


@pytest.mark.parametrize("multilabel", [False, True])
def test_composed_files_read_back(tmp_path: Path, paint: PaintImage, multilabel: bool) -> None:
    found = [("a.png", '["7", "x"]' if multilabel else "007"), ("b.png", None)]
    for name, _ in found:
        paint(tmp_path / name)
    clean = fresh(tmp_path, found, multilabel=multilabel)
    (tmp_path / "new.parquet").write_bytes(PARQUET.compose(clean))
    listing = PARQUET.read(tmp_path / "new.parquet", ReadOptions())
    assert list(zip(listing.paths, listing.labels, strict=True)) == found


MADE_BY_DATASETS = """
import json, sys
import numpy as np
from datasets import ClassLabel, Dataset, Features, Image, List, Value
names = ["zebra", "cat", "emu"]
label = List(ClassLabel(names=names)) if sys.argv[2] == "tags" else ClassLabel(names=names)
features = Features({"id": Value("int32"), "image": Image(), "label": label})
image = lambda n: np.full((8, 8, 3), n * 30, dtype=np.uint8)
labels = [[0, 1], [], [1], [2]] if sys.argv[2] == "tags" else [0, 1, 1, 2]
rows = [{"id": n, "image": image(n), "label": x} for n, x in enumerate(labels)]
Dataset.from_list(rows, features=features).to_parquet(sys.argv[1])
print(json.dumps("written"))
"""

READ_BY_DATASETS = """
import json, sys
import numpy as np
from datasets import load_dataset
d = load_dataset("parquet", data_files=sys.argv[1], split="train", cache_dir=sys.argv[2])
feature = d.features["label"]
names = getattr(feature, "names", None) or feature.feature.names
pixels = [int(np.asarray(x)[0, 0, 0]) for x in d["image"]]
print(json.dumps([names, d["id"][:], d["label"][:], pixels]))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "change", "labels"),
    [("one", "cat", [1, 1, 2]), ("tags", '["emu", "cat"]', [[1, 2], [1], [2]])],
)
def test_datasets_opens_its_own_files_after_us(
    tmp_path: Path, kind: str, change: str, labels: list[object]
) -> None:
    source = tmp_path / "its.parquet"
    foreign(MADE_BY_DATASETS, source, kind)
    opened = Workspace.create(tmp_path / "ws", source)
    assert opened.dataset.class_names == ("zebra", "cat", "emu")
    first, second = opened.dataset.paths[:2]
    out = round_trip(source, tmp_path / "x", {first: change}, excluded=[second])
    names, numbers, found, pixels = foreign(READ_BY_DATASETS, out, tmp_path / "cache")
    assert names == ["zebra", "cat", "emu"]
    assert (numbers, found, pixels) == ([0, 2, 3], labels, [0, 60, 90])


def test_labels_as_numpy_wrote_them(tmp_path: Path, paint: PaintImage) -> None:
    source = write(tmp_path, paint, pa.array(np.array([1, 0, 1, 1], dtype=np.int64)))
    out = round_trip(source, tmp_path / "x", {"a.png": "0"})
    assert pq.read_table(out)["label"].to_pylist() == [0, 0, 1, 1]
