"""The database itself keeps the log as it is, and a log that was changed all the same is found."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextlib import closing

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from air_core.errors import AirError, WorkspaceError
from air_core.labels import Decision, LabelEvent, LabelStore
from air_core.labels.assignments import Assignment
from air_core.labels.chain import GENESIS, link
from air_core.labels.lines import content
from tests.labels.conftest import EVENTS


def run(store: LabelStore, *statements: str) -> None:
    with store._log._writer.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


@pytest.mark.parametrize("table", ["label_events", "operations", "label_head", "assignments"])
@pytest.mark.parametrize("verb", ["update", "delete", "replace", "truncate"])
def test_the_database_refuses_to_change_what_is_written(
    filled: LabelStore, table: str, verb: str
) -> None:
    sqlite = filled._log._engine.dialect.name == "sqlite"
    id_ = {"operations": "operation_id", "label_head": "one"}.get(table, "event_id")
    statement = {
        "update": f"UPDATE {table} SET {id_} = {id_}",
        "delete": f"DELETE FROM {table} WHERE {id_} = {id_}",
        "replace": f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}"
        if sqlite
        else f"INSERT INTO {table} SELECT * FROM {table} "
        f"ON CONFLICT ({id_}) DO UPDATE SET {id_} = excluded.{id_}",
        "truncate": f"DELETE FROM {table}" if sqlite else f"TRUNCATE {table}",
    }[verb]
    before = filled.events()
    with pytest.raises(SQLAlchemyError, match="append-only"):
        run(filled, statement)
    assert filled.verify().problems == ()
    assert filled.events() == before
    assert filled.applied("tab") == 1
    assert len(filled.assignments()) == 1


@pytest.mark.postgres
def test_a_replica_session_is_refused_too(postgres_url: str) -> None:
    with closing(LabelStore(postgres_url)) as store:
        store.record([Decision("a", "keep")], reviewer="ana", old_labels={"a": "cat"})
        with pytest.raises(SQLAlchemyError, match="append-only"):
            run(store, "SET session_replication_role = replica", "DELETE FROM label_events")


@pytest.mark.parametrize(
    "change",
    [
        f"{EVENTS}, '0' || substr(hash, 2)",  # the same number again
        f"{EVENTS + 2}, hash",  # leaves a gap
        f"{EVENTS + 1}, ''",  # as a program without a chain would
    ],
)
@pytest.mark.parametrize("kind", [LabelEvent, Assignment])
def test_only_the_next_event_with_its_hash_goes_in(
    filled: LabelStore, change: str, kind: type
) -> None:
    table = {LabelEvent: "label_events", Assignment: "assignments"}[kind]
    own = [
        f.name for f in dataclasses.fields(kind) if f.init and f.name not in ("event_id", "hash")
    ]
    names = ", ".join(own)
    with pytest.raises(SQLAlchemyError, match="append-only"):
        run(
            filled,
            f"INSERT INTO {table} (event_id, hash, {names}) SELECT {change}, {names} FROM {table} "
            f"WHERE event_id = (SELECT max(event_id) FROM {table})",
        )
    assert filled.verify().problems == ()
    assert len(filled.events()) == EVENTS


def without_guards(store: LabelStore, *statements: str) -> None:
    """Change the log as somebody would who may do anything to the database."""
    with store._log._writer.begin() as connection:
        if connection.dialect.name == "sqlite":
            query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            for name in connection.execute(text(query)).scalars().all():
                connection.execute(text(f"DROP TRIGGER {name}"))
        else:
            for table in ("label_events", "operations", "label_head", "assignments"):
                connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
        for statement in statements:
            connection.execute(text(statement))


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (
            "UPDATE label_events SET new_label = 'cow' WHERE event_id = 5",
            "Event 5 does not follow from event 4: one of the two was changed.",
        ),
        (
            "UPDATE label_events SET reviewer = 'eve' WHERE event_id = 1",
            "Event 1 was changed.",
        ),
        (
            "UPDATE label_events SET hash = repeat WHERE event_id = 7",
            "Event 7 does not follow from event 6: one of the two was changed.",
        ),
        ("DELETE FROM label_events WHERE event_id = 1", "Event 1 is missing."),
        ("DELETE FROM label_events WHERE event_id IN (2, 3)", "Events 2 to 3 are missing."),
        ("DELETE FROM label_events WHERE event_id > 5", "Events 6 to 7 are missing."),
        ("UPDATE label_events SET score = 0.5 WHERE event_id = 6", "Event 6 does not follow"),
        ("UPDATE label_events SET created_at = '2020' WHERE event_id = 2", "Event 2 does not"),
        ("UPDATE label_events SET undoes = 2 WHERE event_id = 3", "Event 3 does not follow"),
        ("UPDATE label_events SET operation_id = NULL WHERE event_id = 2", "Event 2 does not"),
        ("UPDATE label_head SET event_id = 6", "The log should end with event 6"),
        ("UPDATE label_events SET item_id = 'z' WHERE event_id = 3", "Event 3 does not follow"),
        ("UPDATE assignments SET reviewer = 'eve'", "Event 4 does not follow from event 3"),
        ("UPDATE assignments SET task = 'adjudication'", "Event 4 does not follow from event 3"),
        ("UPDATE assignments SET after_event = 0", "Event 4 does not follow from event 3"),
        ("DELETE FROM assignments", "Event 4 is missing."),
        (
            "INSERT INTO assignments SELECT 8, batch_id, item_id, 'eve', 'adjudication', "
            "assigned_by, created_at, after_event, population, hash FROM assignments",
            "Event 8 does not follow from event 7",
        ),
    ],
)
def test_tampering_shows(filled: LabelStore, statement: str, problem: str) -> None:
    good = filled.verify()
    assert (good.events, good.problems) == (EVENTS, ())
    assert good.head == filled.events()[-1].hash
    without_guards(filled, statement.replace("repeat", f"'{'0' * 64}'"))
    assert filled.verify().problems[0].startswith(problem)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM label_events WHERE event_id = 1",
        "UPDATE label_events SET undoes = 3 WHERE event_id = 3",
        "UPDATE label_events SET undoes = 99 WHERE event_id = 3",
        "UPDATE label_events SET undoes = 2 WHERE event_id = 3",
    ],
)
def test_an_undo_of_what_is_not_there_is_said(filled: LabelStore, statement: str) -> None:
    without_guards(filled, statement)
    with (
        closing(LabelStore(filled._log._engine.url.render_as_string(hide_password=False))) as again,
        pytest.raises(WorkspaceError, match=r"is damaged: event 3 takes back.*history --verify"),
    ):
        again.history()
    assert "Event 3 takes back" in "".join(filled.verify().problems)


def test_values_of_another_type_are_found(store: LabelStore) -> None:
    store.record([Decision("a", "keep", score=0.5)], reviewer="ana", old_labels={"a": "cat"})
    if store._log._engine.dialect.name == "sqlite":
        without_guards(store, "UPDATE label_events SET score = x'00ff'")
    else:
        without_guards(store, "UPDATE label_events SET score = 'NaN'")
    assert store.verify().problems == ("Event 1 was changed.",)


@pytest.mark.parametrize("number", [1, 4])
def test_every_field_of_an_event_is_chained(filled: LabelStore, number: int) -> None:
    event = filled.events()[number - 1]
    previous = filled.events()[number - 2].hash if number > 1 else GENESIS
    assert event.hash == link(previous, content(event))
    for field in dataclasses.fields(event):
        if field.init and field.name != "hash":
            value = getattr(event, field.name)
            other = 77 if isinstance(value, int) else 0.5 if isinstance(value, float) else "other"
            changed = dataclasses.replace(event, **{field.name: other})
            assert event.hash != link(previous, content(changed)), field.name


def test_a_log_written_anew_agrees_with_itself_but_with_no_copy(
    filled: LabelStore, make_store: Callable[[], LabelStore]
) -> None:
    copy = filled.events()
    noted = filled.verify().head
    filled.record([Decision("c", "exclude")], reviewer="ana", old_labels={"c": None})
    assert filled.verify(copy).problems == ()
    assert filled.verify(noted).problems == ()
    assert filled.verify(GENESIS).problems == ()

    forged, previous = [], GENESIS
    for event in copy:
        event = dataclasses.replace(event, reviewer="eve")
        previous = link(previous, content(event))
        forged.append(dataclasses.replace(event, hash=previous))
    other = make_store()
    other.restore(forged)
    assert other.verify().problems == ()
    assert other.verify(copy).problems[0] == "Event 1 differs from the copy."
    assert "No event has the hash" in other.verify(noted).problems[0]
    other = make_store()
    other.restore(copy[:4])
    assert other.verify(copy).problems == (
        *(f"Event {number} of the copy is missing." for number in (5, 6, 7)),
    )


@pytest.mark.parametrize(
    "damage",
    ["DELETE FROM label_head", "UPDATE label_head SET hash = x'00'", "DROP TABLE label_head"],
)
def test_without_the_record_of_its_end_one_line_says_so(filled: LabelStore, damage: str) -> None:
    if "x'" in damage and filled._log._engine.dialect.name != "sqlite":
        pytest.skip("only SQLite stores what is of another type")
    without_guards(filled, damage)
    said = r"label_head.* (missing|does not exist|no such table)|no such table.*label_head"
    with pytest.raises(AirError, match=said) as caught:
        filled.record([Decision("a", "keep")], reviewer="ana", old_labels={"a": "cat"})
    assert "\n" not in str(caught.value)
    with pytest.raises(WorkspaceError, match=said):
        filled.events()
    if "DROP" in damage:
        with pytest.raises(WorkspaceError, match=said):
            filled.verify()
    else:
        assert filled.verify().problems == (
            "The record of where the log ends (label_head) is missing or damaged.",
        )
