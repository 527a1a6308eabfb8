"""A sheet that was applied before, or is older than what others have said since."""

from __future__ import annotations

from pathlib import Path

import pytest

from air_core.decisions import Applied, apply_decisions
from air_core.reviewers import assign_conflicts
from air_core.workspace import Workspace
from tests.reviewers.conftest import Say

Items = dict[str, str]


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    """A sheet without a word on when it was made: ``a`` is a dog, ``b`` is kept."""
    file = tmp_path / "old.csv"
    file.write_text("path,action,label\nimages/a.png,relabel,dog\nimages/b.png,keep,\n")
    return file


def said(workspace: Workspace, item: str) -> tuple[str, str | None]:
    event = workspace.reviewed()[item]
    return event.reviewer, event.new_label


def dated(sheet: Path, after: int) -> Path:
    """The same, made after an event."""
    lines = sheet.read_text().splitlines()
    sheet.write_text(
        "".join(f"{line},{(n and after) or 'after_event'}\n" for n, line in enumerate(lines))
    )
    return sheet


def test_what_others_have_changed_since_stays(
    workspace: Workspace, item: Items, say: Say, sheet: Path
) -> None:
    assert apply_decisions(workspace, sheet, reviewer="ana") == Applied(2, 0, 0, 0, ())
    say("bob", "a", "emu")
    assert apply_decisions(workspace, sheet, reviewer="ana") == Applied(0, 2, 0, 0, ())
    assert said(workspace, item["a"]) == ("bob", "emu")
    # Nor does it help to write something else into the old sheet.
    sheet.write_text(sheet.read_text().replace("dog", "cat"))
    done = apply_decisions(workspace, sheet, reviewer="ana")
    assert (done.recorded, done.repeated) == (0, 1)
    assert "bob changed 'dog' to 'emu'" in done.problems[0]
    # Who says to have seen event 3 means to.
    done = apply_decisions(workspace, dated(sheet, 3), reviewer="ana")
    assert (done.recorded, done.replaced, done.problems) == (1, 1, ())
    assert said(workspace, item["a"]) == ("ana", "cat")


def test_what_was_taken_back_since_stays_taken_back(
    workspace: Workspace, sheet: Path, item: Items
) -> None:
    apply_decisions(workspace, sheet, reviewer="ana")
    workspace.labels.undo(1, reviewer="bob")
    assert apply_decisions(workspace, sheet, reviewer="ana") == Applied(0, 2, 0, 0, ())
    assert item["a"] not in workspace.reviewed()
    assert apply_decisions(workspace, dated(sheet, 3), reviewer="ana").recorded == 1


def test_a_dated_sheet_yields_to_whatever_others_said_later(
    workspace: Workspace, item: Items, say: Say, sheet: Path
) -> None:
    say("bob", "b", "emu")
    say("bob", "a", "emu")
    done = apply_decisions(workspace, dated(sheet, 1), reviewer="ana")
    assert (done.recorded, done.replaced) == (1, 1)
    assert len(done.problems) == 1
    assert done.problems[0].startswith(f"row 2: Item {item['a']} has changed since")


def test_an_old_sheet_settles_no_conflict(
    workspace: Workspace, item: Items, say: Say, sheet: Path
) -> None:
    apply_decisions(workspace, sheet, reviewer="ana")
    say("bob", "a", "keep")
    assign_conflicts(workspace.dataset, workspace.labels, "ana", by="lea")
    assert apply_decisions(workspace, sheet, reviewer="ana") == Applied(0, 2, 0, 0, ())
    assert workspace.reviews().conflicts[0].settled is None
    sheet.write_text("path,action,label,after_event\nimages/a.png,relabel,emu,3\n")
    done = apply_decisions(workspace, sheet, reviewer="ana")
    assert "asked to settle this. Expected a sheet made after event 4, this one" in done.problems[0]
    assert workspace.reviews().conflicts[0].settled is None
    sheet.write_text(sheet.read_text().replace(",3", ",4"))
    assert apply_decisions(workspace, sheet, reviewer="ana") == Applied(1, 0, 0, 1, ())
    # The settled conflict is not settled anew by what was made before.
    sheet.write_text(sheet.read_text().replace("emu", "cat"))
    assert len(apply_decisions(workspace, sheet, reviewer="ana").problems) == 1
    assert str(workspace.reviews().conflicts[0].settled) == "emu"


@pytest.mark.parametrize("number", ["x", "-1", "1.5"])
def test_a_number_that_is_none_is_said(workspace: Workspace, sheet: Path, number: str) -> None:
    sheet.write_text(f"path,action,after_event\nimages/a.png,keep,{number}\n")
    (problem,) = apply_decisions(workspace, sheet, reviewer="ana").problems
    assert problem == f"row 2: Expected the number of an event as after_event, got {number!r}."
