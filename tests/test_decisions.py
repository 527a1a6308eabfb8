"""Decisions from a file: what spreadsheets do to ids, and rows that cannot be applied."""

from __future__ import annotations

from pathlib import Path

import pytest

from air_core.commands.reviews import queue
from air_core.dataset import stable_item_ids
from air_core.decisions import apply_decisions
from air_core.reviewers import assign_queue
from air_core.workspace import Workspace
from tests.conftest import PaintImage

# Paths whose ids a spreadsheet takes for numbers: a search over names finds them in a moment.
EXPONENT = next(
    name
    for name, item in ((n, str(stable_item_ids([n])[0])) for n in map("{}.png".format, range(9999)))
    if item.replace("e", "", 1).isdigit()
)


@pytest.fixture
def workspace(tmp_path: Path, paint: PaintImage) -> Workspace:
    """Three images, one of them listed twice."""
    for name in (EXPONENT, "b.png", "twice.png"):
        paint(tmp_path / "source" / name)
    (tmp_path / "source" / "labels.csv").write_text(
        f"path,label\n{EXPONENT},cat\nb.png,dog\ntwice.png,cat\ntwice.png,dog\n"
    )
    return Workspace.create(tmp_path / "ws", tmp_path / "source")


def apply(workspace: Workspace, rows: str) -> tuple[int, tuple[str, ...]]:
    """How many decisions were stored, and what was wrong with the other rows."""
    file = workspace.root / "decisions.csv"
    file.write_text("item_id,path,action,label,reason\n" + rows)
    applied = apply_decisions(workspace, file, reviewer="ana")
    return applied.recorded, applied.problems


def test_ids_that_a_spreadsheet_rewrote_give_way_to_the_path(workspace: Workspace) -> None:
    item = str(workspace.dataset.item_ids[0])
    assert item.replace("e", "", 1).isdigit()
    # Each time something new: what somebody has said before is passed over.
    answers = ("keep,", "unsure,", "exclude,", "relabel,dog")
    for mangled, answer in zip(("1.23E+15", "7", "INF", "1234567890123450"), answers, strict=True):
        assert apply(workspace, f"{mangled},{EXPONENT},{answer},\n") == (1, ()), mangled
    assert {event.item_id for event in workspace.labels.history()} == {item}


def test_where_the_path_does_not_tell_the_row_is_refused_and_the_rest_goes_on(
    workspace: Workspace,
) -> None:
    applied, problems = apply(
        workspace,
        "1.23E+15,twice.png,keep,,\n"
        "1.23E+15,,keep,,\n"
        "1.23E+15,nowhere.png,keep,,\n"
        "0123456789abcdef,b.png,keep,,\n"
        ",b.png,keep,,\n",
    )
    assert applied == 1
    assert [problem.partition(":")[0] for problem in problems] == [f"row {n}" for n in (2, 3, 4, 5)]
    second = str(workspace.dataset.item_ids[3])
    assert "there are 2" in problems[0]
    assert second in problems[0]
    assert "where a spreadsheet has changed it" in problems[1]
    assert apply(workspace, f"{second.upper()},twice.png,exclude,,\n") == (1, ())


def test_a_queue_keeps_such_ids_from_being_rewritten(workspace: Workspace) -> None:
    ids, out = workspace.dataset.item_ids.tolist(), workspace.root.parent / "ana.csv"
    assign_queue(workspace.reviews(), workspace.labels, ids, ["ana"], top=4, by="lea")
    queue(workspace.root, "ana", out)
    header, *rows = out.read_text().splitlines()
    assert header.endswith(",apostrophe_added")
    assert rows[0].startswith(f"'{ids[0]},{EXPONENT},cat")
    out.write_text("\n".join([header, *(row.replace(",,,,", ",,keep,,") for row in rows)]))
    applied = apply_decisions(workspace, out, reviewer="ana")
    assert (applied.recorded, applied.problems) == (4, ())


def test_an_id_beside_the_path_of_another_image_is_refused(workspace: Workspace) -> None:
    first = str(workspace.dataset.item_ids[0])
    applied, (problem,) = apply(workspace, f"{first},b.png,keep,,\n")
    assert applied == 0
    assert "Sort whole rows" in problem
    # A path that is none of ours says nothing against the id.
    assert apply(workspace, f"{first},somewhere/else.png,keep,,\n") == (1, ())
