from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from PIL import Image

from air_core.errors import SourceError
from air_core.formats import ReadOptions
from air_core.formats.image_paths import (
    choose_root,
    copy_unaudited,
    first_there,
    free_name,
    inner_parts,
    label_file,
    size_of,
)
from tests.conftest import PaintImage


def test_the_first_path_that_is_there(tmp_path: Path, paint: PaintImage) -> None:
    paint(tmp_path / "in" / "b.png")
    paint(tmp_path / "secret.png")
    root = tmp_path / "in"
    assert first_there(root, ["a.png", "b.png"]) == "b.png"
    assert first_there(root, ["sub\\a.png", "gone.png"]) == "sub\\a.png"
    assert first_there(root, ["a.png", "../secret.png"]) == "a.png"
    assert first_there(root, ["a.png", str(tmp_path / "secret.png")]) == "a.png"
    assert first_there(root, ["\0", "x" * 5000]) == "\0"


def test_the_folder_with_the_most_images_wins(tmp_path: Path, paint: PaintImage) -> None:
    for name in ("one/a.png", "two/a.png", "two/b.png"):
        paint(tmp_path / name)
    folders = [tmp_path / "none", tmp_path / "one", tmp_path / "two"]
    assert choose_root(folders, [["a.png"], ["x.png", "b.png"]]) == tmp_path / "two"
    assert choose_root(folders, [["gone.png"]]) == tmp_path / "none"
    assert choose_root(folders, []) == tmp_path / "none"


def test_an_image_is_copied_only_from_inside(tmp_path: Path, paint: PaintImage) -> None:
    secret, root = paint(tmp_path / "secret.png"), tmp_path / "in"
    paint(root / "ok.png")
    (root / "link.png").symlink_to(secret)
    out = tmp_path / "out"
    for path in ("ok.png", "link.png", "../secret.png", str(secret), "gone.png"):
        copy_unaudited(root, path, out / PurePosixPath(path).name)
    copy_unaudited(None, "ok.png", out / "no root.png")
    assert [file.name for file in out.iterdir()] == ["ok.png"]


def test_names_stay_below_and_apart() -> None:
    assert inner_parts("../a/./b\\..\\c.png") == ("a", "b", "c.png")
    assert inner_parts("/etc/x.png") == ("etc", "x.png")
    taken: set[str] = set()
    names = [free_name(PurePosixPath(n), f"id{n}", taken) for n in ("a.png", "A.jpg", "b/a.png")]
    assert list(map(str, names)) == ["a.png", "A-idA.jpg.jpg", "b/a.png"]


def test_sizes_are_as_shown(tmp_path: Path, paint: PaintImage) -> None:
    file = paint(tmp_path / "a.jpg", size=(4, 6))
    assert size_of(file) == (4, 6)
    with Image.open(file) as image:
        exif = image.getexif()
        exif[0x0112] = 6
        image.save(tmp_path / "turned.jpg", exif=exif)
    assert size_of(tmp_path / "turned.jpg") == (6, 4)
    assert size_of(tmp_path / "gone.jpg") is None


def test_a_label_file_is_looked_for_quietly_and_read_aloud(tmp_path: Path) -> None:
    def suits(file: Path) -> bool:
        if "bad" in file.name:
            raise SourceError("broken")
        return "yes" in file.name

    for name in ("bad.json", "no.json", "yes.json", ".yes.json"):
        (tmp_path / name).touch()
    none = ReadOptions()
    assert label_file(tmp_path, none, ("*.json",), suits) == tmp_path / "yes.json"
    assert label_file(tmp_path / "no.json", none, ("*.json",), suits) is None
    with pytest.raises(SourceError, match="broken"):
        label_file(tmp_path / "bad.json", none, (), suits)
    with pytest.raises(SourceError, match="broken"):
        label_file(tmp_path, ReadOptions(labels=tmp_path / "bad.json"), (), suits)
    (tmp_path / "yes2.json").touch()
    with pytest.raises(SourceError, match=r"yes\.json and yes2\.json"):
        label_file(tmp_path, none, ("*.json",), suits)
    for n in range(60):
        (tmp_path / f"side{n}.json").touch()
    assert label_file(tmp_path, none, ("*.json",), suits) is None
