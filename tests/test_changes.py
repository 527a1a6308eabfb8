"""What lies beside every export: the log that made it, and the changes."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from air_core.changes import AUDIT, CHANGES, COLUMNS
from air_core.errors import ExportError
from air_core.labels import Decision
from air_core.labels.chain import breaks
from air_core.labels.lines import event_from_json
from air_core.workspace import Workspace
from tests.test_workspace import ids


@pytest.fixture
def decided(csv_source: Path, tmp_path: Path) -> Workspace:
    """``a`` relabelled from cat to emu, ``b`` excluded, ``c`` kept, ``d`` unsure."""
    workspace = Workspace.create(tmp_path / "ws", csv_source)
    item = ids(workspace)
    why = {"detector": "air-margin", "score": 0.125, "lambda_g": 0.0078, "suggested_label": "dog"}
    workspace.decide(
        [
            Decision(item["images/a.png"], "relabel", label="emu", reason="long neck", **why),
            Decision(item["images/b.png"], "exclude"),
            Decision(item["images/c.png"], "keep"),
            Decision(item["images/d.png"], "unsure"),
        ],
        reviewer="ana",
    )
    return workspace


def rows(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file.read_text("utf-8"), newline="")))


def test_the_changes_and_nothing_else(decided: Workspace, tmp_path: Path) -> None:
    summary = decided.export("csv", tmp_path / "out" / "clean.csv")
    assert summary.beside == (tmp_path / "out" / AUDIT, tmp_path / "out" / CHANGES)
    event = decided.reviewed()[ids(decided)["images/a.png"]]
    first, second = rows(tmp_path / "out" / CHANGES)
    assert first == {
        "path": "images/a.png",
        "given_label": "cat",
        "final_label": "emu",
        "action": "relabel",
        "reviewer": "ana",
        "time": event.created_at,
        "reason": "long neck",
        "detector": "air-margin",
        "score": "0.125",
        "lambda_g": "0.0078",
        "suggested_label": "dog",
    }
    assert tuple(first) == COLUMNS
    assert (second["path"], second["final_label"], second["action"]) == (
        "images/b.png",
        "",
        "exclude",
    )


def test_the_log_is_whole_and_its_chain_holds(decided: Workspace, tmp_path: Path) -> None:
    decided.labels.undo_last("ana")
    decided.export("csv", tmp_path / "out" / "clean.csv")
    lines = (tmp_path / "out" / AUDIT).read_text("ascii").splitlines()
    events = [event_from_json(line) for line in lines]
    assert events == decided.labels.history()
    assert len(events) == 8
    assert list(breaks(events)) == []
    assert {"item_id", "reviewer", "hash"} <= set(json.loads(lines[0]))
    assert rows(tmp_path / "out" / CHANGES) == []


def test_beside_a_folder(decided: Workspace, tmp_path: Path) -> None:
    summary = decided.export("imagefolder", tmp_path / "out" / "images")
    assert [file.parent for file in summary.beside] == [tmp_path / "out"] * 2
    assert all(file.is_file() for file in summary.beside)


def test_a_later_export_of_the_same_audit_replaces_them(decided: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "out"
    decided.export("csv", out / "clean.csv")
    before = (out / AUDIT).read_bytes()
    decided.labels.undo_last("ana")
    decided.export("tsv", out / "clean.tsv")
    assert (out / AUDIT).read_bytes().startswith(before)
    assert rows(out / CHANGES) == []


@pytest.mark.parametrize("name", [AUDIT, CHANGES])
def test_other_files_of_that_name_stay(decided: Workspace, tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_text("mine\n")
    with pytest.raises(ExportError, match="from an earlier export of this audit"):
        decided.export("csv", out / "clean.csv")
    assert [file.name for file in out.iterdir()] == [name]
    assert (out / name).read_text() == "mine\n"


def test_the_log_of_another_audit_stays(
    decided: Workspace, csv_source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    decided.export("csv", out / "clean.csv")
    other = Workspace.create(tmp_path / "ws2", csv_source)
    other.decide([Decision(ids(other)["images/a.png"], "keep")], reviewer="bob")
    with pytest.raises(ExportError, match="from an earlier export of this audit"):
        other.export("csv", out / "other.csv")
    assert not (out / "other.csv").exists()


def test_a_source_that_looks_like_them_stays(csv_source: Path, tmp_path: Path) -> None:
    listed = csv_source / CHANGES
    lines = [",".join(COLUMNS), *(f"images/{x}.png,cat" + "," * 9 for x in "abcd")]
    listed.write_text("\n".join(lines) + "\n")
    before = listed.read_bytes()
    workspace = Workspace.create(
        tmp_path / "ws", listed, path_column="path", label_column="given_label"
    )
    with pytest.raises(ExportError, match="from an earlier export"):
        workspace.export("csv", csv_source / "clean.csv")
    assert listed.read_bytes() == before


@pytest.mark.parametrize("name", [AUDIT, CHANGES])
def test_the_export_itself_has_another_name(decided: Workspace, tmp_path: Path, name: str) -> None:
    with pytest.raises(ExportError, match="go beside it"):
        decided.export("csv", tmp_path / "out" / name)


def test_a_spreadsheet_runs_no_cell(csv_source: Path, tmp_path: Path) -> None:
    labels = csv_source / "labels.csv"
    labels.write_text("path,label\nimages/a.png,=1+1\nimages/b.png,'=2\n")
    workspace = Workspace.create(tmp_path / "ws", csv_source)
    item = ids(workspace)
    workspace.decide(
        [
            Decision(item["images/a.png"], "relabel", label="'=2", reason="@now"),
            Decision(item["images/b.png"], "relabel", label="=1+1"),
        ],
        reviewer="-ana",
    )
    workspace.export("csv", tmp_path / "out" / "clean.csv")
    first, second = rows(tmp_path / "out" / CHANGES)
    assert (first["given_label"], first["final_label"]) == ("'=1+1", "'=2")
    assert (first["reason"], first["reviewer"]) == ("'@now", "'-ana")
    # Which apostrophes are ours is said, so that the labels can be had back.
    assert first["apostrophe_added"] == "given_label;reviewer;reason"
    assert second["apostrophe_added"] == "final_label;reviewer"
    assert (tmp_path / "out" / "clean.csv").read_text() == (
        "path,label\nimages/a.png,'=2\nimages/b.png,=1+1\n"
    )
