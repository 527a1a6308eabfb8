from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from air_core.dataset import tags_text
from air_core.errors import ExportError, SourceError
from air_core.workspace import Workspace
from tests.conftest import PaintImage
from tests.formats.test_webdataset import exclude, relabel
from tests.formats.test_webdataset import given as labels_of

CONCEPTS = ("airport", "sea", "sky", "zebra")
TRAIN = {"actor\\0001_1.jpg": (1, 0, 0, 1), "sea\\0002_2.jpg": (0, 1, 1, 0), "b 3.jpg": (0,) * 4}
TEST = {"actor\\0004_4.jpg": (0, 0, 1, 0), "lost\\5.jpg": (1, 1, 1, 1)}


def write(path: Path, lines: list[str], end: str = "\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(f"{line}{end}" for line in lines).encode())


@pytest.fixture
def full(tmp_path: Path, paint: PaintImage) -> Path:
    """The published layout, with Windows line ends in some files as in the original."""
    root = tmp_path / "nus"
    for n, name in enumerate([*TRAIN, *TEST]):
        if "lost" not in name:
            paint(root / "Flickr" / name.replace("\\", "/"), (n * 40, 0, 0))
    write(root / "ConceptsList" / "Concepts81.txt", list(CONCEPTS))
    for split, images in (("Train", TRAIN), ("Test", TEST)):
        write(root / "ImageList" / f"{split}Imagelist.txt", list(images), "\r\n")
        for n, concept in enumerate(CONCEPTS):
            file = root / "Groundtruth" / "TrainTestLabels" / f"Labels_{concept}_{split}.txt"
            write(file, [str(row[n]) for row in images.values()])
        rows = ["".join(f"{1 - cell} " for cell in row) for row in images.values()]
        write(root / "NUS_WID_Tags" / f"{split}_Tags81.txt", rows, "\r\n")
    write(root / "ImageList" / "Imagelist.txt", [*TRAIN, *TEST])
    for n, concept in enumerate(CONCEPTS):
        column = [str(row[n]) for row in (*TRAIN.values(), *TEST.values())]
        write(root / "Groundtruth" / "AllLabels" / f"Labels_{concept}.txt", column)
    return root


@pytest.fixture
def lite(tmp_path: Path, paint: PaintImage) -> Path:
    root = tmp_path / "NUS-WIDE-Lite"
    for n, name in enumerate(TRAIN):
        paint(root / "images" / name.replace("\\", "/"), (n * 40, 0, 0))
    write(root / "image list" / "Train_imageOutPutFileList.txt", list(TRAIN))
    write(root / "image list" / "Train_Subset.txt", list(TRAIN)[:1])
    for n, concept in enumerate(CONCEPTS):
        file = root / "NUS-WIDE-Lite_groundtruth" / f"Lite_Labels_{concept}_Train.txt"
        write(file, [str(row[n]) for row in TRAIN.values()])
    return root


def tags(row: tuple[int, ...]) -> str:
    return tags_text(np.array(CONCEPTS)[np.array(row) == 1].tolist())


def test_ground_truth_becomes_tags(full: Path, tmp_path: Path) -> None:
    made = Workspace.create(tmp_path / "ws", full)
    assert made.info.format == "nus-wide"
    assert made.dataset.class_names == CONCEPTS
    expected = {name: tags(row) for name, row in {**TRAIN, **TEST}.items() if "lost" not in name}
    assert labels_of(made) == expected
    assert [q.path for q in made.quarantined] == ["lost\\5.jpg"]
    assert "AllLabels/Labels_airport.txt" in made.notes[0]


def test_without_decisions_every_byte_is_the_same(full: Path, lite: Path, tmp_path: Path) -> None:
    for root in (full, lite):
        made = Workspace.create(tmp_path / f"ws-{root.name}", root)
        out = tmp_path / f"out-{root.name}"
        made.export("nus-wide", out)
        written = list(out.rglob("*.txt"))
        assert len(written) == (11 if root == full else 5)
        for file in written:
            assert file.read_bytes() == (root / file.relative_to(out)).read_bytes()
        again = Workspace.create(tmp_path / f"again-{root.name}", out)
        assert labels_of(again) == labels_of(made)


def test_only_the_cells_of_changed_images_differ(full: Path, tmp_path: Path) -> None:
    made = Workspace.create(tmp_path / "ws", full)
    relabel(made, "b 3.jpg", tags_text(["sea"]))
    relabel(made, "actor\\0001_1.jpg", tags_text(["airport"]))
    exclude(made, "sea\\0002_2.jpg")
    made.export("nus-wide", tmp_path / "out")
    labels = tmp_path / "out" / "Groundtruth" / "TrainTestLabels"
    columns = {c: (labels / f"Labels_{c}_Train.txt").read_bytes() for c in CONCEPTS}
    assert columns == {
        "airport": b"1\n0\n",
        "sea": b"0\n1\n",
        "sky": b"0\n0\n",
        "zebra": b"0\n0\n",
    }
    listed = (tmp_path / "out" / "ImageList" / "TrainImagelist.txt").read_bytes()
    assert listed == b"actor\\0001_1.jpg\r\nb 3.jpg\r\n"
    assert not (tmp_path / "out" / "Flickr" / "sea").exists()
    for concept in CONCEPTS:
        name = f"Labels_{concept}_Test.txt"
        theirs = full / "Groundtruth" / "TrainTestLabels" / name
        assert (labels / name).read_bytes() == theirs.read_bytes()


def test_user_tags_can_be_audited(full: Path, tmp_path: Path) -> None:
    file = full / "NUS_WID_Tags" / "Train_Tags81.txt"
    made = Workspace.create(tmp_path / "ws", full, labels=file)
    opposite = {name: tags(tuple(1 - cell for cell in row)) for name, row in TRAIN.items()}
    assert labels_of(made) == opposite
    relabel(made, "b 3.jpg", tags_text(["sky"]))
    made.export("nus-wide", tmp_path / "out")
    new = (tmp_path / "out" / "NUS_WID_Tags" / "Train_Tags81.txt").read_bytes()
    assert new == file.read_bytes().replace(b"1 1 1 1 \r\n", b"0 0 1 0 \r\n")
    with pytest.raises(SourceError, match="file of user tags"):
        Workspace.create(
            tmp_path / "w2", full, labels=full / "ImageList" / "Imagelist.txt", format="nus-wide"
        )


def test_tags_are_read_where_there_is_no_ground_truth(full: Path, tmp_path: Path) -> None:
    for file in (full / "Groundtruth").rglob("*.txt"):
        file.unlink()
    made = Workspace.create(tmp_path / "ws", full)
    assert labels_of(made)["b 3.jpg"] == tags((1, 1, 1, 1))
    assert len(made.dataset) == 4


def test_all_labels_are_read_where_there_are_no_splits(full: Path, tmp_path: Path) -> None:
    for file in (full / "Groundtruth" / "TrainTestLabels").iterdir():
        file.unlink()
    made = Workspace.create(tmp_path / "ws", full)
    assert labels_of(made)["actor\\0004_4.jpg"] == tags((0, 0, 1, 0))
    assert made.notes == ()


@pytest.mark.parametrize(
    ("gone", "named"),
    [
        ("Groundtruth/TrainTestLabels/Labels_sky_Test.txt", "Expected Labels_sky_Test.txt in"),
        ("ImageList/TrainImagelist.txt", "Expected ImageList/TrainImagelist.txt in"),
        ("ImageList/TestImagelist.txt", "Expected ImageList/TestImagelist.txt in"),
    ],
)
def test_a_missing_file_is_named(full: Path, tmp_path: Path, gone: str, named: str) -> None:
    (full / gone).unlink()
    with pytest.raises(SourceError) as caught:
        Workspace.create(tmp_path / "ws", full)
    assert named in str(caught.value)


def test_missing_concepts_and_labels_are_named(full: Path, tmp_path: Path) -> None:
    (full / "ConceptsList" / "Concepts81.txt").unlink()
    assert Workspace.create(tmp_path / "ws", full).dataset.class_names == CONCEPTS
    tags_file = full / "NUS_WID_Tags" / "Train_Tags81.txt"
    with pytest.raises(SourceError, match=r"Concepts81\.txt"):
        Workspace.create(tmp_path / "w2", full, labels=tags_file)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="Labels_<concept>_Train"):
        Workspace.create(tmp_path / "w2", tmp_path / "empty", format="nus-wide")


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("Groundtruth/TrainTestLabels/Labels_sea_Train.txt", "0\n1\n", "Expected 3 lines in"),
        ("Groundtruth/TrainTestLabels/Labels_sea_Train.txt", "0\n1\n2\n", "got '2'"),
        ("NUS_WID_Tags/Train_Tags81.txt", "0 1 0\n" * 3, "Expected 4 times 0 or 1 in line 1"),
    ],
)
def test_files_that_do_not_fit_are_named(
    full: Path, tmp_path: Path, file: str, text: str, expected: str
) -> None:
    (full / file).write_text(text)
    labels = full / file if "Tags" in file else None
    with pytest.raises(SourceError) as caught:
        Workspace.create(tmp_path / "ws", full, labels=labels)
    assert expected in str(caught.value)


@pytest.mark.parametrize("multilabel", [False, True])
def test_files_of_another_format(tmp_path: Path, paint: PaintImage, multilabel: bool) -> None:
    rows = {"a.png": "cat", "x/b.png": "dog; cat" if multilabel else "dog", "c .png": ""}
    for n, name in enumerate(rows):
        paint(tmp_path / "src" / name, (n * 40, 0, 0))
    lines = [f"{name},{label}\n" for name, label in rows.items()]
    (tmp_path / "src" / "labels.csv").write_text("path,label\n" + "".join(lines))
    made = Workspace.create(
        tmp_path / "ws", tmp_path / "src", separator=";" if multilabel else None
    )
    summary = made.export("nus-wide", tmp_path / "out")
    assert (summary.rows, summary.unlabelled) == (2, 1)
    again = Workspace.create(tmp_path / "again", tmp_path / "out")
    expected = [["cat"], ["cat", "dog"] if multilabel else ["dog"]]
    assert list(labels_of(again).values()) == [tags_text(each) for each in expected]
    assert again.dataset.paths == ("a.png", "x/b.png")


def test_a_class_that_cannot_be_a_file_is_named(tmp_path: Path, paint: PaintImage) -> None:
    paint(tmp_path / "src" / "a.png")
    (tmp_path / "src" / "labels.csv").write_text("path,label\na.png,cat/dog\n")
    made = Workspace.create(tmp_path / "ws", tmp_path / "src")
    with pytest.raises(ExportError, match="'cat/dog'"):
        made.export("nus-wide", tmp_path / "out")
