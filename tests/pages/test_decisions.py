"""From the grid to the label store: in order, once, and with what the reviewer saw."""

from __future__ import annotations

import pytest

from air_core.errors import DecisionError
from air_core.labels.assignments import Handout
from air_core.workspace import Workspace
from pages.components.grid import Basis, GridOperation, ItemDecision, Meanwhile
from pages.components.grid.operations import parse
from pages.decisions import Receipts, commit

ANA, BOB = Basis("ana"), Basis("bob")


@pytest.fixture
def opened(audited):
    workspace = Workspace.open(audited)
    yield workspace
    workspace.close()


def send(workspace, operations, receipts):
    return commit(workspace, operations, receipts)


def keep(workspace, number, *rows, client="c"):
    made = tuple(ItemDecision(str(workspace.dataset.item_ids[row]), "keep") for row in rows)
    return GridOperation(client, number, "decide", ANA, made)


def test_a_decision_carries_what_led_to_it_also_after_a_refit(opened):
    item = str(opened.dataset.item_ids[5])
    saw = ItemDecision(item, "relabel", "disc", suggested="noise", score=0.123456789)
    basis = Basis("béla", "svm-margin", 0.25, "a run of before")
    assert send(opened, [GridOperation("c", 1, "decide", basis, (saw,))], Receipts()) == ""
    (event,) = opened.labels.history()
    assert (event.action, event.new_label, event.reviewer) == ("relabel", "disc", "béla")
    assert (event.detector, event.lambda_g, event.run_id) == (
        "svm-margin",
        0.25,
        "a run of before",
    )
    assert (event.suggested_label, event.score) == ("noise", 0.123456789)
    assert event.operation_id == "c:1"


def test_a_resend_counts_once_also_in_a_new_session(opened):
    first, second = Receipts(), Receipts()
    send(opened, [keep(opened, 1, 0), keep(opened, 2, 1)], first)
    send(opened, [keep(opened, 1, 0), keep(opened, 2, 1), keep(opened, 3, 2)], second)
    assert [event.operation_id for event in opened.labels.history()] == ["c:1", "c:2", "c:3"]
    assert (first.settled, second.settled) == ({"c": 2}, {"c": 3})


def test_two_clients_have_numbers_of_their_own(opened):
    receipts = Receipts()
    send(opened, [keep(opened, 1, 0), keep(opened, 1, 1, client="d")], receipts)
    assert receipts.settled == {"c": 1, "d": 1}
    assert len(opened.reviewed()) == 2


def test_undo_and_redo_take_a_whole_batch(opened):
    receipts = Receipts()
    send(opened, [keep(opened, 1, 0), keep(opened, 2, 1, 2, 3)], receipts)
    send(opened, [GridOperation("c", 3, "undo", ANA)], receipts)
    assert len(opened.reviewed()) == 1
    send(opened, [GridOperation("c", 4, "redo", ANA)], receipts)
    assert len(opened.reviewed()) == 4


def test_an_undo_with_nothing_to_undo_is_settled_for_good(opened):
    receipts = Receipts()
    undo = GridOperation("c", 1, "undo", ANA)
    send(opened, [undo], receipts)
    send(opened, [keep(opened, 1, 0, client="another tab")], Receipts())
    send(opened, [undo], receipts)
    assert len(opened.reviewed()) == 1


def test_what_can_never_succeed_is_refused_and_the_rest_goes_on(opened):
    receipts = Receipts()
    item = str(opened.dataset.item_ids[0])
    operations = [
        GridOperation("c", 1, "decide", ANA, (ItemDecision("f" * 16, "keep"),)),
        GridOperation("c", 2, "decide", ANA, (ItemDecision(item, "relabel", "no such class"),)),
        GridOperation(
            "c", 3, "decide", ANA, (ItemDecision(item, "keep"), ItemDecision(item, "keep"))
        ),
        keep(opened, 4, 5),
    ]
    assert send(opened, operations, receipts) == ""
    assert list(receipts.rejected) == ["c:1", "c:2", "c:3"]
    assert receipts.settled == {"c": 4}
    assert len(opened.labels.history()) == 1


def test_a_store_that_fails_keeps_the_queue_and_its_order(opened, monkeypatch):
    receipts = Receipts()

    def locked(*_, **__):
        raise DecisionError("The decision could not be stored: database is locked.")

    operations = [keep(opened, 1, 0), keep(opened, 2, 1)]
    with monkeypatch.context() as patch:
        patch.setattr(Workspace, "decide", locked)
        assert "locked" in send(opened, operations, receipts)
    assert (receipts.settled, receipts.rejected) == ({}, {})
    assert send(opened, operations, receipts) == ""
    assert [event.operation_id for event in opened.labels.history()] == ["c:1", "c:2"]


# -- two reviewers at once -------------------------------------------------------------------


def saw(workspace, number, seen, action="keep", row=0, who=ANA, label=None):
    """One decision by somebody who saw event ``seen`` in force (0: none)."""
    item = str(workspace.dataset.item_ids[row])
    made = ItemDecision(item, action, label, seen=seen)
    return GridOperation(who.reviewer, number, "decide", who, (made,))


def in_force(workspace, row=0):
    event = workspace.labels.current().get(str(workspace.dataset.item_ids[row]))
    return None if event is None else (event.reviewer, event.action)


def test_a_newer_decision_of_somebody_else_is_not_overwritten_unseen(opened):
    item = str(opened.dataset.item_ids[0])
    send(opened, [saw(opened, 1, 0, "relabel", who=BOB, label="disc")], Receipts())
    theirs = opened.labels.current()[item]
    receipts = Receipts()
    assert (
        send(opened, [saw(opened, 1, 0, "exclude"), keep(opened, 2, 1, client="ana")], receipts)
        == ""
    )
    assert in_force(opened) == ("bob", "relabel")
    assert receipts.conflicts == {
        "ana:1": {item: Meanwhile("bob", "relabel", "disc", theirs.created_at, theirs.event_id)}
    }
    assert (receipts.settled, receipts.rejected) == ({"ana": 2}, {})
    assert in_force(opened, 1) == ("ana", "keep"), "what comes after it is stored"

    # Overwriting is a decision on top of theirs, which by now was seen.
    send(opened, [saw(opened, 3, theirs.event_id, "exclude")], receipts)
    assert in_force(opened) == ("ana", "exclude")


def test_taking_back_is_a_change_too(opened):
    send(opened, [saw(opened, 1, 0, who=BOB)], Receipts())
    send(opened, [GridOperation("bob", 2, "undo", BOB)], Receipts())
    receipts = Receipts()
    send(opened, [saw(opened, 1, 1, "exclude")], receipts)
    (met,) = receipts.conflicts["ana:1"].values()
    assert (met.reviewer, met.action, met.label, met.seen) == ("bob", None, None, 0)
    assert in_force(opened) is None


@pytest.mark.parametrize("between", [[], ["undo"], ["undo", "redo"], ["undo", "redo", "undo"]])
def test_ones_own_queue_never_stands_in_its_own_way(opened, between):
    """All of it was made while the page still showed what was in force before."""
    send(opened, [saw(opened, 1, 0)], Receipts())
    steps = [GridOperation("ana", 3 + n, kind, ANA) for n, kind in enumerate(between)]
    receipts = Receipts()
    queue = [saw(opened, 2, 1, "unsure"), *steps, saw(opened, 9, 1, "exclude")]
    assert send(opened, queue, receipts) == ""
    assert receipts.conflicts == {}
    assert in_force(opened) == ("ana", "exclude")


def test_ones_own_undo_of_what_was_seen_is_no_conflict(opened):
    send(opened, [saw(opened, 1, 0)], Receipts())
    receipts = Receipts()
    send(opened, [GridOperation("ana", 2, "undo", ANA), saw(opened, 3, 1, "exclude")], receipts)
    assert receipts.conflicts == {}
    assert in_force(opened) == ("ana", "exclude")


def test_somebody_between_two_of_ones_own_is_a_conflict(opened):
    send(opened, [saw(opened, 1, 0)], Receipts())
    send(opened, [saw(opened, 1, 1, "unsure", who=BOB)], Receipts())
    receipts = Receipts()
    send(opened, [saw(opened, 2, 0, "exclude")], receipts)
    assert list(receipts.conflicts) == ["ana:2"]
    assert in_force(opened) == ("bob", "unsure")


def test_of_a_batch_only_what_has_changed_waits(opened):
    send(opened, [saw(opened, 1, 0, row=1, who=BOB)], Receipts())
    items = [str(opened.dataset.item_ids[row]) for row in range(3)]
    batch = tuple(ItemDecision(item, "exclude", seen=0) for item in items)
    receipts = Receipts()
    send(opened, [GridOperation("ana", 1, "decide", ANA, batch)], receipts)
    assert list(receipts.conflicts["ana:1"]) == [items[1]]
    assert [in_force(opened, row) for row in range(3)] == [
        ("ana", "exclude"), ("bob", "keep"), ("ana", "exclude"),
    ]  # fmt: skip
    send(opened, [GridOperation("ana", 2, "undo", ANA, of="ana:1")], receipts)
    assert [in_force(opened, row) for row in range(3)] == [None, ("bob", "keep"), None]


def test_undo_of_what_was_not_stored_takes_nothing_else_back(opened):
    send(opened, [saw(opened, 1, 0, row=1)], Receipts())
    send(opened, [saw(opened, 1, 0, who=BOB)], Receipts())
    receipts = Receipts()
    undo = GridOperation("ana", 3, "undo", ANA, of="ana:2")
    redo = GridOperation("ana", 4, "redo", ANA, of="ana:2")
    send(opened, [saw(opened, 2, 0, "exclude"), undo, redo], receipts)
    assert receipts.settled == {"ana": 4}
    assert in_force(opened, 1) == ("ana", "keep")
    assert in_force(opened, 0) == ("bob", "keep")


def test_who_judges_blindly_neither_waits_nor_hears_of_others(opened):
    item = str(opened.dataset.item_ids[0])
    turns = Handout([(item, "ana"), (item, "bob")])
    opened.labels.assign(turns, task="second", by="eve")
    send(opened, [saw(opened, 1, 0, who=BOB)], Receipts())
    receipts = Receipts()
    send(opened, [saw(opened, 1, 0, "exclude")], receipts)
    assert receipts.conflicts == {}
    assert in_force(opened) == ("ana", "exclude")


def test_a_change_between_look_and_lock_is_noticed(opened, monkeypatch):
    decide = Workspace.decide

    def quicker(workspace, *args, **options):
        monkeypatch.setattr(Workspace, "decide", decide)
        send(opened, [saw(opened, 1, 0, who=BOB)], Receipts())
        return decide(workspace, *args, **options)

    monkeypatch.setattr(Workspace, "decide", quicker)
    receipts = Receipts()
    assert send(opened, [saw(opened, 1, 0, "exclude")], receipts) == ""
    assert list(receipts.conflicts) == ["ana:1"]
    assert in_force(opened) == ("bob", "keep")


# -- what a session that has ended did not live to tell ----------------------------------------


def test_a_conflict_is_told_again_by_the_session_after(opened):
    send(opened, [saw(opened, 1, 0, "relabel", who=BOB, label="disc")], Receipts())
    queue = [saw(opened, 1, 0, "exclude"), saw(opened, 2, 0, row=1)]
    first, second = Receipts(), Receipts()
    for receipts in (first, second):
        assert send(opened, queue, receipts) == ""
        assert receipts.settled == {"ana": 2}
    assert list(first.conflicts) == ["ana:1"]
    assert second.conflicts == first.conflicts
    assert len(opened.labels.history()) == 2


def test_what_waits_of_a_batch_is_told_again_and_the_rest_not_stored_again(opened):
    send(opened, [saw(opened, 1, 0, row=1, who=BOB)], Receipts())
    items = [str(opened.dataset.item_ids[row]) for row in range(2)]
    made = tuple(ItemDecision(item, "exclude", seen=0) for item in items)
    batch = GridOperation("ana", 1, "decide", ANA, made)
    send(opened, [batch], Receipts())
    receipts = Receipts()
    send(opened, [batch], receipts)
    assert list(receipts.conflicts["ana:1"]) == [items[1]]
    assert len(opened.labels.history()) == 2
    send(opened, [GridOperation("bob", 2, "undo", BOB)], Receipts())
    receipts = Receipts()
    send(opened, [batch], receipts)
    assert "Decide about them again" in receipts.rejected["ana:1"]
    assert in_force(opened, 1) is None


def test_a_refusal_is_told_again_by_the_session_after(opened):
    unknown = GridOperation("c", 1, "decide", ANA, (ItemDecision("f" * 16, "keep"),))
    send(opened, [unknown, keep(opened, 2, 0)], Receipts())
    receipts = Receipts()
    send(opened, [unknown, keep(opened, 2, 0)], receipts)
    assert list(receipts.rejected) == ["c:1"]
    assert len(opened.labels.history()) == 1


def test_what_was_decided_anew_since_is_not_brought_back_by_a_resend(opened):
    send(opened, [saw(opened, 1, 0, who=BOB)], Receipts())
    first, then = saw(opened, 1, 0, "exclude"), saw(opened, 2, 1, "unsure")
    send(opened, [first, then], Receipts())
    receipts = Receipts()
    send(opened, [first, then], receipts)
    assert in_force(opened) == ("ana", "unsure")
    assert (receipts.conflicts, receipts.rejected) == ({}, {})


def test_an_undo_takes_back_what_it_names_and_not_what_another_tab_did_since(opened):
    receipts = Receipts()
    send(opened, [keep(opened, 1, 0, client="a"), keep(opened, 1, 1, client="b")], receipts)
    send(opened, [GridOperation("a", 2, "undo", ANA, of="a:1")], receipts)
    assert [in_force(opened, row) for row in (0, 1)] == [None, ("ana", "keep")]
    send(opened, [GridOperation("a", 3, "redo", ANA, of="a:1")], receipts)
    assert [in_force(opened, row) for row in (0, 1)] == [("ana", "keep")] * 2
    send(opened, [GridOperation("b", 2, "undo", ANA, of="b:1")], receipts)
    send(opened, [GridOperation("a", 4, "undo", ANA, of="b:1")], receipts)
    assert "a:4" in receipts.rejected, "another tab was quicker"
    assert in_force(opened, 0) == ("ana", "keep")


def test_only_what_was_decided_in_this_workspace_is_taken(opened):
    item = str(opened.dataset.item_ids[0])
    basis = {"reviewer": "ana", "detector": "", "run_id": "", "lambda_g": None}
    sent = {"client": "c", "n": 1, "kind": "decide", "basis": basis,
            "decisions": [[item, "keep", None, None, None, 0]]}  # fmt: skip
    (own,) = parse([{**sent, "workspace": "here"}], "here-now")
    assert own.decisions[0].item_id == item
    assert parse([{**sent, "workspace": "there"}, sent, "noise"], "here-now") == ()


def test_what_cannot_be_read_is_refused_and_not_sent_for_ever(opened):
    sent = {"client": "c", "n": 1, "kind": "decide", "decisions": [], "workspace": "here"}
    receipts = Receipts()
    send(opened, [*parse([sent], "here-now"), keep(opened, 2, 0)], receipts)
    assert "cannot be read" in receipts.rejected["c:1"]
    assert receipts.settled == {"c": 2}
