from __future__ import annotations

import pytest

from air_core.errors import DecisionError
from air_core.labels import Decision, LabelEvent, LabelStore
from air_core.labels.models import Action
from tests.labels.conftest import GIVEN, in_force, relabel


def test_every_detail_of_a_decision_is_kept(store: LabelStore) -> None:
    decision = Decision(
        "a",
        "relabel",
        label="dog",
        reason="has a collar",
        detector="air-margin",
        score=0.25,
        lambda_g=0.0078,
        suggested_label="emu",
        run_id="run-1",
        feature_digest="0f0f",
    )
    (event,) = store.record([decision], reviewer="ana", old_labels=GIVEN, operation_id="tab-1:7")
    assert store.history() == [event]
    assert event == LabelEvent(
        event_id=1,
        batch_id=event.batch_id,
        item_id="a",
        action="relabel",
        old_label="cat",
        new_label="dog",
        reviewer="ana",
        reason="has a collar",
        created_at=event.created_at,
        detector="air-margin",
        score=0.25,
        lambda_g=0.0078,
        suggested_label="emu",
        run_id="run-1",
        undoes=None,
        operation_id="tab-1:7",
        feature_digest="0f0f",
        hash=event.hash,
    )
    assert event.created_at.endswith("+00:00")


@pytest.mark.parametrize(
    ("action", "new_label"), [("keep", "cat"), ("unsure", "cat"), ("exclude", None)]
)
def test_what_each_action_makes_of_the_label(
    store: LabelStore, action: Action, new_label: str | None
) -> None:
    relabel(store, "a", "emu")
    (event,) = store.record([Decision("a", action)], reviewer="ana", old_labels=GIVEN)
    assert (event.old_label, event.new_label) == ("emu", new_label)


def test_the_latest_decision_is_in_force(store: LabelStore) -> None:
    relabel(store, "a", "dog")
    relabel(store, "a", "emu", reviewer="bob")
    assert in_force(store) == {"a": "emu"}


def test_undo_gives_the_label_back_and_undoing_that_is_a_redo(store: LabelStore) -> None:
    event = relabel(store, "a", "dog")
    (undo,) = store.undo(event.event_id, reviewer="bob")
    assert (undo.action, undo.undoes, undo.old_label, undo.new_label) == ("undo", 1, "dog", "cat")
    assert in_force(store) == {}
    (redo,) = store.undo(undo.event_id, reviewer="ana")
    assert (redo.old_label, redo.new_label) == ("cat", "dog")
    assert in_force(store) == {"a": "dog"}
    assert len(store.history()) == 3


def test_an_earlier_event_is_simply_taken_out(store: LabelStore) -> None:
    first = relabel(store, "a", "dog")
    second = relabel(store, "a", "emu")
    store.undo(first.event_id, reviewer="ana")
    assert in_force(store) == {"a": "emu"}
    store.undo(second.event_id, reviewer="ana")
    assert in_force(store) == {}


def test_undoing_the_latest_brings_back_the_one_before(store: LabelStore) -> None:
    relabel(store, "a", "dog")
    second = relabel(store, "a", "emu")
    (undo,) = store.undo(second.event_id, reviewer="ana")
    assert undo.new_label == "dog"
    assert in_force(store) == {"a": "dog"}


def test_undoing_twice_tells_who_was_first(store: LabelStore) -> None:
    event = relabel(store, "a", "dog")
    (undo,) = store.undo(event.event_id, reviewer="bob")
    with pytest.raises(DecisionError, match=f"already undone by bob at {undo.created_at[:19]}"):
        store.undo(event.event_id, reviewer="ana")
    with pytest.raises(DecisionError, match="got 99"):
        store.undo(99, reviewer="ana")
    assert len(store.history()) == 2


def test_a_batch_is_undone_as_one(store: LabelStore) -> None:
    decisions = [Decision(item, "exclude") for item in "abc"]
    events = store.record(decisions, reviewer="ana", old_labels=GIVEN)
    assert len({event.batch_id for event in events}) == 1
    store.undo(events[0].event_id, reviewer="ana")
    undone = store.undo_batch(events[0].batch_id, reviewer="bob")
    assert [event.undoes for event in undone] == [2, 3]
    with pytest.raises(DecisionError, match="already undone"):
        store.undo_batch(events[0].batch_id, reviewer="bob")
    with pytest.raises(DecisionError, match="'no such'"):
        store.undo_batch("no such", reviewer="bob")


def test_undo_last_and_redo_last_walk_back_and_forth(store: LabelStore) -> None:
    store.record(
        [Decision("a", "exclude"), Decision("b", "exclude")], reviewer="ana", old_labels=GIVEN
    )
    relabel(store, "c", "emu")
    relabel(store, "c", "cat", reviewer="bob")
    assert [e.item_id for e in store.undo_last("ana")] == ["c"]
    assert [e.item_id for e in store.undo_last("ana")] == ["a", "b"]
    assert store.undo_last("ana") == ()
    assert in_force(store) == {"c": "cat"}
    assert [e.item_id for e in store.redo_last("ana")] == ["a", "b"]
    assert [e.item_id for e in store.redo_last("ana")] == ["c"]
    assert store.redo_last("ana") == ()
    assert in_force(store) == {"a": None, "b": None, "c": "cat"}
    assert [e.item_id for e in store.undo_last("ana")] == ["c"]


def test_a_new_decision_ends_redo_for_its_reviewer_only(store: LabelStore) -> None:
    for reviewer, item in (("ana", "a"), ("bob", "b")):
        relabel(store, item, "emu", reviewer=reviewer)
        store.undo_last(reviewer)
    relabel(store, "c", "dog", reviewer="ana")
    assert store.redo_last("ana") == ()
    assert [e.item_id for e in store.redo_last("bob")] == ["b"]


def test_a_resent_operation_is_stored_once(store: LabelStore) -> None:
    decisions = [Decision("a", "exclude"), Decision("b", "keep")]
    first = store.record(decisions, reviewer="ana", old_labels=GIVEN, operation_id="tab:1")
    again = store.record(decisions, reviewer="ana", old_labels=GIVEN, operation_id="tab:1")
    undone = store.undo_last("ana", operation_id="tab:2")
    assert again == first
    assert store.undo_last("ana", operation_id="tab:2") == undone
    assert len(store.history()) == 4
    assert store.applied("tab") == 2
    assert store.applied("other") == 0


def test_an_operation_with_nothing_to_do_is_acknowledged_too(store: LabelStore) -> None:
    assert store.undo_last("ana", operation_id="tab:5") == ()
    assert store.applied("tab") == 5
    relabel(store, "a", "dog")
    assert store.undo_last("ana", operation_id="tab:5") == ()
    assert in_force(store) == {"a": "dog"}


@pytest.mark.parametrize("operation", ["", "tab", "tab:", ":1", "tab:x", "tab:-1"])
def test_malformed_operation_ids_are_refused(store: LabelStore, operation: str) -> None:
    with pytest.raises(DecisionError, match="client:number"):
        store.undo_last("ana", operation_id=operation)


def test_a_refused_batch_leaves_no_trace(store: LabelStore) -> None:
    twice = [Decision("a", "keep"), Decision("a", "exclude")]
    with pytest.raises(DecisionError, match="item a twice"):
        store.record(twice, reviewer="ana", old_labels=GIVEN)
    with pytest.raises(DecisionError, match="name of a reviewer"):
        store.record([Decision("a", "keep")], reviewer=" ", old_labels=GIVEN)
    with pytest.raises(DecisionError, match="got 1"):
        store.undo(1, reviewer="ana", operation_id="tab:1")
    assert store.history() == []
    assert store.applied("tab") == 0


def test_impossible_decisions_cannot_be_made() -> None:
    with pytest.raises(DecisionError, match="keep, relabel, exclude, unsure"):
        Decision("a", "delete")  # type: ignore[arg-type]
    with pytest.raises(DecisionError, match="Expected a label"):
        Decision("a", "relabel")


def test_history_by_item_and_reviewer(store: LabelStore) -> None:
    relabel(store, "a", "dog")
    relabel(store, "b", "cat", reviewer="bob")
    store.undo_last("ana")
    assert [e.event_id for e in store.history()] == [1, 2, 3]
    assert [e.event_id for e in store.history(item_id="a")] == [1, 3]
    assert [e.event_id for e in store.history(reviewer="bob")] == [2]


def test_chosen_events_are_undone_together_after_saying_what_that_does(store: LabelStore) -> None:
    for item, label in (("a", "dog"), ("b", "emu"), ("a", "cow")):
        relabel(store, item, label)
    store.undo(2, reviewer="bob")
    # Event 2 and its undo cancel; of the rest, the newest of an item comes first.
    changes = store.undoing([1, 2, 3, 4])
    assert [(e.event_id, old, new) for e, old, new in changes] == [
        (3, "cow", "dog"),
        (1, "dog", "cat"),
    ]
    assert in_force(store) == {"a": "cow"}, "so far nothing is done"
    with pytest.raises(DecisionError, match="Event 2 was already undone by bob"):
        store.undo_events([1, 2], reviewer="ana")
    with pytest.raises(DecisionError, match="got none"):
        store.undo_events([], reviewer="ana")
    made = store.undo_events([3, 1, 4], reviewer="ana")
    assert len({event.batch_id for event in made}) == 1
    assert in_force(store) == {"b": "emu"}
    assert [e.undoes for e in store.next_redo("ana")] == [3, 1, 4]
    store.redo_last("ana")
    assert in_force(store) == {"a": "cow"}
    assert [e.event_id for e in store.next_undo("ana")] == [3]
    assert store.next_redo("ana") == []
