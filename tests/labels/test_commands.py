"""The trail on the command line, from decisions to a copy that gives the same labels."""

from __future__ import annotations

import json
import random
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from air_core import cli
from air_core.decisions import settle
from air_core.labels import Decision
from air_core.labels.models import ACTIONS
from air_core.reviewers import RULES, assign_conflicts
from air_core.workspace import Workspace

Air = Callable[..., tuple[int, str, str]]


@pytest.fixture
def air(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Air:
    """Run a command in this process: (exit code, standard output, standard error)."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["air-audit", *map(str, arguments)])
        code = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def decided(tmp_path: Path, csv_source: Path) -> Path:
    """A workspace with six decisions."""
    with closing(Workspace.create(tmp_path / "ws", csv_source)) as workspace:
        a, b, c, d = map(str, workspace.dataset.item_ids)
        for item, label in ((a, "dog"), (b, "emu"), (a, "emu"), (c, "dog")):
            workspace.decide([Decision(item, "relabel", label=label)], reviewer="ana")
        workspace.decide([Decision(d, "exclude"), Decision(b, "keep")], reviewer="bob")
    return tmp_path / "ws"


def labels_of(folder: Path) -> dict[str, str | None]:
    with closing(Workspace.open(folder)) as workspace:
        return {
            workspace.dataset.paths[workspace.dataset.row_of(item)]: event.new_label
            for item, event in workspace.reviewed().items()
        }


def test_a_range_is_shown_and_taken_back(decided: Path, air: Air) -> None:
    shown = json.loads(air("history", decided, "--json", "--events", "2-3")[1])
    assert [event["event_id"] for event in shown] == [2, 3]
    assert shown[0]["path"] == "images/b.png"
    assert {"hash", "feature_digest"} <= set(shown[0])
    assert len(json.loads(air("history", decided, "--json", "--events", "6")[1])) == 1
    code, printed, _ = air("undo", decided, "2-3", "--reviewer", "cy")
    assert (code, printed) == (0, "Event 7 undoes event 2\nEvent 8 undoes event 3\n")
    assert labels_of(decided) == {
        "images/a.png": "dog", "images/b.png": "dog", "images/c.png": "dog", "images/d.png": None
    }  # fmt: skip
    code, _, error = air("undo", decided, "2-3")
    assert (code, error) == (1, "error: Nothing of the events 2 to 3 stands any more.\n")
    assert air("undo", decided, "7-99")[0] == 1
    assert "undoes event 7" in air("undo", decided, "7")[1]


@pytest.mark.parametrize("given", ["0", "x", "5-2", "1-", "-1", "99999999999"])
def test_what_is_no_range_is_wrong_usage(decided: Path, air: Air, given: str) -> None:
    assert air("undo", decided, "--", given)[0] == 2
    assert air("history", decided, f"--events={given}")[0] == 2


def test_verify_tells_a_whole_log_from_a_changed_one(decided: Path, air: Air) -> None:
    code, printed, _ = air("history", decided, "--verify")
    head = printed.split()[-1]
    assert (code, printed) == (
        0, f"6 events: the chain is whole\nHash of the last: {head}\n"
    )  # fmt: skip
    assert json.loads(air("history", decided, "--verify", "--json")[1]) == {
        "events": 6, "head": head, "problems": []
    }  # fmt: skip
    assert air("history", decided, "--verify", "--against", head)[0] == 0
    code, _, error = air("history", decided, "--verify", "--events", "2-3")
    assert (code, error) == (
        1, "error: Expected --verify alone, got --events 2-3 with it: the whole log is checked. "
        "To check it against a copy, name that with --against.\n",
    )  # fmt: skip
    empty = decided.parent / "audit.jsonl"
    empty.write_text("\n")
    code, _, error = air("history", decided, "--verify", "--against", empty)
    assert (code, error.count("\n")) == (1, 1)
    assert "found none: nothing can be checked against it" in error
    code, printed, _ = air("history", decided, "--verify", "--against", "0" * 63 + "1")
    assert code == 1
    assert "is not a continuation" in printed

    with closing(sqlite3.connect(decided / "labels.sqlite")) as connection:
        connection.execute("DROP TRIGGER label_events_no_update")
        connection.execute("UPDATE label_events SET reviewer = 'eve' WHERE event_id = 3")
        connection.commit()
    code, printed, _ = air("history", decided, "--verify")
    assert code == 1
    assert "Event 3 does not follow from event 2: one of the two was changed." in printed
    code, printed, _ = air("history", decided, "--verify", "--json")
    assert (code, len(json.loads(printed)["problems"])) == (1, 1)


def test_a_damaged_head_is_said_in_one_line(decided: Path, air: Air) -> None:
    with closing(sqlite3.connect(decided / "labels.sqlite")) as connection:
        connection.execute("DROP TRIGGER label_head_no_delete")
        connection.execute("DELETE FROM label_head")
        connection.commit()
    code, printed, _ = air("history", decided, "--verify")
    assert code == 1
    assert "The record of where the log ends (label_head) is missing or damaged." in printed
    for command in (("history",), ("undo", 1, "--reviewer", "ana")):
        code, _, error = air(command[0], decided, *command[1:])
        assert (code, error.count("\n")) == (1, 1)
        assert "(label_head) is missing" in error


def test_an_export_is_a_copy_to_check_against_and_to_restore_from(
    decided: Path, air: Air, tmp_path: Path, csv_source: Path
) -> None:
    assert air("export", decided, "--format", "csv", "--out", tmp_path / "out" / "l.csv")[0] == 0
    copy = tmp_path / "out" / "audit.jsonl"
    air("undo", decided, "6")
    assert air("history", decided, "--verify", "--against", copy)[0] == 0
    lines = copy.read_text().splitlines(keepends=True)
    copy.write_text("".join([*lines[:2], lines[2].replace('"ana"', '"eve"'), *lines[3:]]))
    code, printed, _ = air("history", decided, "--verify", "--against", copy)
    assert (code, "Event 3 differs from the copy." in printed) == (1, True)

    air("open", csv_source, "--workspace", tmp_path / "other")
    code, _, error = air("restore", tmp_path / "other", copy)
    assert (code, "Event 3 does not follow from event 2" in error) == (1, True)
    copy.write_text("".join(lines))
    assert air("restore", tmp_path / "other", copy)[1] == "6 events restored, 0 were there\n"
    assert air("restore", tmp_path / "other", copy)[1] == "0 events restored, 6 were there\n"
    code, _, error = air("history", decided, "--against", copy)
    assert (code, "--verify" in error) == (2, True)
    code, _, error = air("restore", tmp_path / "other", tmp_path / "absent")
    assert (code, "cannot be read" in error) == (1, True)


@pytest.mark.parametrize("seed", range(3))
def test_replaying_the_exported_log_gives_exactly_the_same_labels(
    tmp_path: Path, csv_source: Path, air: Air, seed: int
) -> None:
    chance = random.Random(seed)
    with closing(Workspace.create(tmp_path / "ws", csv_source)) as first:
        items = [str(item) for item in first.dataset.item_ids]
        for _ in range(60):
            who = chance.choice(["ana", "bob"])
            match chance.randint(0, 5):
                case 0:
                    first.labels.undo_last(who)
                case 1:
                    first.labels.redo_last(who)
                case _:
                    action = chance.choice(ACTIONS)
                    label = chance.choice(first.dataset.class_names)
                    score = chance.random()
                    decision = Decision(chance.choice(items), action, label=label, score=score)
                    first.decide([decision], reviewer=who)
            if chance.random() < 0.2:
                assign_conflicts(first.dataset, first.labels, chance.choice(["bob", "eva"]), by="l")
            open_ = [c for c in first.reviews().conflicts if c.settled is None]
            if open_ and chance.random() < 0.3:
                settle(first, Decision(open_[0].item_id, "keep"), reviewer="eva", seen=open_[0])
        assert first.labels.assignments()
        for rule in RULES:
            out = tmp_path / "one" / rule / "labels.csv"
            first.export("csv", out, labels_by=rule, unresolved="given")
        audit = tmp_path / "one" / "majority" / "audit.jsonl"
        assert air("open", csv_source, "--workspace", tmp_path / "other")[0] == 0
        assert air("restore", tmp_path / "other", audit)[0] == 0
        with closing(Workspace.open(tmp_path / "other")) as second:
            assert second.labels.events() == first.labels.events()
            assert second.labels.current() == first.labels.current()
            assert second.current_labels().tolist() == first.current_labels().tolist()
            assert second.excluded().tolist() == first.excluded().tolist()
            assert second.reviews().conflicts == first.reviews().conflicts
            for rule in RULES:
                out = tmp_path / "two" / rule / "labels.csv"
                second.export("csv", out, labels_by=rule, unresolved="given")
                for name in ("labels.csv", "audit.jsonl", "changes.csv"):
                    before = tmp_path / "one" / rule / name
                    assert before.read_bytes() == out.with_name(name).read_bytes()
        # Whoever adds an adjudicator to the copy is found out.
        lines = audit.read_text().splitlines(keepends=True)
        forged = [line.replace('"reviewer":"eva"', '"reviewer":"eve"') for line in lines]
        audit.write_text("".join(forged))
        code, printed, _ = air("history", tmp_path / "other", "--verify", "--against", audit)
        assert (code, "differs from the copy" in printed) == (1, True)
        assert air("restore", tmp_path / "other", audit)[0] == 1


@pytest.mark.postgres
def test_a_team_opens_its_database(
    tmp_path: Path, csv_source: Path, postgres_url: str, air: Air
) -> None:
    words = ("--workspace", tmp_path / "ws", "--database", postgres_url)
    assert air("open", csv_source, *words)[0] == 0
    assert not (tmp_path / "ws" / "labels.sqlite").exists()
    code, _, error = air("history", tmp_path / "ws")
    assert code == 1
    assert "password" in error
    assert "s3cret" not in error


def test_a_row_decided_on_meanwhile_is_listed_and_not_overridden(
    tmp_path: Path, csv_source: Path, air: Air, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "ws"
    assert air("open", csv_source, "--workspace", folder)[0] == 0
    real, met = Workspace.decide, []

    def decide(self: Workspace, decisions: list[Decision], **words: object) -> object:
        if not met:  # a colleague is quicker, on the row that comes second
            met.append(True)
            with closing(Workspace.open(folder)) as colleague:
                item = str(colleague.dataset.item_ids[1])
                colleague.labels.record(
                    [Decision(item, "relabel", label="cat")],
                    reviewer="bob",
                    old_labels={item: "dog"},
                )
        return real(self, decisions, **words)  # type: ignore[arg-type]

    monkeypatch.setattr(Workspace, "decide", decide)
    table = tmp_path / "d.csv"
    table.write_text("path,action,label\nimages/a.png,keep,\nimages/b.png,relabel,emu\n")
    code, printed, _ = air("apply", folder, table, "--reviewer", "ana")
    assert code == 1
    assert "1 decisions recorded, 1 rows not applied" in printed
    assert "row 3: Item" in printed
    assert "bob changed 'dog' to 'cat'" in printed
    assert labels_of(folder) == {"images/a.png": "cat", "images/b.png": "cat"}


def test_a_decision_says_which_features_its_run_was_fitted_on(
    tmp_path: Path, csv_source: Path
) -> None:
    with closing(Workspace.create(tmp_path / "ws", csv_source)) as workspace:
        run = workspace.runs_dir / "20260101T000000000000-air-abcdef"
        run.mkdir()
        (run / "run.json").write_text(json.dumps({"feature_digest": "0123456789abcdef"}))
        for number, name in enumerate((run.name, "", "no-such-run", "../runs/" + run.name)):
            item = str(workspace.dataset.item_ids[number])
            workspace.decide([Decision(item, "keep", run_id=name)], reviewer="ana")
        digests = [event.feature_digest for event in workspace.labels.history()]
        assert digests == ["0123456789abcdef", "", "", ""]
