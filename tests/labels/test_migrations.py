"""A log of every earlier version is brought up to date and loses nothing."""

from __future__ import annotations

import dataclasses
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData, insert, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from air_core.errors import DecisionError, WorkspaceError
from air_core.labels import LabelStore, event_from_json, event_to_json
from air_core.labels.assignments import Handout
from air_core.labels.database import open_engine
from air_core.labels.schema import SCHEMA_VERSION, upgrade, version_of
from air_core.labels.tables import label_events, metadata, operations
from air_core.reviewers.verdicts import verdicts
from tests.labels.worker import answers, start

# Made with the code of version 1, before there were steps, and with that of version 3.
VERSION_1 = Path(__file__).parent / "databases" / "version-1.sqlite"
VERSION_3 = Path(__file__).parent / "databases" / "version-3.sqlite"
STANDING = {
    "0000000000000000": ("relabel", "dog", 1),
    "0000000000000001": ("keep", "dog", 2),
    "0000000000000003": ("relabel", "ému", 7),
}


def rows_of(table: str, database: Path = VERSION_1) -> list[dict[str, object]]:
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1")]


@pytest.fixture
def version_1(target: str | Path) -> str | Path:
    """A log of version 1 with twelve events, on each kind of database."""
    if isinstance(target, Path):
        shutil.copy(VERSION_1, target)
        return target
    engine = open_engine(target)
    with engine.execution_options(writes=True).begin() as connection:
        upgrade(connection, to=1)
        for table in (label_events, operations):
            connection.execute(insert(table), rows_of(table.name))
    engine.dispose()
    return target


@pytest.fixture
def version_3(target: str | Path) -> str | Path:
    """A log of version 3 with eleven events and seven assignments, on each kind of database."""
    if isinstance(target, Path):
        shutil.copy(VERSION_3, target)
        return target
    engine = open_engine(target)
    with engine.execution_options(writes=True).begin() as connection:
        upgrade(connection, to=3)
        tables = MetaData()
        tables.reflect(connection, only=["label_events", "operations", "assignments"])
        for name, table in tables.tables.items():
            connection.execute(insert(table), rows_of(name, VERSION_3))
    engine.dispose()
    return target


@pytest.fixture
def engine(version_1: str | Path) -> Iterator[Engine]:
    opened = open_engine(version_1)
    yield opened
    opened.dispose()


def test_the_steps_are_numbered_and_in_a_row() -> None:
    folder = Path(upgrade.__code__.co_filename).parent / "migrations"
    steps = list(ScriptDirectory(str(folder)).walk_revisions())
    assert [step.revision for step in steps] == [
        f"{number:04}" for number in range(SCHEMA_VERSION, 0, -1)
    ]


@pytest.mark.parametrize("before", range(SCHEMA_VERSION))
def test_each_step_runs_on_a_log_of_the_version_before(engine: Engine, before: int) -> None:
    """Also the first step, on a database that is still empty."""
    with engine.execution_options(writes=True).begin() as connection:
        if before == 0:
            for table in inspect(connection).get_table_names():
                connection.execute(text(f"DROP TABLE {table}"))
            if connection.dialect.name == "sqlite":
                connection.execute(text("PRAGMA user_version = 0"))
        upgrade(connection, to=before)
        assert version_of(connection) == before
        rows = connection.execute(text("SELECT count(*) FROM label_events")) if before else None
        count = rows.scalar() if rows is not None else 0
    with engine.execution_options(writes=True).begin() as connection:
        upgrade(connection, to=before + 1)
        assert version_of(connection) == before + 1
        rows = connection.execute(text("SELECT count(*) FROM label_events"))
        assert rows.scalar() == count == (12 if before else 0)


def test_nothing_of_version_1_is_lost(version_1: str | Path) -> None:
    with closing(LabelStore(version_1)) as store:
        history = store.history()
        assert [
            {name: getattr(event, name) for name in stored}
            for event, stored in zip(history, rows_of("label_events"), strict=True)
        ] == rows_of("label_events")
        assert {event.feature_digest for event in history} == {""}
        assert store.verify().problems == ()
        assert {
            item: (e.action, e.new_label, e.event_id) for item, e in store.current().items()
        } == STANDING
        assert [store.applied(f"tab-{n}") for n in (1, 2, 3)] == [3, 3, 1]
        # Undo and redo go on where they were.
        assert [e.undoes for e in store.redo_last("bob")] == [11, 12]
        assert [e.undoes for e in store.undo_last("ana")] == [7]
        assert store.verify().problems == ()
    with closing(LabelStore(version_1)) as store:
        assert len(store.history()) == 15


def test_assignments_of_version_3_join_the_chain_behind_its_events(version_3: str | Path) -> None:
    events, handed_out = (rows_of(name, VERSION_3) for name in ("label_events", "assignments"))
    with closing(LabelStore(version_3)) as store:
        assert [dataclasses.asdict(event) for event in store.history()] == events, "hashes too"
        kept = [
            {"assignment_id": number, **dataclasses.asdict(task)}
            for number, task in enumerate(store.assignments(), 1)
        ]
        for task in kept:
            assert (task.pop("event_id"), task.pop("action")) == (
                11 + task["assignment_id"], "assign"
            )  # fmt: skip
            assert len(task.pop("hash")) == 64
        assert kept == handed_out
        assert [event.event_id for event in store.events()] == list(range(1, 19))
        assert store.verify().problems == ()
        assert store.verify(str(events[-1]["hash"])).problems == (), "what was noted still holds"
        # Who was asked before is known by after_event, not by where the assignment stands now.
        said = verdicts(store.current().values(), store.assignments())
        settled = said.settling("0" * 16)
        assert settled is not None
        assert (settled.reviewer, settled.new_label) == ("eva", "cow")
        assert store.assign(Handout([("x", "ana")]), task="review", by="lea")[0].event_id == 19
        assert [event.undoes for event in store.undo_last("bob")] == [11]
        assert store.verify().problems == ()


def test_a_program_of_version_3_refuses_and_cannot_hand_out(version_3: str | Path) -> None:
    LabelStore(version_3).close()
    engine = open_engine(version_3)
    names = "event_id, batch_id, item_id, reviewer, task, assigned_by, created_at, after_event"
    words = "'b', 'i', 'ana', 'review', 'lea', 't', 0"
    with engine.execution_options(writes=True).connect() as connection:
        assert version_of(connection) == 4
        with pytest.raises(SQLAlchemyError, match="append-only"):
            connection.execute(text(f"INSERT INTO assignments ({names}) VALUES (19, {words})"))
        connection.rollback()
    engine.dispose()


def test_the_steps_lead_to_the_tables_that_the_program_uses(
    version_1: str | Path, engine: Engine
) -> None:
    LabelStore(version_1).close()
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "include_name": lambda name, kind, _parents: (
                    (kind, name) != ("table", "label_schema")
                ),
            },
        )
        assert compare_metadata(context, metadata) == []


def test_numbers_that_version_1_let_in_do_not_stop_it(tmp_path: Path) -> None:
    path = shutil.copy(VERSION_1, tmp_path / "labels.sqlite")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "INSERT INTO label_events SELECT 13, batch_id, item_id, action, old_label, new_label, "
            "reviewer, reason, created_at, detector, 9e999, -9e999, suggested_label, run_id, "
            "NULL, NULL FROM label_events WHERE event_id = 1"
        )
        connection.commit()
    with closing(LabelStore(path)) as store:
        event = store.history()[-1]
        assert (event.score, event.lambda_g) == (float("inf"), float("-inf"))
        assert store.verify().problems == ()
        assert event_from_json(event_to_json(event)) == event


def test_an_upgrade_that_fails_leaves_the_log_as_it_was(
    version_1: str | Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> str:
        raise MemoryError

    monkeypatch.setattr("air_core.labels.chain.link", fail)
    with pytest.raises(MemoryError):
        LabelStore(version_1)
    monkeypatch.undo()
    with engine.connect() as connection:
        assert version_of(connection) == 1
        assert "label_head" not in inspect(connection).get_table_names()
    test_nothing_of_version_1_is_lost(version_1)


@pytest.mark.slow
def test_two_programs_upgrade_at_once(version_1: str | Path) -> None:
    workers = [start("decide", version_1, f"worker{n}", 1, 1) for n in range(3)]
    assert [answers(worker) for worker in workers] == [["1"]] * 3
    with closing(LabelStore(version_1)) as store:
        assert len(store.history()) == 15
        assert store.verify().problems == ()


def test_a_program_of_version_1_refuses_and_cannot_write(
    version_1: str | Path, engine: Engine
) -> None:
    if engine.dialect.name == "sqlite":
        # This is what it looks at.
        LabelStore(version_1).close()
        with engine.connect() as connection:
            assert connection.execute(text("PRAGMA user_version")).scalar() == SCHEMA_VERSION
    LabelStore(version_1).close()
    # One that was running already during the upgrade writes no hash.
    event = {**rows_of("label_events")[0], "event_id": 13}
    with engine.execution_options(writes=True).connect() as connection:
        with pytest.raises(SQLAlchemyError, match="append-only"):
            connection.execute(insert(label_events), event)
        connection.rollback()


def test_an_old_log_that_cannot_be_written_is_read_from_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "labels.sqlite"
    shutil.copy(VERSION_1, path)
    upgraded = shutil.copy(VERSION_1, tmp_path / "upgraded.sqlite")
    with closing(LabelStore(upgraded)) as store:
        history = store.history()
    real = os.access
    monkeypatch.setattr(os, "access", lambda place, mode: mode != os.W_OK and real(place, mode))
    with closing(LabelStore(path)) as store:
        assert store.history() == history
        assert {item: e.new_label for item, e in store.current().items()} == {
            item: label for item, (_, label, _) in STANDING.items()
        }
        assert store.applied("tab-1") == 3
        assert store.assignments() == ()
        with pytest.raises(WorkspaceError, match="version 1, which had no chain"):
            store.verify()
        with pytest.raises(DecisionError, match="cannot be written"):
            store.undo_last("ana")
    assert path.read_bytes() == VERSION_1.read_bytes()
    shutil.copy(VERSION_3, path)
    with closing(LabelStore(path)) as store:
        assert (len(store.history()), len(store.assignments())) == (11, 7)
        assert store.verify().problems == ()
    assert path.read_bytes() == VERSION_3.read_bytes()


@pytest.mark.postgres
def test_a_newer_database_says_what_to_do(postgres_url: str) -> None:
    LabelStore(postgres_url).close()
    engine = open_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE label_schema SET version_num = '0099'"))
    engine.dispose()
    with pytest.raises(WorkspaceError, match=r"version 99.*Install a newer") as caught:
        LabelStore(postgres_url)
    assert "s3cret" not in str(caught.value)
