from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from air_core.errors import DecisionError
from air_core.labels import Decision, Event, LabelStore
from air_core.labels.assignments import Handout
from air_core.labels.database import open_engine
from air_core.labels.schema import upgrade, version_of
from tests.labels.conftest import GIVEN, relabel
from tests.labels.worker import answers, start


def test_assignments_stay_in_the_order_handed_out(store: LabelStore, target: str | Path) -> None:
    store.record([Decision("a", "keep")], reviewer="ana", old_labels=GIVEN)
    first = store.assign(Handout([("b", "ana"), ("a", "bob")]), task="review", by="eva")
    sample = store.assign(Handout([("b", "bob")], population=1), task="sample", by="eva")
    with closing(LabelStore(target)) as again:
        assert again.assignments() == (*first, *sample)
    assert [a.event_id for a in (*first, *sample)] == [2, 3, 4]
    assert [event.action for event in store.events()] == ["keep", "assign", "assign", "assign"]
    assert [(a.item_id, a.reviewer, a.task) for a in first] == [
        ("b", "ana", "review"),
        ("a", "bob", "review"),
    ]
    assert first[0].batch_id == first[1].batch_id != sample[0].batch_id
    assert (sample[0].after_event, sample[0].population, sample[0].assigned_by) == (3, 1, "eva")
    assert store.assign(Handout([]), task="review", by="eva") == ()


def test_nobody_assigns(store: LabelStore) -> None:
    with pytest.raises(DecisionError, match="who assigns"):
        store.assign(Handout([("a", "ana")]), task="review", by=" ")


@pytest.mark.parametrize(
    "statement", ["UPDATE assignments SET reviewer = 'bob'", "DELETE FROM assignments"]
)
def test_the_database_refuses_changes(
    store: LabelStore, target: str | Path, statement: str
) -> None:
    made = store.assign(Handout([("a", "ana")]), task="review", by="eva")
    engine = open_engine(target)
    with pytest.raises(SQLAlchemyError, match="append-only"), engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()
    assert store.assignments() == made


def test_a_log_of_version_2_gets_its_assignments(target: str | Path) -> None:
    engine = open_engine(target)
    with engine.execution_options(writes=True).begin() as connection:
        upgrade(connection, to=2)
    with engine.connect() as connection:
        assert version_of(connection) == 2
    engine.dispose()
    with closing(LabelStore(target)) as store:
        assert store.assignments() == ()
        assert len(store.assign(Handout([("a", "ana")]), task="review", by="eva")) == 1


def test_an_assignment_cannot_be_taken_back_and_stops_no_undo(store: LabelStore) -> None:
    relabel(store, "a", "dog")
    store.assign(Handout([("b", "ana")]), task="review", by="eva")
    relabel(store, "b", "emu")
    with pytest.raises(DecisionError, match="event 2 is an assignment to ana, which stays"):
        store.undo(2, reviewer="ana")
    assert [event.event_id for event, _, _ in store.undoing(range(1, 4))] == [1, 3]
    assert [event.undoes for event in store.undo_range(1, 3, reviewer="ana")] == [1, 3]
    assert [event.event_id for event in store.events()] == [1, 2, 3, 4, 5]
    assert store.verify().problems == ()


def test_what_is_handed_out_is_chosen_under_the_lock(store: LabelStore, target: str | Path) -> None:
    seen: list[int] = []

    def choose(events: Sequence[Event]) -> Handout:
        seen.append(len(events))
        return Handout([(f"i{len(events)}", "ana")])

    with closing(LabelStore(target)) as other:
        relabel(other, "a", "dog")
        (made,) = store.assign(choose, task="review", by="eva")
        (more,) = other.assign(choose, task="review", by="eva")
    assert (seen, made.item_id, more.item_id) == ([1, 2], "i1", "i2")


@pytest.mark.slow
def test_two_programs_that_hand_out_at_once_hand_out_nothing_twice(target: str | Path) -> None:
    LabelStore(target).close()
    workers = [start("hand_out", target, f"r{n}", 10) for n in range(4)]
    given = [json.loads(line) for worker in workers for line in answers(worker)]
    assert [len(items) for items in given] == [5] * 40
    with closing(LabelStore(target)) as store:
        items = [task.item_id for task in store.assignments()]
        assert len(items) == len(set(items)) == 200
        assert store.verify().problems == ()
