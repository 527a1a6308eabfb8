"""Uploaded files: where they go, and what is refused."""

from __future__ import annotations

import io

import pytest

from air_core import pipeline, uploads
from air_core.errors import SourceError
from air_core.uploads import receive


class File(io.BytesIO):
    def __init__(self, name: str, content: bytes = b"x", size: int | None = None) -> None:
        super().__init__(content)
        self.name, self.size = name, len(content) if size is None else size


def test_an_archive_is_kept_as_it_is(tmp_path):
    place = receive([File("my photos.zip", b"PK")], tmp_path / "upload")
    assert place == tmp_path / "upload" / "my photos.zip"
    assert place.read_bytes() == b"PK"


def test_a_label_file_comes_with_its_pictures(tmp_path):
    files = [File("labels.csv", b"path,label"), File("a.png"), File("b.jpg")]
    assert receive(files, tmp_path / "upload").name == "labels.csv"
    assert sorted(path.name for path in (tmp_path / "upload").iterdir()) == [
        "a.png", "b.jpg", "labels.csv",
    ]  # fmt: skip


def test_a_folder_keeps_its_sub_folders(tmp_path):
    files = [File("photos/cat/1.png"), File("photos/dog/1.png", b"dog")]
    place = receive(files, tmp_path / "upload")
    assert place == tmp_path / "upload" / "photos"
    assert (place / "dog" / "1.png").read_bytes() == b"dog"


def test_an_earlier_upload_is_replaced_and_a_read_file_read_again(tmp_path):
    file = File("a.png", b"new")
    file.read()
    receive([File("b.png"), File("a.png", b"old")], tmp_path / "upload")
    receive([file], tmp_path / "upload")
    assert [path.read_bytes() for path in (tmp_path / "upload").iterdir()] == [b"new"]


def test_a_note_among_folders_of_classes_is_no_list_of_labels(tmp_path):
    pictures = [File("f/cat/1.png"), File("f/dog/2.png")]
    note = File("f/README.txt", b"Taken in May.")
    assert receive([*pictures, note], tmp_path / "upload") == tmp_path / "upload" / "f"
    listed = File("f/val.txt", b"\ncat/1.png 0\ndog/2.png 1\n")
    assert receive([*pictures, listed], tmp_path / "upload").name == "val.txt"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([], "got none"),
        ([File("1.jpg", b"one"), File("1.jpg", b"two")], "1.jpg twice"),
        ([File("a/1.jpg"), File("./a/1.jpg")], "1.jpg twice"),
        ([File("a.png"), File("a.png/b.png")], "a.png twice"),
        ([File("../../etc/passwd.png")], "leads out of the folder"),
        ([File("/etc/a.png")], "leads out of the folder"),
        ([File("a.zip"), File("b.png")], "one archive alone"),
        ([File("program.exe")], "an archive, a label file or pictures"),
        ([File("a.png", size=uploads.MEGABYTES * 2**20 + 1)], "at most 1,024 MB"),
    ],
)
def test_what_cannot_be_opened_is_refused_before_anything_is_written(tmp_path, files, said):
    with pytest.raises(SourceError, match=said):
        receive(files, tmp_path / "upload")
    assert not (tmp_path / "upload").exists()


def test_a_full_disk_is_noticed_first(tmp_path, monkeypatch):
    usage = type("Usage", (), {"free": 2})
    monkeypatch.setattr(uploads.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(SourceError, match="Expected room"):
        receive([File("a.png")], tmp_path / "upload")


def test_what_was_received_can_be_opened(tmp_path, folder_source, csv_source):
    folder = [
        File(f"classes/{path.relative_to(folder_source).as_posix()}", path.read_bytes())
        for path in folder_source.rglob("*.png")
    ]
    audit = tmp_path / "one"
    opened = pipeline.open_source(receive(folder, audit / "upload"), audit)
    assert (len(opened.dataset), opened.dataset.class_names) == (3, ("cat", "dog"))
    flat = [
        File("labels.csv", b"path,label\na.png,x\nb.png,y\n"),
        *(File(name, (csv_source / "images" / name).read_bytes()) for name in ("a.png", "b.png")),
    ]
    audit = tmp_path / "two"
    opened = pipeline.open_source(receive(flat, audit / "upload"), audit)
    assert (len(opened.dataset), opened.dataset.class_names) == (2, ("x", "y"))
