"""What an export may replace: what it wrote itself, and nothing else unless told to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from air_core.errors import ExportError
from air_core.labels import Decision
from air_core.report import write_report
from air_core.workspace import Workspace
from tests.test_workspace import ids


@pytest.fixture
def workspace(csv_source: Path, tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "ws", csv_source)


def decide(workspace: Workspace, name: str) -> None:
    workspace.decide([Decision(ids(workspace)[f"images/{name}.png"], "exclude")], reviewer="ana")


@pytest.mark.parametrize("format", ["csv", "label-studio", "imagefolder", "fiftyone"])
def test_the_same_export_twice_is_the_newer_one(
    workspace: Workspace, tmp_path: Path, format: str
) -> None:
    out = tmp_path / "out" / "clean"
    decide(workspace, "a")
    assert workspace.export(format, out).rows == 3
    decide(workspace, "b")
    assert workspace.export(format, out).rows == 2
    # By another process, too.
    decide(workspace, "c")
    assert Workspace.open(workspace.root).export(format, out).rows == 1
    assert [p.name for p in out.parent.iterdir() if "tmp" in p.name or "old" in p.name] == []


def test_another_file_is_replaced_only_on_request(workspace: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "thesis.csv"
    out.write_text("years of work\n")
    with pytest.raises(ExportError, match="--overwrite"):
        workspace.export("csv", out)
    with pytest.raises(ExportError, match="--overwrite"):
        write_report(workspace, out)
    assert out.read_text() == "years of work\n"
    workspace.export("csv", out, overwrite=True)
    assert out.read_bytes() == workspace.export_bytes()
    write_report(workspace, out, overwrite=True)
    write_report(workspace, out)
    assert out.read_bytes().startswith(b"<!doctype html>")


def test_an_export_that_somebody_edited_is_theirs(workspace: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "clean.csv"
    workspace.export("csv", out)
    out.write_text(out.read_text() + "images/e.png,owl\n")
    with pytest.raises(ExportError, match="was changed since"):
        workspace.export("csv", out)
    assert "owl" in out.read_text()


@pytest.mark.parametrize("change", ["more", "less", "other"])
def test_a_folder_that_somebody_changed_is_never_replaced(
    workspace: Workspace, tmp_path: Path, change: str
) -> None:
    out = tmp_path / "clean"
    workspace.export("imagefolder", out)
    if change == "more":
        (out / "cat" / "notes.txt").write_text("mine")
    elif change == "less":
        next(out.rglob("*.png")).unlink()
    else:
        os.utime(next(out.rglob("*.png")), (1, 1))
    with pytest.raises(ExportError, match="an earlier export as it was"):
        workspace.export("imagefolder", out, overwrite=True)
    assert (out / "cat").is_dir()


def test_overwriting_stops_before_the_source_and_the_workspace(
    workspace: Workspace, csv_source: Path
) -> None:
    for target in (csv_source / "labels.csv", workspace.root / "workspace.json"):
        before = target.read_bytes()
        with pytest.raises(ExportError, match="the source is never overwritten"):
            workspace.export("csv", target, overwrite=True)
        assert target.read_bytes() == before


def test_what_a_killed_export_left_may_be_replaced(workspace: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "clean.csv"
    workspace.export("csv", out)
    decide(workspace, "a")
    with (workspace.root / "exports.txt").open("a") as record:
        record.write("\n0123")  # cut short
    workspace.export("csv", out)
    decide(workspace, "b")
    assert workspace.export("csv", out).rows == 2


def test_a_workspace_that_cannot_be_written_to_still_exports(
    workspace: Workspace, tmp_path: Path
) -> None:
    (workspace.root / "exports.txt").mkdir()  # stands for any refusal, as root is refused nothing
    assert workspace.export("csv", tmp_path / "clean.csv").rows == 4
    assert workspace.export("csv", tmp_path / "clean.csv").rows == 4, "the same bytes"
