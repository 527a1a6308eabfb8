"""The database itself keeps the log as it is, and a log that was changed all the same is found."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from air_core.errors import DecisionError, SourceError, WorkspaceError
from air_core.labels import (
    Decision,
    LabelEvent,
    LabelStore,
    event_from_json,
    event_to_json,
    read_events,
)
from air_core.labels.chain import GENESIS, link

EVENTS = 6


@pytest.fixture
def filled(store: LabelStore) -> LabelStore:
    """Six events of two reviewers, one of them an undo."""
    given = {"a": "cat", "b": "dög", "c": None}
    store.record(
        [Decision("a", "relabel", label="=1+1\n☃"), Decision("b", "exclude", score=-0.0)],
        reviewer="ana",
        old_labels=given,
        operation_id="tab:1",
    )
    store.undo(1, reviewer="bob")
    for item, score in (("b", float("nan")), ("c", 1), ("a", 0.1)):
        decision = Decision(item, "keep", score=score, lambda_g=float("inf"))
        store.record([decision], reviewer="bob", old_labels=given)
    return store


def run(store: LabelStore, *statements: str) -> None:
    with store._log._writer.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


@pytest.mark.parametrize("table", ["label_events", "operations", "label_head", "assignments"])
@pytest.mark.parametrize("verb", ["update", "delete", "replace", "truncate"])
def test_the_database_refuses_to_change_what_is_written(
    filled: LabelStore, table: str, verb: str
) -> None:
    filled.assign([("a", "ana")], task="review", assigned_by="bob")
    sqlite = filled._log._engine.dialect.name == "sqlite"
    key = {"label_events": "event_id", "operations": "operation_id", "label_head": "one"}
    id_ = key.get(table, "assignment_id")
    statement = {
        "update": f"UPDATE {table} SET {id_} = {id_}",
        "delete": f"DELETE FROM {table} WHERE {id_} = {id_}",
        "replace": f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}"
        if sqlite
        else f"INSERT INTO {table} SELECT * FROM {table} "
        f"ON CONFLICT ({id_}) DO UPDATE SET {id_} = excluded.{id_}",
        "truncate": f"DELETE FROM {table}" if sqlite else f"TRUNCATE {table}",
    }[verb]
    before = filled.history()
    with pytest.raises(SQLAlchemyError, match="append-only"):
        run(filled, statement)
    assert filled.verify().problems == ()
    assert filled.history() == before
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
        "event_id, '0' || substr(hash, 2)",  # the same number again
        "event_id + 2, hash",  # leaves a gap
        "event_id + 1, ''",  # as a program without a chain would
    ],
)
def test_only_the_next_event_with_its_hash_goes_in(filled: LabelStore, change: str) -> None:
    columns = [f.name for f in dataclasses.fields(LabelEvent) if f.name not in ("event_id", "hash")]
    names = ", ".join(columns)
    with pytest.raises(SQLAlchemyError, match="append-only"):
        run(
            filled,
            f"INSERT INTO label_events (event_id, hash, {names}) SELECT {change}, {names} "
            f"FROM label_events WHERE event_id = {EVENTS}",
        )
    assert filled.verify().problems == ()
    assert len(filled.history()) == EVENTS


def without_guards(store: LabelStore, *statements: str) -> None:
    """Change the log as somebody would who may do anything to the database."""
    with store._log._writer.begin() as connection:
        if connection.dialect.name == "sqlite":
            query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            for name in connection.execute(text(query)).scalars().all():
                connection.execute(text(f"DROP TRIGGER {name}"))
        else:
            for table in ("label_events", "operations", "label_head"):
                connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
        for statement in statements:
            connection.execute(text(statement))


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (
            "UPDATE label_events SET new_label = 'cow' WHERE event_id = 4",
            "Event 4 does not follow from event 3: one of the two was changed.",
        ),
        (
            "UPDATE label_events SET reviewer = 'eve' WHERE event_id = 1",
            "Event 1 was changed.",
        ),
        (
            "UPDATE label_events SET hash = repeat WHERE event_id = 6",
            "Event 6 does not follow from event 5: one of the two was changed.",
        ),
        ("DELETE FROM label_events WHERE event_id = 1", "Event 1 is missing."),
        ("DELETE FROM label_events WHERE event_id IN (3, 4)", "Events 3 to 4 are missing."),
        ("DELETE FROM label_events WHERE event_id > 4", "Events 5 to 6 are missing."),
        ("DELETE FROM label_events", "Events 1 to 6 are missing."),
        ("UPDATE label_events SET score = 0.5 WHERE event_id = 5", "Event 5 does not follow"),
        ("UPDATE label_events SET created_at = '2020' WHERE event_id = 2", "Event 2 does not"),
        ("UPDATE label_events SET undoes = 2 WHERE event_id = 3", "Event 3 does not follow"),
        ("UPDATE label_events SET operation_id = NULL WHERE event_id = 2", "Event 2 does not"),
        ("UPDATE label_head SET event_id = 5", "The log should end with event 5"),
        ("UPDATE label_events SET item_id = 'z' WHERE event_id = 3", "Event 3 does not follow"),
    ],
)
def test_tampering_shows(filled: LabelStore, statement: str, problem: str) -> None:
    good = filled.verify()
    assert (good.events, good.problems) == (EVENTS, ())
    assert good.head == filled.history()[-1].hash
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


def test_every_field_of_an_event_is_chained(filled: LabelStore) -> None:
    event = filled.history()[0]
    for field in dataclasses.fields(LabelEvent):
        value = getattr(event, field.name)
        other = 7 if isinstance(value, int) else 0.5 if isinstance(value, float) else "other"
        changed = dataclasses.replace(event, **{field.name: other})
        values = {f.name: getattr(changed, f.name) for f in dataclasses.fields(LabelEvent)}
        given = values.pop("hash")
        assert given != link(GENESIS, values), field.name


def test_a_log_written_anew_agrees_with_itself_but_with_no_copy(
    filled: LabelStore, make_store: Callable[[], LabelStore]
) -> None:
    copy = filled.history()
    noted = filled.verify().head
    filled.record([Decision("c", "exclude")], reviewer="ana", old_labels={"c": None})
    assert filled.verify(copy).problems == ()
    assert filled.verify(noted).problems == ()
    assert filled.verify(GENESIS).problems == ()

    forged, previous = [], GENESIS
    for event in copy:
        event = dataclasses.replace(event, reviewer="eve")
        values = {f.name: getattr(event, f.name) for f in dataclasses.fields(LabelEvent)}
        del values["hash"]
        previous = link(previous, values)
        forged.append(dataclasses.replace(event, hash=previous))
    other = make_store()
    other.restore(forged)
    assert other.verify().problems == ()
    assert other.verify(copy).problems[0] == "Event 1 differs from the copy."
    assert "No event has the hash" in other.verify(noted).problems[0]
    other = make_store()
    other.restore(copy[:4])
    assert other.verify(copy).problems == (
        "Event 5 of the copy is missing.",
        "Event 6 of the copy is missing.",
    )


# -- the events as lines of JSON -------------------------------------------------------------------

texts = st.text(st.characters(blacklist_categories=["Cs"]), max_size=20)
numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)
events = st.builds(
    LabelEvent,
    event_id=st.integers(1, 2**31),
    batch_id=texts,
    item_id=texts,
    action=st.sampled_from(["keep", "relabel", "exclude", "unsure", "undo"]),
    old_label=st.none() | texts,
    new_label=st.none() | texts,
    reviewer=texts,
    reason=texts,
    created_at=texts,
    detector=texts,
    score=numbers,
    lambda_g=numbers,
    suggested_label=st.none() | texts,
    run_id=texts,
    undoes=st.none() | st.integers(1, 2**31),
    operation_id=st.none() | texts,
    feature_digest=texts,
    hash=texts,
)


@given(event=events)
def test_a_line_gives_the_event_back(event: LabelEvent) -> None:
    line = event_to_json(event)
    assert line.isascii()
    assert len(line.splitlines()) == 1
    assert event_from_json(line) == event


def test_a_file_of_lines_gives_the_log_back(filled: LabelStore, tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    file.write_text("".join(event_to_json(event) + "\n" for event in filled.history()))
    assert read_events(file) == filled.history()
    # As the documentation tells anyone to check it, without any of our code.
    previous = "0" * 64
    for line in file.read_text("ascii").splitlines():
        body, stored = line[:-75] + "}", line[-66:-2]
        previous = hashlib.sha256((previous + body).encode()).hexdigest()
        assert previous == stored


def broken(**changes: object) -> str:
    event = LabelEvent(
        1, "b", "i", "keep", None, None, "r", "", "t", "", 0.5, None, None, "", None, None
    )
    return json.dumps({**dataclasses.asdict(event), **changes})


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "Expected an event as JSON"),
        ("[" * 100_000, "Expected an event as JSON"),
        ('{"score": NaN}', "NaN is no number"),
        ('{"score": 1' + "0" * 5000 + "}", "Expected an event"),
        ("[]", "Expected an event with the fields event_id, .* got list"),
        ('{"event_id": 1}', "got event_id"),
        (broken(path="x"), "got .*path"),
        (broken(event_id="1"), "as event_id of an event, got '1'"),
        (broken(event_id=True), "as event_id of an event, got True"),
        (broken(score="high"), "as score of an event"),
        (broken(reviewer=None), "as reviewer of an event, got None"),
        (broken(action="delete"), "keep, relabel, exclude, unsure, undo, got 'delete'"),
    ],
)
def test_what_is_no_event_is_said(line: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    file.write_text(f"{broken()}\n\n{line}\n")
    with pytest.raises(SourceError, match=f"line 3: .*{said}"):
        read_events(file)


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        read_events(tmp_path / "absent.jsonl")
    (tmp_path / "picture.jsonl").write_bytes(b"\x89PNG\r\n")
    with pytest.raises(SourceError, match="cannot be read"):
        read_events(tmp_path / "picture.jsonl")


# -- back into a database --------------------------------------------------------------------------


def test_a_copy_restores_the_log_as_it_was(
    filled: LabelStore, make_store: Callable[[], LabelStore]
) -> None:
    other = make_store()
    assert other.restore(filled.history()[:3]) == 3
    assert other.restore(filled.history()) == 3
    assert other.restore(filled.history()[:2]) == 0
    assert other.history() == filled.history()
    assert other.current() == filled.current()
    assert other.applied("tab") == 1
    assert other.verify() == filled.verify()
    # And it goes on from there as the first one does.
    assert [e.undoes for e in other.undo_last("bob")] == [e.undoes for e in filled.undo_last("bob")]


def test_a_copy_is_refused_where_it_does_not_belong(
    filled: LabelStore, make_store: Callable[[], LabelStore]
) -> None:
    other = make_store()
    events = filled.history()
    with pytest.raises(DecisionError, match="Event 2 is missing"):
        other.restore([events[0], *events[2:]])
    with pytest.raises(DecisionError, match="Event 3 does not follow"):
        other.restore([*events[:2], dataclasses.replace(events[2], reason="x"), *events[3:]])
    assert other.history() == []
    other.record([Decision("z", "keep")], reviewer="ana", old_labels={"z": "cat"})
    with pytest.raises(DecisionError, match="one of 1 other events"):
        other.restore(events)
    assert len(other.history()) == 1
