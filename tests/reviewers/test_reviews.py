from __future__ import annotations

from pathlib import Path

import pytest

from air_core.decisions import settle
from air_core.errors import DecisionError, ExportError
from air_core.labels import Decision
from air_core.labels.assignments import Handout
from air_core.reviewers import Reviews, assign_conflicts
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
    assign_conflicts(workspace.dataset, workspace.labels, "eva", by="lea")
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
    assign_conflicts(workspace.dataset, workspace.labels, "eva", by="lea")
    say("eva", "a", "emu")
    assert final(workspace, "majority") == {"a": "dog"}
    assert final(workspace, "adjudicated") == {"a": "emu"}


def test_a_reviewer_may_adjudicate_and_keeps_their_first_verdict(
    workspace: Workspace, item: Items, say: Say
) -> None:
    say("ana", "a", "dog")
    say("bob", "a", "keep")
    assign_conflicts(workspace.dataset, workspace.labels, "ana", by="lea")
    say("ana", "a", "keep")
    reviews = workspace.reviews()
    assert votes(reviews, item["a"]) == {"ana": "dog", "bob": "cat"}
    assert final(workspace, "adjudicated") == {"a": "cat"}
    own = reviews.own_verdict(item["a"], "ana")
    assert own is not None
    assert own.action == "keep"


def test_only_conflicts_are_adjudicated(workspace: Workspace, item: Items, say: Say) -> None:
    say("ana", "a", "dog")
    with pytest.raises(DecisionError, match=r"on which reviewers differ, got images/a\.png"):
        settle(workspace, Decision(item["a"], "keep"), reviewer="eva")
    say("bob", "a", "keep")
    made = assign_conflicts(workspace.dataset, workspace.labels, "eva", by="lead")
    assert [(task.item_id, task.reviewer) for task in made] == [(item["a"], "eva")]
    assert assign_conflicts(workspace.dataset, workspace.labels, "dan", by="lead") == ()
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
    workspace.labels.assign(Handout([(item["a"], "bob")]), task="second", by="eva")
    with pytest.raises(ExportError, match=r"reviewers differ.*--labels-by"):
        workspace.export_bytes()
    with pytest.raises(ExportError, match=r"reviewers differ.*--labels-by"):
        workspace.export("csv", tmp_path / "y" / "clean.csv")
    assert not (tmp_path / "y").exists()
    assert b"a.png,emu" in workspace.export_bytes(labels_by="latest")
    assert b"a.png,cat" in workspace.export_bytes(labels_by="majority", unresolved="given")
    with pytest.raises(ExportError, match="a rule among latest, majority, adjudicated"):
        workspace.export_bytes(labels_by="dice")  # type: ignore[arg-type]


def test_an_unsure_adjudicator_settles_nothing_and_another_may(
    workspace: Workspace, item: Items, say: Say
) -> None:
    dataset, store = workspace.dataset, workspace.labels
    say("ana", "a", "dog")
    say("bob", "a", "emu")
    assign_conflicts(dataset, store, "eva", by="lea")
    say("eva", "a", "unsure")
    (conflict,) = workspace.reviews().conflicts
    assert (conflict.settled, conflict.adjudication) == (None, None)
    assert workspace.reviews().queue("eva") == (), "she has answered"
    (again,) = assign_conflicts(dataset, store, "dan", by="lea")
    assert (again.item_id, again.reviewer) == (item["a"], "dan")
    say("dan", "a", "emu")
    say("eva", "a", "unsure")
    (conflict,) = workspace.reviews().conflicts
    assert str(conflict.settled) == "emu", "what one has settled, the doubt of another leaves"
    assert final(workspace, "adjudicated") == {"a": "emu"}
    say("dan", "a", "unsure")
    assert workspace.reviews().conflicts[0].settled is None


def test_settling_is_one_step_of_the_log(workspace: Workspace, item: Items, say: Say) -> None:
    say("ana", "a", "dog")
    say("bob", "a", "emu")
    (seen,) = workspace.reviews().conflicts
    with pytest.raises(DecisionError, match="one of the classes"):
        settle(workspace, Decision(item["a"], "relabel", "elk"), reviewer="eva", seen=seen)
    assert len(workspace.labels.events()) == 2, "nobody was asked for what was not decided"
    event = settle(workspace, Decision(item["a"], "relabel", "cat"), reviewer="eva", seen=seen)
    assert [e.action for e in workspace.labels.events()] == ["relabel"] * 2 + ["assign", "relabel"]
    assert event.reason == "adjudicated (ana: dog, bob: emu)"
    (settled,) = workspace.reviews().conflicts
    assert (str(settled.settled), settled.adjudication) == ("cat", event)
    # Who has not seen that must look again; who has may settle it anew without being asked twice.
    with pytest.raises(DecisionError, match=r"images/a\.png has changed since"):
        settle(workspace, Decision(item["a"], "keep"), reviewer="dan", seen=seen)
    settle(workspace, Decision(item["a"], "exclude"), reviewer="eva", seen=settled)
    assert len(workspace.labels.assignments()) == 1
    say("bob", "a", "dog")
    assert workspace.reviews().conflicts == ()
    assert workspace.labels.verify().problems == ()
