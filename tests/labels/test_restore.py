"""A copied log goes back into a database, and nothing that is none."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from air_core.errors import DecisionError
from air_core.labels import Decision, LabelStore


def test_a_copy_restores_the_log_as_it_was(
    filled: LabelStore, make_store: Callable[[], LabelStore]
) -> None:
    other = make_store()
    assert other.restore(filled.events()[:3]) == 3
    assert other.restore(filled.events()) == 4
    assert other.restore(filled.events()[:2]) == 0
    assert other.events() == filled.events()
    assert other.assignments() == filled.assignments()
    assert other.current() == filled.current()
    assert other.applied("tab") == 1
    assert other.verify() == filled.verify()
    # And it goes on from there as the first one does.
    assert [e.undoes for e in other.undo_last("bob")] == [e.undoes for e in filled.undo_last("bob")]


def test_a_copy_is_refused_where_it_does_not_belong(
    filled: LabelStore, make_store: Callable[[], LabelStore]
) -> None:
    other = make_store()
    events = filled.events()
    with pytest.raises(DecisionError, match="Event 2 is missing"):
        other.restore([events[0], *events[2:]])
    with pytest.raises(DecisionError, match="Event 3 does not follow"):
        other.restore([*events[:2], dataclasses.replace(events[2], reason="x"), *events[3:]])
    with pytest.raises(DecisionError, match="Event 4 is missing"):
        other.restore([*events[:3], *events[4:]])
    assert other.events() == []
    other.record([Decision("z", "keep")], reviewer="ana", old_labels={"z": "cat"})
    with pytest.raises(DecisionError, match="one of 1 other events"):
        other.restore(events)
    assert len(other.history()) == 1


def test_a_copy_of_any_length_can_be_followed_by_the_whole_log(
    filled: LabelStore, make_store: Callable[[], LabelStore]
) -> None:
    events = filled.events()
    # The first two are one batch of one operation.
    assert events[0].batch_id == events[1].batch_id
    for count in range(len(events) + 1):
        other = make_store()
        assert other.restore(events[:count]) == count
        assert other.restore(events) == len(events) - count
        assert other.events() == events
        assert other.applied("tab") == 1
