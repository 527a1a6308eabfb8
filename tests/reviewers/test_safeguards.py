"""What must not happen while a team works: answers lost, overwritten, or sent astray."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from air_core import decisions
from air_core.decisions import Applied
from air_core.decisions import sheet as sheet_module
from air_core.errors import AirError, DecisionError, WorkspaceError
from air_core.labels.chain import breaks
from air_core.reviewers import assign_queue
from air_core.workspace import Workspace
from tests.reviewers.conftest import Say
from tests.reviewers.test_commands import Items, fill_in, read, run  # noqa: F401
from tests.test_cli import air  # noqa: F401 - fixtures


def test_a_blind_reviewer_neither_waits_for_others_nor_hears_of_them(
    workspace: Workspace,
    item: Items,
    say: Say,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assign_queue(
        workspace.dataset, workspace.labels, list(item.values()), ["ana", "ben"], top=4, each=2,
        by="lea",
    )  # fmt: skip
    sheet = tmp_path / "ana.csv"
    sheet.write_text("path,action,label\nimages/a.png,relabel,emu\nimages/b.png,keep,\n")
    read_rows = sheet_module._rows

    def meanwhile(path: Path) -> object:
        for row in read_rows(path):
            say("ben", "a" if row[1]["path"].endswith("a.png") else "b", "dog")
            yield row

    monkeypatch.setattr(sheet_module, "_rows", meanwhile)
    assert decisions.apply_decisions(workspace, sheet, reviewer="ana") == Applied(2, 0, 0, 0, ())


def test_a_filled_in_queue_and_foreign_files_are_not_replaced(
    run: object,  # noqa: F811
    workspace: Workspace,
    csv_source: Path,
    tmp_path: Path,
) -> None:
    assert callable(run)
    run("assign", "--to", "ana", "--top", 2)
    sheet = tmp_path / "ana.csv"
    assert run("queue", "--reviewer", "ana", "--out", sheet)[0] == 0
    assert run("queue", "--reviewer", "ana", "--out", sheet)[0] == 0
    fill_in(sheet, {"images/a.png": "dog"})
    code, _, said = run("queue", "--reviewer", "ana", "--out", sheet)
    assert (code, "decisions already" in said) == (1, True)
    assert read(sheet)[0]["label"] == "dog"
    picture = csv_source / "images" / "a.png"
    before = picture.read_bytes()
    for command in (("queue", "--reviewer", "ana"), ("report",)):
        assert run(*command, "--out", picture)[0] == 1
    assert picture.read_bytes() == before


def test_a_log_of_other_images_or_classes_is_not_restored(
    workspace: Workspace, say: Say, folder_source: Path, tmp_path: Path
) -> None:
    say("ana", "a", "dog")
    events = workspace.labels.history()
    assert next(breaks(events), None) is None
    with (
        closing(Workspace.create(tmp_path / "other", folder_source)) as other,
        pytest.raises(DecisionError, match="none of them"),
    ):
        decisions.check_fit(other, events)
    with pytest.raises(AirError, match="zebra"):
        decisions.check_fit(workspace, [replace(events[0], new_label="zebra")])
    decisions.check_fit(workspace, events)


def test_assignments_go_along_to_the_database_of_a_team(
    workspace: Workspace, item: Items, tmp_path: Path
) -> None:
    assign_queue(
        workspace.dataset, workspace.labels, list(item.values()), ["ana"], top=2, each=1, by="lea"
    )
    waiting = [task.item_id for task in workspace.reviews().queue("ana")]
    workspace.use_database(f"sqlite:///{tmp_path / 'team.sqlite'}")
    assert [task.item_id for task in workspace.reviews().queue("ana")] == waiting
    with pytest.raises(WorkspaceError, match="address of a database"):
        workspace.use_database("team")


def test_tags_applied_twice_are_recorded_once(tmp_path: Path, csv_source: Path) -> None:
    labels = csv_source / "labels.csv"
    labels.write_text(labels.read_text().replace("a.png,cat", "a.png,cat;dog"))
    made = Workspace.create(tmp_path / "tags", csv_source, separator=";")
    sheet = tmp_path / "ana.csv"
    sheet.write_text("path,action,label\nimages/a.png,relabel,emu; dog\n")
    assert decisions.apply_decisions(made, sheet, reviewer="ana") == Applied(1, 0, 0, 0, ())
    assert decisions.apply_decisions(made, sheet, reviewer="ana") == Applied(0, 1, 0, 0, ())
    made.close()


@pytest.mark.parametrize("url", ["postgresql://nobody@127.0.0.1:1/none", "team"])
def test_a_database_out_of_reach_leaves_no_workspace(
    url: str, csv_source: Path, tmp_path: Path
) -> None:
    with pytest.raises(WorkspaceError):
        Workspace.create(tmp_path / "ws", csv_source, database=url)
    assert not (tmp_path / "ws" / "workspace.json").exists()


def test_apostrophes_of_our_own_tables_are_read_back(tmp_path: Path, csv_source: Path) -> None:
    labels = csv_source / "labels.csv"
    labels.write_text(labels.read_text().replace("d.png,emu", "d.png,=1+1"))
    (csv_source / "=b.png").write_bytes((csv_source / "images" / "b.png").read_bytes())
    with labels.open("a") as file:
        file.write("=b.png,dog\n")
    with closing(Workspace.create(tmp_path / "ws", csv_source)) as made:
        sheet = tmp_path / "ana.csv"
        sheet.write_text("path,action,label,apostrophe_added\n'=b.png,relabel,'=1+1,path\n")
        assert decisions.apply_decisions(made, sheet, reviewer="ana").recorded == 1
        (event,) = made.labels.history()
        assert event.new_label == "=1+1"
