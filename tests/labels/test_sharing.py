"""One log for several threads, stores and processes."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import event

from air_core.errors import DecisionError
from air_core.labels import Decision, LabelStore
from air_core.labels.log import WriteTransaction
from tests.labels.conftest import in_force, relabel
from tests.labels.worker import answers, start


def test_undo_and_redo_survive_a_restart(target: str | Path) -> None:
    with closing(LabelStore(target)) as store:
        relabel(store, "a", "dog")
        store.undo_last("ana")
    with closing(LabelStore(target)) as store:
        assert len(store.redo_last("ana")) == 1
        assert in_force(store) == {"a": "dog"}


@pytest.mark.slow
def test_many_threads_with_one_store(store: LabelStore) -> None:
    def decide(worker: int) -> None:
        for number in range(100):
            item = f"{worker}-{number}"
            store.record([Decision(item, "keep")], reviewer="ana", old_labels={item: "cat"})
            store.current()

    threads = [threading.Thread(target=decide, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [event.event_id for event in store.history()] == list(range(1, 401))
    assert len(store.current()) == 400


@pytest.mark.slow
def test_many_processes_with_one_file(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite"
    workers = [start("decide", path, f"client{n}", 1, 100) for n in range(3)]
    assert [answers(worker) for worker in workers] == [list(map(str, range(1, 101)))] * 3
    with closing(LabelStore(path)) as store:
        assert len(store.history()) == len(store.current()) == 300
        assert [store.applied(f"client{n}") for n in range(3)] == [100, 100, 100]


def test_two_stores_see_each_other(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite"
    with closing(LabelStore(path)) as one, closing(LabelStore(path)) as two:
        event = relabel(one, "a", "dog")
        assert two.current() == {"a": event}
        two.undo(event.event_id, reviewer="bob")
        assert one.current() == {}
        # The old label comes from the log as it is now, not as this store last saw it.
        relabel(two, "a", "emu", reviewer="bob")
        assert relabel(one, "a", "cow").old_label == "emu"


def test_a_database_that_refuses_is_said_and_nothing_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("air_core.labels.database.BUSY_SECONDS", 0.05)
    path = tmp_path / "l.sqlite"
    with closing(LabelStore(path)) as store:
        relabel(store, "a", "dog")
        with closing(sqlite3.connect(path)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(DecisionError, match="could not be stored: database is locked"):
                relabel(store, "a", "emu")
            other.rollback()
        assert in_force(store) == {"a": "dog"}
        assert relabel(store, "a", "emu").event_id == 2


def test_ten_thousand_events_are_read_once_only(store: LabelStore) -> None:
    items = [f"i{number}" for number in range(10_000)]
    old = dict.fromkeys(items, "cat")
    store.record([Decision(i, "exclude") for i in items], reviewer="ana", old_labels=old)
    asked: list[str] = []

    @event.listens_for(store._log._engine, "before_cursor_execute")
    def _note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    assert len(store.current()) == 10_000
    (statement,) = (statement for statement in asked if statement != "BEGIN")
    assert "FROM label_head" in statement


def test_a_long_history_is_read_while_others_may_write(
    target: str | Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("air_core.labels.mirror._QUICKLY_READ", 3)
    with closing(LabelStore(target)) as one, closing(LabelStore(target)) as two:
        for item in "abc":
            relabel(one, item, "emu")
        relabel(one, "a", "cow")
        read_locked: list[int] = []
        real = WriteTransaction.since
        monkeypatch.setattr(
            WriteTransaction,
            "since",
            lambda self, last: read_locked.append(last) or real(self, last),
        )
        assert relabel(two, "a", "dog").old_label == "cow"
        assert read_locked == [4], "the four were read before"
