from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from air_core.errors import ExportError, WorkspaceError
from air_core.labels import Decision
from air_core.workspace import Workspace
from tests.test_workspace import ids


@pytest.fixture
def decided(csv_source: Path, tmp_path: Path) -> Workspace:
    """``a`` relabelled from cat to emu, ``b`` excluded, ``c`` kept."""
    workspace = Workspace.create(tmp_path / "ws", csv_source)
    item = ids(workspace)
    workspace.decide(
        [
            Decision(item["images/a.png"], "relabel", label="emu"),
            Decision(item["images/b.png"], "exclude"),
            Decision(item["images/c.png"], "keep"),
        ],
        reviewer="ana",
    )
    return workspace


def below(folder: Path) -> list[str]:
    files = (f for f in folder.rglob("*") if f.is_file())
    return sorted(f.relative_to(folder).as_posix() for f in files)


def test_csv_to_csv(decided: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "new" / "clean.csv"
    summary = decided.export("csv", out)
    assert out.read_text() == ("path,label\nimages/a.png,emu\nimages/c.png,cat\nimages/d.png,emu\n")
    assert (summary.path, summary.rows, summary.changed, summary.excluded, summary.format) == (
        out,
        3,
        1,
        1,
        "csv",
    )
    assert decided.export_bytes() == decided.export_bytes("csv") == out.read_bytes()


def test_a_file_is_replaced_as_a_whole(decided: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "clean.csv"
    out.write_text("older and longer than what replaces it" * 100)
    decided.export("csv", out, overwrite=True)
    assert out.read_bytes() == decided.export_bytes()
    assert [f.name for f in tmp_path.iterdir() if "tmp" in f.name] == []


def test_csv_to_image_folder(decided: Workspace, csv_source: Path, tmp_path: Path) -> None:
    out = tmp_path / "clean"
    summary = decided.export("imagefolder", out)
    assert below(out) == ["cat/images/c.png", "emu/images/a.png", "emu/images/d.png"]
    assert (out / "dog").is_dir()
    assert (summary.rows, summary.changed, summary.excluded) == (3, 1, 1)
    assert len(below(csv_source / "images")) == 4
    again = Workspace.create(tmp_path / "ws2", out)
    assert again.dataset.class_names == ("cat", "dog", "emu")


def test_image_folder_to_csv_and_back(folder_source: Path, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "ws", folder_source)
    item = ids(workspace)
    workspace.decide([Decision(item["dog/1.png"], "relabel", label="cat")], reviewer="ana")
    workspace.export("tsv", tmp_path / "clean.tsv")
    assert (tmp_path / "clean.tsv").read_text() == (
        "path\tlabel\ncat/1.png\tcat\ncat/deep/2.png\tcat\ndog/1.png\tcat\n"
    )
    assert workspace.export_bytes().startswith(b"path,label\n")
    workspace.export("imagefolder", tmp_path / "out")
    moved = f"cat/1-{item['dog/1.png']}.png"
    assert below(tmp_path / "out") == sorted(["cat/1.png", moved, "cat/deep/2.png"])
    assert (tmp_path / "out" / "dog").is_dir()


def test_an_image_folder_without_decisions_comes_out_the_same(
    folder_source: Path, tmp_path: Path
) -> None:
    Workspace.create(tmp_path / "ws", folder_source).export("imagefolder", tmp_path / "out")
    assert below(tmp_path / "out") == below(folder_source)


def test_images_without_a_label_have_no_folder(csv_source: Path, tmp_path: Path) -> None:
    labels = csv_source / "labels.csv"
    labels.write_text(labels.read_text().replace("a.png,cat", "a.png,"))
    workspace = Workspace.create(tmp_path / "ws", csv_source)
    summary = workspace.export("imagefolder", tmp_path / "out")
    assert (summary.rows, summary.unlabelled) == (3, 1)


def test_the_export_does_not_follow_later_edits_of_the_source(
    decided: Workspace, csv_source: Path
) -> None:
    before = decided.export_bytes()
    (csv_source / "labels.csv").write_text("path,label\n")
    assert decided.export_bytes() == before


def test_the_source_and_the_workspace_are_never_overwritten(
    decided: Workspace, csv_source: Path
) -> None:
    before = {f: f.read_bytes() for f in csv_source.rglob("*") if f.is_file()}
    for target in (
        csv_source / "labels.csv",
        csv_source / "images" / "a.png",
        decided.root / "workspace.json",
        decided.root / "labels.sqlite",
    ):
        with pytest.raises(ExportError, match="Write to another name"):
            decided.export("csv", target)
    for target in (csv_source, csv_source / "out", csv_source / "images"):
        with pytest.raises(ExportError, match="apart from"):
            decided.export("imagefolder", target)
    assert {f: f.read_bytes() for f in csv_source.rglob("*") if f.is_file()} == before


def test_a_label_file_outside_the_images_is_not_overwritten(
    folder_source: Path, tmp_path: Path
) -> None:
    labels = tmp_path / "mine.csv"
    labels.write_text("path,label\ncat/1.png,dog\n")
    workspace = Workspace.create(tmp_path / "ws", folder_source, labels=labels)
    with pytest.raises(ExportError, match="the source is never overwritten"):
        workspace.export("csv", labels)


def test_targets_of_the_wrong_kind(decided: Workspace, tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").touch()
    with pytest.raises(ExportError, match="new or empty folder"):
        decided.export("imagefolder", full)
    with pytest.raises(ExportError, match="new or empty folder"):
        decided.export("imagefolder", full / "mine.txt")
    with pytest.raises(ExportError, match="Add a file name"):
        decided.export("csv", full)
    with pytest.raises(ExportError, match=r"among csv, tsv, .*imagefolder, got 'xml'"):
        decided.export("xml", full / "out")
    with pytest.raises(ExportError, match="one file"):
        decided.export_bytes("imagefolder")
    with pytest.raises(ExportError, match="could not be written"):
        decided.export("csv", full / "mine.txt" / "out.csv")
    assert below(full) == ["mine.txt"]


def test_a_failed_export_leaves_nothing_behind(
    decided: Workspace, csv_source: Path, tmp_path: Path
) -> None:
    (csv_source / "images" / "d.png").unlink()
    (tmp_path / "out").mkdir()
    with pytest.raises(ExportError, match="could not be written"):
        decided.export("imagefolder", tmp_path / "out" / "clean")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_lost_copy_of_the_label_file_says_how_to_get_it_back(decided: Workspace) -> None:
    for file in decided.root.glob("original-*"):
        file.unlink()
    with pytest.raises(WorkspaceError, match="Open the source again"):
        decided.export_bytes()


def test_a_workspace_can_be_moved(decided: Workspace, tmp_path: Path) -> None:
    before = decided.export_bytes()
    decided.close()
    shutil.move(decided.root, tmp_path / "elsewhere")
    assert Workspace.open(tmp_path / "elsewhere").export_bytes() == before
