from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from air_core.dataset import tags_text
from air_core.errors import SourceError
from air_core.formats import ReadOptions
from air_core.formats.imagenet_txt import ImageNetText
from air_core.workspace import Workspace
from tests.conftest import PaintImage
from tests.formats.interop import foreign
from tests.formats.test_webdataset import exclude, relabel
from tests.formats.test_webdataset import given as labels_of

LIBRARY = """
import json, sys, datumaro
found = datumaro.Dataset.import_from(sys.argv[1], "imagenet_txt")
names = [label.name for label in found.categories()[datumaro.AnnotationType.label]]
items = [[item.subset, item.id, sorted(names[a.label] for a in item.annotations),
          list(item.media.data.shape)] for item in found]
print(json.dumps([names, sorted(items)]))
"""
WRITER = """
import json, sys, datumaro
labels = [("my cat", [0]), ("b", [2]), ("sub/c", [1])]
if sys.argv[2] == "many":
    labels = [("my cat", [0, 2]), ("b", []), ("sub/c", [1])]
items = [datumaro.DatasetItem(id=n, subset=s, media=datumaro.Image.from_file(sys.argv[3]),
         annotations=[datumaro.Label(x) for x in ids])
         for s in ("train", "val") for n, ids in labels]
data = datumaro.Dataset.from_iterable(items, categories=["n01 cat", "n02 dog", "n03 emu"])
data.export(sys.argv[1], "imagenet_txt", save_media=True)
print("null")
"""


@pytest.fixture
def source(tmp_path: Path, paint: PaintImage) -> Path:
    folder = tmp_path / "set"
    for n, name in enumerate(("1.jpg", "sub/2.jpg", "my cat.jpg", "3.jpg")):
        paint(folder / "images" / name, (n * 50, 0, 0))
    (folder / "synsets.txt").write_text("n01 cat\nn02 dog\nn03 emu\n")
    text = '1.jpg   2 \r\nsub/2.jpg 0\r\n"my cat".jpg 1\r\n\r\n3.jpg\r\n'
    (folder / "train.txt").write_bytes(text.encode())
    (folder / "val.txt").write_text("1.jpg 1")
    (folder / "README.txt").write_text("What this is about.\nTwo lines of 3\nAnd no more.\n")
    return folder


def test_lines_become_items(source: Path, tmp_path: Path) -> None:
    made = Workspace.create(tmp_path / "ws", source)
    assert made.info.format == "imagenet-txt"
    assert made.dataset.paths == ("1.jpg", "sub/2.jpg", "my cat.jpg", "3.jpg", "1.jpg")
    assert made.dataset.given_labels.tolist() == [2, 0, 1, -1, 1]
    assert made.dataset.class_names == ("n01 cat", "n02 dog", "n03 emu")


def test_without_decisions_every_byte_is_the_same(source: Path, tmp_path: Path) -> None:
    Workspace.create(tmp_path / "ws", source).export("imagenet-txt", tmp_path / "out")
    for name in ("train.txt", "val.txt", "synsets.txt", "images/1.jpg", "images/my cat.jpg"):
        assert (tmp_path / "out" / name).read_bytes() == (source / name).read_bytes()


def test_only_the_numbers_of_changed_lines_differ(source: Path, tmp_path: Path) -> None:
    made = Workspace.create(tmp_path / "ws", source)
    relabel(made, "my cat.jpg", "n03 emu")
    relabel(made, "3.jpg", "n01 cat")
    exclude(made, "sub/2.jpg")
    made.export("imagenet-txt", tmp_path / "out")
    text = (tmp_path / "out" / "train.txt").read_bytes()
    assert text == b'1.jpg   2 \r\n"my cat".jpg 2\r\n\r\n3.jpg 0\r\n'
    assert not (tmp_path / "out" / "images" / "sub").exists()


def test_several_numbers_are_tags(source: Path, tmp_path: Path) -> None:
    (source / "train.txt").write_text('1.jpg 2 0\nsub/2.jpg 1\n"my cat".jpg\n3.jpg 0\n')
    made = Workspace.create(tmp_path / "ws", source)
    assert made.dataset.multilabel
    assert labels_of(made)["my cat.jpg"] == "[]"
    relabel(made, "1.jpg", tags_text(["n02 dog", "n03 emu"]))
    relabel(made, "my cat.jpg", tags_text(["n02 dog"]))
    relabel(made, "3.jpg", "[]")
    made.export("imagenet-txt", tmp_path / "out")
    text = (tmp_path / "out" / "train.txt").read_text()
    assert text.splitlines()[1:] == ["sub/2.jpg 1", '"my cat".jpg 1', "3.jpg "]


def test_a_number_without_a_class_is_set_aside(source: Path, tmp_path: Path) -> None:
    (source / "train.txt").write_text("1.jpg 3\nsub/2.jpg 0\n3.jpg 1\n../4.jpg 1\n")
    made = Workspace.create(tmp_path / "ws", source)
    reasons = {q.path: q.reason for q in made.quarantined}
    assert "below 3 in line 1 of train.txt, got 3" in reasons["1.jpg"]
    assert "outside" in reasons["../4.jpg"]
    relabel(made, "3.jpg", "n01 cat")
    made.export("imagenet-txt", tmp_path / "out")
    text = (tmp_path / "out" / "train.txt").read_text()
    assert text == "1.jpg 3\nsub/2.jpg 0\n3.jpg 0\n../4.jpg 1\n"


def test_a_list_can_be_named_and_needs_no_classes(source: Path, tmp_path: Path) -> None:
    (source / "synsets.txt").unlink()
    assert Workspace.create(tmp_path / "guess", source).info.format == "imagefolder"
    lists = tmp_path / "lists"
    lists.mkdir()
    (lists / "mine.txt").write_text("1.jpg 10\n3.jpg 2\n")
    made = Workspace.create(
        tmp_path / "ws", source, labels=lists / "mine.txt", format="imagenet-txt"
    )
    assert made.dataset.class_names == ("2", "10")
    relabel(made, "1.jpg", "2")
    made.export("imagenet-txt", tmp_path / "out")
    assert (tmp_path / "out" / "mine.txt").read_text() == "1.jpg 2\n3.jpg 2\n"
    with pytest.raises(SourceError, match="Expected a list such as"):
        Workspace.create(tmp_path / "ws2", tmp_path, format="imagenet-txt")


@pytest.mark.parametrize("multilabel", [False, True])
def test_lists_of_another_format(tmp_path: Path, paint: PaintImage, multilabel: bool) -> None:
    rows = {"a b.png": "cat", "x/c.png": "dog", 'say "hi".png': "=1+1", "d.png": ""}
    for n, name in enumerate(rows):
        paint(tmp_path / "src" / name, (n * 40, 0, 0))
    quoted = [name.replace('"', '""') for name in rows]
    lines = [f'"{name}",{label}\n' for name, label in zip(quoted, rows.values(), strict=True)]
    (tmp_path / "src" / "labels.csv").write_text("path,label\n" + "".join(lines))
    made = Workspace.create(
        tmp_path / "ws", tmp_path / "src", separator=";" if multilabel else None
    )
    made.export("imagenet-txt", tmp_path / "out")
    again = Workspace.create(
        tmp_path / "again", tmp_path / "out", separator=";" if multilabel else None
    )
    labels = list(labels_of(made).values())
    assert list(labels_of(again).values()) == [x or ("[]" if multilabel else None) for x in labels]
    assert list(again.dataset.digests) == list(made.dataset.digests)
    assert [p for p in again.dataset.paths if "say" in p] == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["one", "many"])
def test_its_own_library_writes_what_we_read_and_reads_what_we_write(
    tmp_path: Path, paint: PaintImage, kind: str
) -> None:
    picture = paint(tmp_path / "a.jpg")
    foreign(WRITER, tmp_path / "set", kind, picture)
    made = Workspace.create(tmp_path / "ws", tmp_path / "set")
    assert made.dataset.multilabel == (kind == "many")
    assert len(made.dataset) == 6
    names, before = foreign(LIBRARY, tmp_path / "set")
    relabel(made, "my cat.jpg", "n02 dog" if kind == "one" else tags_text(["n02 dog"]))
    made.export("imagenet-txt", tmp_path / "out")
    new_names, after = foreign(LIBRARY, tmp_path / "out")
    assert new_names == names == ["n01 cat", "n02 dog", "n03 emu"]
    changed = [item for item in before if item[:2] == ["train", "my cat"]]
    assert changed
    changed[0][2] = ["n02 dog"]
    assert after == before


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_no_text_is_too_strange(tmp_path: Path, text: str) -> None:
    file = tmp_path / "train.txt"
    file.write_bytes(text.encode())
    try:
        listing = ImageNetText().read(file, ReadOptions())
    except SourceError:
        return
    assert len(listing.paths) == len(listing.labels)
