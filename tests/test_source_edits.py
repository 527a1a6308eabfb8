"""Sources that were edited after they were opened: an export says so."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from air_core.formats import FORMAT_TITLES
from air_core.workspace import Workspace
from benchmarks.format_samples import workspace_of, write_sample
from tests.conftest import PaintImage

BY_FOLDER = ("imagefolder", "yolo-cls")


def files_of(place: Path) -> list[Path]:
    return sorted(f for f in place.rglob("*") if f.is_file())


@pytest.mark.parametrize("format", [f for f in FORMAT_TITLES if f not in BY_FOLDER])
def test_an_edit_of_any_label_file_is_told(tmp_path: Path, format: str) -> None:
    first = workspace_of(tmp_path, multilabel=False, grey=format == "mnist")
    sample = write_sample(first, format, tmp_path / "sample")
    opened = Workspace.create(tmp_path / "two", sample)
    assert opened.source_edits() == ()
    watched = [Path(file.path) for file in opened._manifest.watched]
    assert watched
    assert set(watched) <= set(files_of(tmp_path / "sample"))
    for file in watched:
        data, status = file.read_bytes(), file.stat()
        file.write_bytes(data + b" ")
        edits = Workspace.open(opened.root).source_edits()
        assert str(file) in edits[0]
        assert "open the source again" in edits[-1]
        file.write_bytes(data)
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert Workspace.open(opened.root).source_edits() == ()


@pytest.mark.parametrize("format", ["imagefolder", "yolo-cls", "hf-imagefolder"])
def test_images_that_came_or_went_are_told(
    tmp_path: Path, folder_source: Path, paint: PaintImage, format: str
) -> None:
    source = folder_source
    if format == "yolo-cls":
        source = tmp_path / "yolo"
        shutil.copytree(folder_source, source / "train")
    workspace = Workspace.create(tmp_path / "ws", source, format=format)
    assert workspace.source_edits() == ()
    top = source / "train" if format == "yolo-cls" else source
    paint(top / "dog" / "new.png")
    (top / "cat" / "1.png").unlink()
    came, gone, hint = workspace.source_edits()
    assert "1 images came after it was opened" in came
    assert "new.png" in came
    assert "1 images have gone since" in gone
    assert "decisions are kept" in hint


def test_the_export_goes_by_what_was_opened_and_opening_again_takes_the_edit_in(
    csv_source: Path, tmp_path: Path
) -> None:
    workspace, labels = Workspace.create(tmp_path / "ws", csv_source), csv_source / "labels.csv"
    before = labels.read_bytes()
    labels.write_bytes(before.replace(b"d.png,emu", b"d.png,owl"))
    summary = workspace.export("csv", tmp_path / "clean.csv")
    assert summary.path.read_bytes() == before
    assert str(labels) in summary.notes[0]
    again = Workspace.create(tmp_path / "ws", csv_source)
    assert again.export("csv", tmp_path / "clean.csv").notes == ()
    assert (tmp_path / "clean.csv").read_bytes() == labels.read_bytes()


def test_a_file_that_has_gone_and_one_named_apart(csv_source: Path, tmp_path: Path) -> None:
    labels = (csv_source / "labels.csv").rename(tmp_path / "mine.csv")
    workspace = Workspace.create(tmp_path / "ws", csv_source, labels=labels)
    labels.unlink()
    assert f"{labels} is no longer there" in workspace.source_edits()[0]


def test_an_archive_is_what_its_owner_edits(csv_source: Path, tmp_path: Path) -> None:
    packed = Path(shutil.make_archive(str(tmp_path / "source"), "zip", csv_source))
    workspace = Workspace.create(tmp_path / "ws", packed)
    assert workspace.source_edits() == ()
    (csv_source / "labels.csv").write_text("path,label\nimages/a.png,owl\n")
    shutil.make_archive(str(tmp_path / "source"), "zip", csv_source)
    assert str(packed) in workspace.source_edits()[0]


def test_a_touch_is_no_edit(csv_source: Path, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "ws", csv_source)
    os.utime(csv_source / "labels.csv", (1, 1))
    assert workspace.source_edits() == ()
