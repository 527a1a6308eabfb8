"""From the grid to the label store: in order, once, and with what the reviewer saw."""

from __future__ import annotations

import pytest

from air_core.errors import DecisionError
from air_core.workspace import Workspace
from pages.components.grid import Basis, GridOperation, ItemDecision
from pages.decisions import Receipts, commit

ANA = Basis("ana")


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
    assert (receipts.settled, receipts.rejected) == ({"c": 0}, {})
    assert send(opened, operations, receipts) == ""
    assert [event.operation_id for event in opened.labels.history()] == ["c:1", "c:2"]
