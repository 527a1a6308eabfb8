from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from air_core.errors import DecisionError
from air_core.labels import Decision, LabelStore
from air_core.labels.database import open_engine
from air_core.labels.schema import upgrade, version_of

GIVEN = {"a": "cat", "b": "dog"}


def test_assignments_stay_in_the_order_handed_out(store: LabelStore, target: str | Path) -> None:
    store.record([Decision("a", "keep")], reviewer="ana", old_labels=GIVEN)
    first = store.assign([("b", "ana"), ("a", "bob")], task="review", assigned_by="eva")
    sample = store.assign([("b", "bob")], task="sample", assigned_by="eva", population=1)
    with closing(LabelStore(target)) as again:
        assert again.assignments() == (*first, *sample)
    assert [a.assignment_id for a in (*first, *sample)] == [1, 2, 3]
    assert [(a.item_id, a.reviewer, a.task) for a in first] == [
        ("b", "ana", "review"),
        ("a", "bob", "review"),
    ]
    assert first[0].batch_id == first[1].batch_id != sample[0].batch_id
    assert (sample[0].after_event, sample[0].population, sample[0].assigned_by) == (1, 1, "eva")
    assert store.assign([], task="review", assigned_by="eva") == ()


def test_nobody_assigns(store: LabelStore) -> None:
    with pytest.raises(DecisionError, match="who assigns"):
        store.assign([("a", "ana")], task="review", assigned_by=" ")


@pytest.mark.parametrize(
    "statement", ["UPDATE assignments SET reviewer = 'bob'", "DELETE FROM assignments"]
)
def test_the_database_refuses_changes(
    store: LabelStore, target: str | Path, statement: str
) -> None:
    made = store.assign([("a", "ana")], task="review", assigned_by="eva")
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
        assert len(store.assign([("a", "ana")], task="review", assigned_by="eva")) == 1
