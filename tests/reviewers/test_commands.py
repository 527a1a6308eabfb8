"""The commands for several reviewers, as a team would type them one after another."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from air_core.workspace import Workspace
from tests.reviewers.conftest import Say
from tests.test_cli import air  # noqa: F401 - the fixture that runs a command

Items = dict[str, str]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(air: Run, workspace: Workspace) -> Run:  # noqa: F811
    """Run a command on the workspace: (exit code, standard output, standard error)."""

    def typed(command: str, *more: object) -> tuple[int, str, str]:
        return air(command, workspace.root, *more)

    return typed


def read(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as opened:
        return list(csv.DictReader(opened))


def fill_in(file: Path, labels: dict[str, str]) -> None:
    """Answer a queue: ``keep`` or a label for each path named; leave the others open."""
    lines = read(file)
    for line in lines:
        said = labels.get(line["path"], "")
        line["action"] = said if said in ("keep", "exclude", "") else "relabel"
        line["label"] = said if line["action"] == "relabel" else ""
    with file.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.DictWriter(opened, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)


def test_two_blind_reviewers_an_adjudicator_and_an_export(
    run: Run, workspace: Workspace, item: Items, tmp_path: Path
) -> None:
    code, printed, _ = run("assign", "--to", "ana", "--to", "bob", "--top", 3, "--each", 2)
    assert (code, printed) == (0, "3 images assigned\n  ana: 3\n  bob: 3\n")

    sheets = {who: tmp_path / f"{who}.csv" for who in ("ana", "bob")}
    for who, sheet in sheets.items():
        assert run("queue", "--reviewer", who, "--out", sheet)[0] == 0
    assert [line["path"] for line in read(sheets["bob"])] == [f"images/{x}.png" for x in "abc"]
    fill_in(sheets["ana"], {"images/a.png": "dog", "images/b.png": "keep"})
    fill_in(sheets["bob"], {"images/a.png": "keep", "images/b.png": "keep", "images/c.png": "emu"})
    assert run("apply", sheets["ana"], "--reviewer", "ana")[1].startswith("2 decisions")
    # bob's "keep" of b is his own verdict, though ana's is in force and says the same.
    assert run("apply", sheets["bob"], "--reviewer", "bob")[1].startswith("3 decisions")
    assert run("apply", sheets["bob"], "--reviewer", "bob")[1].startswith("0 decisions")
    assert "images/c.png" in run("queue", "--reviewer", "ana")[1]

    (pair, everybody) = json.loads(run("agreement", "--json")[1])
    assert (pair["statistic"], pair["reviewers"], pair["items"]) == ("cohen", ["ana", "bob"], 2)
    assert (everybody["statistic"], everybody["same"]) == ("fleiss", 0.5)
    assert "Cohen" in run("agreement")[1]

    (conflict,) = json.loads(run("conflicts", "--json")[1])
    assert conflict == {
        "item_id": item["a"],
        "path": "images/a.png",
        "given_label": "cat",
        "verdicts": {"ana": "dog", "bob": "cat"},
        "settled": None,
        "adjudicator": None,
        "reason": None,
    }
    assert "1 conflicts, 1 open" in run("conflicts")[1]

    out = tmp_path / "out" / "clean.csv"
    code, _, said = run("export", "--format", "csv", "--out", out)
    assert code == 1
    assert "--labels-by" in said
    rule = ("--labels-by", "adjudicated")
    code, _, said = run("export", "--format", "csv", "--out", out, *rule)
    assert (code, "images/a.png" in said) == (1, True)

    code, printed, _ = run(
        "adjudicate", "images/a.png", "relabel", "--label", "dog", "--reviewer", "eva"
    )
    assert (code, printed) == (0, "images/a.png: dog\n")
    (conflict,) = json.loads(run("conflicts", "--json")[1])
    assert (conflict["settled"], conflict["adjudicator"]) == ("dog", "eva")
    assert conflict["reason"] == "adjudicated (ana: dog, bob: cat)"
    code, printed, _ = run("export", "--format", "csv", "--out", out, *rule)
    assert code == 0
    assert [Path(line.strip()).name for line in printed.splitlines()[1:]] == [
        "audit.jsonl",
        "changes.csv",
    ]
    assert out.read_text() == (
        "path,label\nimages/a.png,dog\nimages/b.png,dog\nimages/c.png,emu\nimages/d.png,emu\n"
    )
    report = tmp_path / "report.html"
    assert run("report", "--out", report, *rule)[0] == 0
    assert "what the adjudicator says" in report.read_text("utf-8")


def test_conflicts_and_second_reviews_are_assigned(run: Run, workspace: Workspace) -> None:
    sheet = workspace.root.parent / "all.csv"
    sheet.write_text("path,action,label\nimages/a.png,relabel,dog\nimages/b.png,keep,\n")
    assert run("apply", sheet, "--reviewer", "ana")[0] == 0
    assert run("assign", "--second", 5, "--to", "bob")[1] == "2 images assigned\n  bob: 2\n"
    sheet.write_text("path,action\nimages/a.png,keep\nimages/b.png,keep\n")
    assert run("apply", sheet, "--reviewer", "bob")[0] == 0
    assert run("assign", "--conflicts", "--to", "eva")[1] == "1 images assigned\n  eva: 1\n"
    assert "images/a.png" in run("queue", "--reviewer", "eva")[1]
    fresh = workspace.root.parent / "eva.csv"
    assert run("queue", "--reviewer", "eva", "--out", fresh)[0] == 0
    fill_in(fresh, {"images/a.png": "keep"})
    code, printed, _ = run("apply", fresh, "--reviewer", "eva")
    assert (code, printed) == (
        0, "1 decisions recorded, 0 rows not applied\n  1 settled a conflict\n"
    )  # fmt: skip
    assert "1 conflicts, 0 open" in run("conflicts")[1]
    said = " ".join(run("progress")[1].split())
    assert "2 of 4 images reviewed, 0 errors confirmed 1 conflicts settled, 0 open" in said


def test_unsure_leaves_a_conflict_open_and_settling_anew_says_what_was(
    run: Run, workspace: Workspace, say: Say
) -> None:
    say("ana", "a", "dog")
    say("bob", "a", "keep")
    image = "images/a.png"
    code, printed, _ = run("adjudicate", image, "unsure", "--reviewer", "eva")
    assert (code, printed) == (0, f"{image}: still open; eva is unsure\n")
    assert "1 conflicts, 1 open" in run("conflicts")[1]
    found = json.loads(run("progress", "--json")[1])
    assert (found["reviewed"], found["conflicts_settled"], found["conflicts_open"]) == (0, 0, 1)
    run("adjudicate", image, "keep", "--reviewer", "dan")
    say("bob", "a", "emu")  # a later verdict does not outweigh what was settled
    found = json.loads(run("progress", "--json")[1])
    assert (found["reviewed"], found["errors_per_100"], found["conflicts_settled"]) == (1, 0, 1)
    printed = run("adjudicate", image, "exclude", "--reviewer", "eva")[1]
    assert printed == f"{image}: left out (dan had settled it as cat)\n"


@pytest.mark.parametrize("command", [("undo", 1), ("assign", "--to", "ana", "--top", 1)])
def test_who_has_no_name_is_asked_for_one(
    run: Run, say: Say, command: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    say("ana", "a", "dog")

    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr("getpass.getuser", nobody)
    code, _, said = run(*command)  # type: ignore[arg-type]
    assert code == 1
    option = "--reviewer" if command[0] == "undo" else "--by"
    assert (
        said
        == f"error: Expected a name to put down, this account has none. Give one with {option}.\n"
    )
    assert run(*command, option, "lea")[0] == 0  # type: ignore[arg-type]


def test_an_equal_verdict_of_another_person_or_task_is_recorded(
    run: Run, workspace: Workspace
) -> None:
    sheet = workspace.root.parent / "all.csv"

    def applied(label: str, reviewer: str, after: object = "") -> int:
        sheet.write_text(f"path,action,label,after_event\nimages/a.png,relabel,{label},{after}\n")
        return int(run("apply", sheet, "--reviewer", reviewer)[1].split()[0])

    assert [applied("dog", "ana"), applied("dog", "bob"), applied("dog", "bob")] == [1, 1, 0]
    assert [applied("emu", "ana", 2), applied("emu", "ana", 2)] == [1, 0]
    # Asked to settle it, ana says once more what she has said before and what is in force.
    assert run("assign", "--conflicts", "--to", "ana")[0] == 0
    assert [applied("emu", "ana"), applied("emu", "ana", 3)] == [0, 0]
    assert "1 conflicts, 1 open" in run("conflicts")[1]
    assert [applied("emu", "ana", 4), applied("emu", "ana", 4)] == [1, 0]
    assert "1 conflicts, 0 open" in run("conflicts")[1]


def test_progress(run: Run, workspace: Workspace) -> None:
    assert "Nothing is reviewed yet." in run("progress")[1]
    assert run("assign", "--sample", 2, "--to", "ana", "--seed", 0)[0] == 0
    sheet = workspace.root.parent / "ana.csv"
    assert run("queue", "--reviewer", "ana", "--out", sheet)[0] == 0
    fill_in(sheet, dict.fromkeys((line["path"] for line in read(sheet)), "keep"))
    assert run("apply", sheet, "--reviewer", "ana")[0] == 0
    said = " ".join(run("progress")[1].split())
    assert "2 of 4 images reviewed, 0 errors confirmed" in said
    assert "0 to 2 with 95% confidence (estimator: random sample; 0 errors in a random" in said
    assert "Go on" in said
    assert "You may stop" in run("progress", "--target", 0.5)[1]
    found = json.loads(run("progress", "--json", "--target", 0.5)[1])
    assert found["errors_left"]["estimator"] == "random sample"
    assert (found["errors_left"]["low"], found["errors_left"]["high"]) == (0, 2)
    assert (found["reviewed"], found["errors_per_100"], found["may_stop"]) == (2, 0, True)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["assign", "--to", "ana"], 2),
        (["assign", "--to", "ana", "--top", 1, "--sample", 1], 2),
        (["assign", "--to", "ana", "--to", "bob", "--conflicts"], 2),
        (["assign", "--to", "ana", "--top", 1, "--each", 2], 1),
        (["assign", "--to", "ana", "--second", 1], 1),
        (["assign", "--to", "ana", "--top", 1, "--detector", "svm"], 1),
        (["adjudicate", "images/a.png", "keep", "--reviewer", "eva"], 1),
        (["adjudicate", "nowhere.png", "keep", "--reviewer", "eva"], 1),
        (["adjudicate", "images/a.png", "burn", "--reviewer", "eva"], 1),
        (["adjudicate", "images/a.png", "relabel", "--label", "elk", "--reviewer", "eva"], 1),
        (["queue", "--reviewer", "ana", "--out", "/"], 1),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    run: Run, workspace: Workspace, arguments: list[object], code: int
) -> None:
    command, *more = arguments
    found, _, said = run(str(command), *more)
    assert found == code
    assert "Traceback" not in said
    assert code == 2 or said.count("\n") == 1
    assert workspace.labels.history() == []
    assert workspace.labels.assignments() == ()
