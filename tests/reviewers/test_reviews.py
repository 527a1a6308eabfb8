from __future__ import annotations

from pathlib import Path

import pytest

from air_core.errors import DecisionError, ExportError
from air_core.reviewers import Reviews, ask_to_settle, assign_conflicts
from air_core.workspace import Workspace
from tests.reviewers.conftest import Say

Items = dict[str, str]


def final(workspace: Workspace, rule: str | None, unresolved: str = "refuse") -> dict[str, str]:
    """What a rule makes of the reviewed images, by letter."""
    decisions = workspace.reviews().decisions(rule, unresolved=unresolved)  # type: ignore[arg-type]
    paths = dict(zip(workspace.dataset.item_ids.tolist(), workspace.dataset.paths, strict=True))
    return {Path(paths[i]).stem: e.new_label or e.action for i, e in sorted(decisions.items())}


def votes(reviews: Reviews, item_id: str) -> dict[str, str]:
    return {c.item_id: {w: str(o) for w, o in c.votes.items()} for c in reviews.conflicts}[item_id]


def test_each_reviewers_own_latest_verdict_counts(
    workspace: Workspace, item: Items, say: Say
) -> None:
    say("ana", "a", "dog")
    say("bob", "a", "keep")
    say("ana", "a", "emu")
    assert votes(workspace.reviews(), item["a"]) == {"ana": "emu", "bob": "cat"}
    workspace.labels.undo_last("ana")
    assert votes(workspace.reviews(), item["a"]) == {"ana": "dog", "bob": "cat"}
    workspace.labels.undo_last("ana")
    assert workspace.reviews().conflicts == ()


def test_equal_outcomes_are_no_conflict_however_they_were_said(
    workspace: Workspace, say: Say
) -> None:
    say("ana", "a", "keep")
    say("bob", "a", "cat")
    say("cem", "a", "unsure")
    assert workspace.reviews().conflicts == ()


def test_majority_and_latest(workspace: Workspace, say: Say) -> None:
    for reviewer, what in (("ana", "dog"), ("bob", "dog"), ("cem", "keep")):
        say(reviewer, "a", what)
    say("ana", "b", "exclude")
    say("bob", "b", "unsure")
    say("ana", "c", "unsure")
    assert final(workspace, "majority") == {"a": "dog", "b": "exclude", "c": "cat"}
    assert final(workspace, "latest") == {"a": "cat", "b": "dog", "c": "cat"}
    assert workspace.reviews().decisions("latest") == workspace.reviewed()


def test_a_tie_is_settled_or_refused_or_left_as_given(
    workspace: Workspace, item: Items, say: Say
) -> None:
    say("ana", "a", "dog")
    say("bob", "a", "emu")
    for rule in ("majority", "adjudicated"):
        with pytest.raises(ExportError, match=r"1 have none: images/a\.png\. .*adjudicate"):
            final(workspace, rule)
        assert final(workspace, rule, "given") == {}
    ask_to_settle(workspace.reviews(), workspace.labels, item["a"], "eva")
    say("eva", "a", "unsure")
    with pytest.raises(ExportError, match="1 have none"):
        final(workspace, "adjudicated")
    say("eva", "a", "keep")
    assert final(workspace, "adjudicated") == final(workspace, "majority") == {"a": "cat"}
    (conflict,) = workspace.reviews().conflicts
    assert (str(conflict.settled), set(conflict.votes)) == ("cat", {"ana", "bob"})


def test_majority_outvotes_the_adjudicator_and_the_adjudicator_the_majority(
    workspace: Workspace, item: Items, say: Say
) -> None:
    for reviewer, what in (("ana", "dog"), ("bob", "dog"), ("cem", "emu")):
        say(reviewer, "a", what)
    ask_to_settle(workspace.reviews(), workspace.labels, item["a"], "eva")
    say("eva", "a", "emu")
    assert final(workspace, "majority") == {"a": "dog"}
    assert final(workspace, "adjudicated") == {"a": "emu"}


def test_a_reviewer_may_adjudicate_and_keeps_their_first_verdict(
    workspace: Workspace, item: Items, say: Say
) -> None:
    say("ana", "a", "dog")
    say("bob", "a", "keep")
    ask_to_settle(workspace.reviews(), workspace.labels, item["a"], "ana")
    say("ana", "a", "keep")
    reviews = workspace.reviews()
    assert votes(reviews, item["a"]) == {"ana": "dog", "bob": "cat"}
    assert final(workspace, "adjudicated") == {"a": "cat"}
    own = reviews.own_verdict(item["a"], "ana")
    assert own is not None
    assert own.action == "keep"


def test_only_conflicts_are_adjudicated(workspace: Workspace, item: Items, say: Say) -> None:
    say("ana", "a", "dog")
    with pytest.raises(DecisionError, match="on which reviewers differ"):
        ask_to_settle(workspace.reviews(), workspace.labels, item["a"], "eva")
    say("bob", "a", "keep")
    made = assign_conflicts(workspace.reviews(), workspace.labels, "eva", by="lead")
    assert [(task.item_id, task.reviewer) for task in made] == [(item["a"], "eva")]
    assert assign_conflicts(workspace.reviews(), workspace.labels, "dan", by="lead") == ()
    assert [task.task for task in workspace.reviews().queue("eva")] == ["adjudication"]
    say("eva", "a", "keep")
    assert workspace.reviews().queue("eva") == ()


def test_blind_reviewers_who_differ_need_a_rule_for_the_export(
    workspace: Workspace, item: Items, say: Say, tmp_path: Path
) -> None:
    say("ana", "a", "dog")
    say("bob", "a", "emu")
    # Nobody asked bob for a blind review: he changed what he saw.
    assert workspace.export("csv", tmp_path / "x" / "clean.csv").changed == 1
    workspace.labels.assign([(item["a"], "bob")], task="second", assigned_by="eva")
    with pytest.raises(ExportError, match=r"reviewers differ.*--labels-by"):
        workspace.export_bytes()
    with pytest.raises(ExportError, match=r"reviewers differ.*--labels-by"):
        workspace.export("csv", tmp_path / "y" / "clean.csv")
    assert not (tmp_path / "y").exists()
    assert b"a.png,emu" in workspace.export_bytes(labels_by="latest")
    assert b"a.png,cat" in workspace.export_bytes(labels_by="majority", unresolved="given")
    with pytest.raises(ExportError, match="a rule among latest, majority, adjudicated"):
        workspace.export_bytes(labels_by="dice")  # type: ignore[arg-type]
