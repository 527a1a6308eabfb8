"""The view in the database says what the program says, however decisions were taken back."""

from __future__ import annotations

import itertools
from contextlib import suppress
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from air_core.errors import DecisionError
from air_core.labels import Decision, LabelStore
from air_core.labels.models import ACTIONS
from tests.conftest import THOROUGH

WHO = ("ana", "bob")
fresh = itertools.count()


@dataclass(frozen=True)
class Step:
    kind: str
    who: str
    items: tuple[int, ...]
    action: int
    first: int
    length: int


steps = st.lists(
    st.builds(
        Step,
        kind=st.sampled_from(["decide", "decide", "undo", "undo last", "redo last", "range"]),
        who=st.sampled_from(WHO),
        items=st.lists(st.integers(0, 3), min_size=1, max_size=3, unique=True).map(tuple),
        action=st.integers(0, 3),
        first=st.integers(0, 30),
        length=st.integers(0, 8),
    ),
    max_size=25,
)


def take(store: LabelStore, step: Step, run: int, start: int) -> None:
    if step.kind == "decide":
        items = [f"{run}-{number}" for number in step.items]
        action = ACTIONS[step.action]
        store.record(
            [Decision(item, action, label=f"l{step.first}") for item in items],
            reviewer=step.who,
            old_labels=dict.fromkeys(items, "given"),
        )
    elif step.kind == "undo":
        store.undo(start + step.first, reviewer=step.who)
    elif step.kind == "undo last":
        store.undo_last(step.who)
    elif step.kind == "redo last":
        store.redo_last(step.who)
    else:
        store.undo_range(start + step.first, start + step.first + step.length, reviewer=step.who)


def in_sql(store: LabelStore) -> dict[str, tuple[object, ...]]:
    query = "SELECT item_id, label, action, reviewer, created_at, event_id FROM current_labels"
    with store._log._engine.connect() as connection:
        rows = connection.execute(text(query)).all()
    assert len({row.item_id for row in rows}) == len(rows)
    return {row.item_id: tuple(row[1:]) for row in rows}


def in_python(store: LabelStore) -> dict[str, tuple[object, ...]]:
    return {
        item: (e.new_label, e.action, e.reviewer, e.created_at, e.event_id)
        for item, e in store.current().items()
    }


def check(store: LabelStore, path: list[Step]) -> None:
    run, start = next(fresh), len(store.history()) + 1
    for step in path:
        with suppress(DecisionError):  # nothing to undo there, or not any more
            take(store, step, run, start)
    current = in_python(store)
    assert in_sql(store) == current
    # The newest event of an item, an undo included, always tells the label that it is left with.
    for event in store.history()[start - 1 :]:
        left = current[event.item_id][0] if event.item_id in current else "given"
        last = store.history(item_id=event.item_id)[-1]
        assert last.new_label == left


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(path=steps)
def test_the_view_follows_every_decision_and_undo(store: LabelStore, path: list[Step]) -> None:
    check(store, path)


@pytest.mark.skipif(not THOROUGH, reason="a thousand histories: make thorough")
@pytest.mark.parametrize("target", ["sqlite"], indirect=True)
@settings(
    max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(path=steps)
def test_the_view_follows_a_thousand_histories(store: LabelStore, path: list[Step]) -> None:
    check(store, path)


def test_a_range_is_taken_back_as_if_it_had_not_been(store: LabelStore) -> None:
    def decide(item: str, label: str) -> int:
        decision = Decision(item, "relabel", label=label)
        return store.record([decision], reviewer="ana", old_labels={item: "given"})[0].event_id

    decide("a", "one")
    before = in_python(store)
    first = decide("a", "two")
    decide("b", "three")
    store.undo(first, reviewer="bob")
    store.undo(first - 1, reviewer="bob")
    last = decide("a", "four")
    made = store.undo_range(first, last, reviewer="bob")
    # The undo of event 2 cancels with it; that of event 1 comes from outside, so it goes.
    assert [event.undoes for event in made] == [3, 6, 5]
    assert len({event.batch_id for event in made}) == 1
    assert in_python(store) == before
    labels = [(e.old_label, e.new_label) for e in made if e.item_id == "a"]
    assert labels == [("four", "given"), ("given", "one")]
    store.redo_last("bob")
    assert {item: entry[0] for item, entry in in_python(store).items()} == {
        "a": "four",
        "b": "three",
    }
    assert in_sql(store) == in_python(store)
    with pytest.raises(DecisionError, match="Expected events between 1 and 12, got 12 to 13"):
        store.undo_range(12, 13, reviewer="bob")
    with pytest.raises(DecisionError, match="Nothing of the events 1 to 1"):
        store.undo_range(1, 1, reviewer="bob")
