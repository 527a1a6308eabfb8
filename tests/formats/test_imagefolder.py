from __future__ import annotations

import os
from pathlib import Path

import pytest
from torchvision.datasets import ImageFolder

from air_core.errors import ExportError, SourceError
from air_core.formats import FOLDER_FORMATS, CleanItem, CleanLabels, ReadOptions
from tests.conftest import PaintImage

FOLDERS = FOLDER_FORMATS["imagefolder"]
NONE = ReadOptions()


def clean(classes: tuple[str, ...], *items: CleanItem) -> CleanLabels:
    return CleanLabels(items, classes, frozenset(), {}, NONE)


def item(
    file: Path, path: str, given: str | None, label: str | None, name: str = "id"
) -> CleanItem:
    return CleanItem(name, path, file, given, label)


def below(folder: Path) -> list[str]:
    files = (f for f in folder.rglob("*") if f.is_file())
    return sorted(f.relative_to(folder).as_posix() for f in files)


def test_lists_the_same_as_torchvision(folder_source: Path, paint: PaintImage) -> None:
    paint(folder_source / "Zebra" / "x.JPG")
    paint(folder_source / "cat" / "a b.webp")
    listing = FOLDERS.read(folder_source, NONE)
    theirs = ImageFolder(folder_source)
    assert list(listing.class_names) == theirs.classes == ["Zebra", "cat", "dog"]
    ours = {
        (str(folder_source / path), listing.class_names.index(label or ""))
        for path, label in zip(listing.paths, listing.labels, strict=True)
    }
    assert ours == set(theirs.samples)


def test_the_order_does_not_depend_on_the_disk(folder_source: Path) -> None:
    assert FOLDERS.read(folder_source, NONE).paths == ("cat/1.png", "cat/deep/2.png", "dog/1.png")


def test_what_is_no_image_is_counted(folder_source: Path) -> None:
    (folder_source / "cat" / "notes.txt").write_text("x")
    (folder_source / "dog" / "Thumbs.db").write_text("x")
    (folder_source / "dog" / ".DS_Store").write_text("x")
    listing = FOLDERS.read(folder_source, NONE)
    assert len(listing.paths) == 3
    assert listing.notes == ("2 files that are no images were passed over.",)


def test_hidden_folders_and_workspaces_are_no_classes(
    folder_source: Path, paint: PaintImage
) -> None:
    paint(folder_source / ".trash" / "1.png")
    paint(folder_source / "mine" / "1.png")
    other = folder_source / "other"
    paint(other / "1.png")
    for name in ("workspace.json", "items.parquet"):
        (other / name).touch()
    options = ReadOptions(ignore=frozenset([(folder_source / "mine").resolve()]))
    assert FOLDERS.read(folder_source, options).class_names == ("cat", "dog")


def test_images_in_no_class_are_set_aside(folder_source: Path, paint: PaintImage) -> None:
    paint(folder_source / "stray.png")
    assert FOLDERS.read(folder_source, NONE).rejected == (
        ("stray.png", "It lies in no class folder. Move it into one."),
    )


def test_link_loops_end(folder_source: Path) -> None:
    (folder_source / "cat" / "loop").symlink_to(folder_source / "cat", target_is_directory=True)
    (folder_source / "dog" / "up").symlink_to(folder_source, target_is_directory=True)
    (folder_source / "dog" / "self").symlink_to("self")
    listing = FOLDERS.read(folder_source, NONE)
    assert [p for p in listing.paths if p.startswith("cat/")] == ["cat/1.png", "cat/deep/2.png"]
    assert len(listing.paths) == len(set(listing.paths)) < 20


def test_links_out_of_the_folder_are_not_followed(
    folder_source: Path, tmp_path: Path, paint: PaintImage
) -> None:
    paint(tmp_path / "elsewhere" / "1.png")
    (folder_source / "emu").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    listing = FOLDERS.read(folder_source, NONE)
    assert listing.class_names == ("cat", "dog")
    assert listing.rejected[0][0] == "emu"
    assert "outside" in listing.rejected[0][1]


def test_names_that_are_not_text_are_set_aside(folder_source: Path, paint: PaintImage) -> None:
    strange = os.fsdecode(b"caf\xe9")
    dogs = folder_source / "dog"
    (dogs / "1.png").rename(dogs / f"{strange}.png")
    (folder_source / strange).mkdir()
    listing = FOLDERS.read(folder_source, NONE)
    assert listing.class_names == ("cat", "dog")
    assert sorted(path for path, _ in listing.rejected) == ["caf\\udce9", "dog/caf\\udce9.png"]


def test_a_folder_without_classes_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="one sub-folder a class"):
        FOLDERS.read(tmp_path, NONE)
    (tmp_path / "file").touch()
    with pytest.raises(SourceError, match="got the file"):
        FOLDERS.read(tmp_path / "file", NONE)


def test_images_move_to_their_new_class_and_empty_classes_stay(
    folder_source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    files = {path: folder_source / path for path in ("cat/deep/2.png", "dog/1.png")}
    moved = item(files["cat/deep/2.png"], "cat/deep/2.png", "cat", "dog")
    kept = item(files["dog/1.png"], "dog/1.png", "dog", "dog", "id2")
    assert FOLDERS.fill(out, clean(("cat", "dog", "emu"), moved, kept)) == 2
    assert below(out) == ["dog/1.png", "dog/deep/2.png"]
    assert ImageFolder(out, allow_empty=True).classes == ["cat", "dog", "emu"]
    assert (out / "dog" / "deep" / "2.png").read_bytes() == files["cat/deep/2.png"].read_bytes()
    assert all(file.exists() for file in files.values())


def test_the_unchanged_image_keeps_its_name_where_two_meet(
    folder_source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    moved = item(folder_source / "cat" / "1.png", "cat/1.png", "cat", "dog", "aa")
    kept = item(folder_source / "dog" / "1.png", "dog/1.png", "dog", "dog", "bb")
    FOLDERS.fill(out, clean(("cat", "dog"), moved, kept))
    assert below(out) == ["dog/1-aa.png", "dog/1.png"]
    assert (out / "dog" / "1.png").read_bytes() == kept.file.read_bytes()


def test_paths_of_a_csv_keep_their_folders(tmp_path: Path, paint: PaintImage) -> None:
    out = tmp_path / "out"
    out.mkdir()
    file = paint(tmp_path / "a.png")
    FOLDERS.fill(
        out,
        clean(
            ("cat",),
            item(file, "images/a.png", "cat", "cat", "1"),
            item(file, "images/A.png", "cat", "cat", "2"),
            item(file, "../images/b.png", "cat", "cat", "3"),
            item(file, "images/c.png", None, None, "4"),
        ),
    )
    assert below(out) == ["cat/images/A-2.png", "cat/images/a.png", "cat/images/b.png"]


def test_editing_an_exported_picture_leaves_the_source_alone(
    folder_source: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    source = folder_source / "cat" / "1.png"
    link = folder_source / "cat" / "link.png"
    link.symlink_to(source)
    before = source.read_bytes()
    FOLDERS.fill(
        tmp_path / "out",
        clean(
            ("cat",),
            item(source, "cat/1.png", "cat", "cat"),
            item(link, "cat/link.png", "cat", "cat", "id2"),
        ),
    )
    for name in ("1.png", "link.png"):
        copy = tmp_path / "out" / "cat" / name
        assert copy.read_bytes() == before
        with copy.open("r+b") as file:
            file.write(b"edited in place")
    assert source.read_bytes() == before


@pytest.mark.parametrize(
    "name", ["a/b", "a\\b", "..", ".", ".hidden", "a\0b", "a\nb", "CON", "nul.txt", "dot.", "end "]
)
def test_classes_that_cannot_be_folders_are_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ExportError) as caught:
        FOLDERS.fill(tmp_path, clean((name,)))
    assert repr(name) in str(caught.value)
    assert "Export as csv, or rename the class" in str(caught.value)
    assert below(tmp_path) == []
