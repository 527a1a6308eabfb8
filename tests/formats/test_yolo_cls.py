from __future__ import annotations

from pathlib import Path

import pytest
from torchvision.datasets import ImageFolder

from air_core.errors import ExportError, SourceError
from air_core.formats import FOLDER_FORMATS, ReadOptions, find_format
from air_core.workspace import Workspace
from tests.conftest import PaintImage
from tests.formats.audits import contents, round_trip, rows

YOLO = FOLDER_FORMATS["yolo-cls"]
NONE = ReadOptions()


@pytest.fixture
def layout(tmp_path: Path, paint: PaintImage) -> Path:
    """``train`` with cat and dog, ``val`` with dog only; both have a ``1.jpg`` of dogs."""
    folder = tmp_path / "yolo"
    for number, name in enumerate(("train/cat/1.jpg", "train/dog/1.jpg", "val/dog/1.jpg")):
        paint(folder / name, (number * 60, 0, 0))
    return folder


def test_splits_are_told_from_classes(layout: Path, tmp_path: Path, paint: PaintImage) -> None:
    assert find_format(layout, None, NONE).name == "yolo-cls"
    workspace = Workspace.create(tmp_path / "ws", layout)
    assert rows(workspace) == {
        "train/cat/1.jpg": "cat",
        "train/dog/1.jpg": "dog",
        "val/dog/1.jpg": "dog",
    }
    # Vehicles, not splits: another class beside them, or images right in them.
    paint(tmp_path / "vehicles" / "train" / "1.jpg")
    paint(tmp_path / "vehicles" / "bus" / "1.jpg")
    assert find_format(tmp_path / "vehicles", None, NONE).name == "imagefolder"
    paint(tmp_path / "trains" / "train" / "1.jpg")
    assert find_format(tmp_path / "trains", None, NONE).name == "imagefolder"


def test_no_decision_changes_nothing(layout: Path, tmp_path: Path) -> None:
    assert contents(round_trip(layout, tmp_path / "x")) == contents(layout)


def test_images_move_within_their_split_and_every_split_has_every_class(
    layout: Path, tmp_path: Path
) -> None:
    out = round_trip(layout, tmp_path / "x", {"train/cat/1.jpg": "dog"})
    ours = rows(Workspace.open(tmp_path / "x" / "audit"))
    assert sorted(ours) == sorted(contents(layout))
    found = {split: ImageFolder(out / split, allow_empty=True) for split in ("train", "val")}
    assert [found[s].classes for s in ("train", "val")] == [["cat", "dog"]] * 2
    assert [label for _, label in found["train"].samples] == [1, 1]
    assert [label for _, label in found["val"].samples] == [1]
    data = {Path(path).read_bytes() for path, _ in found["train"].samples}
    assert data == {(layout / "train" / c / "1.jpg").read_bytes() for c in ("cat", "dog")}
    again = Workspace.create(tmp_path / "ws", out)
    assert again.dataset.class_names == ("cat", "dog")


def test_other_layouts_go_to_train(folder_source: Path, tmp_path: Path) -> None:
    Workspace.create(tmp_path / "ws", folder_source).export("yolo-cls", tmp_path / "out")
    assert sorted(contents(tmp_path / "out")) == [
        "train/cat/1.png",
        "train/cat/deep/2.png",
        "train/dog/1.png",
    ]


def test_what_lies_elsewhere_is_told_of(layout: Path, paint: PaintImage) -> None:
    paint(layout / "val" / "stray.jpg")
    paint(layout / "more" / "x" / "1.jpg")
    listing = YOLO.read(layout, NONE)
    assert listing.rejected == (
        ("val/stray.jpg", "It lies in no class folder of a split. Move it into one."),
    )
    assert listing.notes == ("Folders that are no split were passed over: more.",)


def test_tags_have_no_folder(tmp_path: Path, paint: PaintImage) -> None:
    paint(tmp_path / "in" / "1.png")
    (tmp_path / "in" / "labels.csv").write_text("path,label\n1.png,a;b\n")
    workspace = Workspace.create(tmp_path / "ws", tmp_path / "in", separator=";")
    for name in ("yolo-cls", "imagefolder"):
        with pytest.raises(ExportError, match="got tags"):
            workspace.export(name, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_without_train_says_so(tmp_path: Path, paint: PaintImage) -> None:
    paint(tmp_path / "val" / "cat" / "1.png")
    with pytest.raises(SourceError, match="Expected the folder train"):
        YOLO.read(tmp_path, NONE)
