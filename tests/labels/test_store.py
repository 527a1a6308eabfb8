from __future__ import annotations

import multiprocessing
import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import event

from air_core.errors import DecisionError, WorkspaceError
from air_core.labels import Decision, LabelEvent, LabelStore
from air_core.labels.log import WriteTransaction
from air_core.labels.models import Action

GIVEN = {"a": "cat", "b": "dog", "c": None}


def relabel(store: LabelStore, item: str, label: str, reviewer: str = "ana") -> LabelEvent:
    decision = Decision(item, "relabel", label=label)
    return store.record([decision], reviewer=reviewer, old_labels=GIVEN)[0]


def in_force(store: LabelStore) -> dict[str, str | None]:
    return {item: event.new_label for item, event in store.current().items()}


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


def test_undo_and_redo_survive_a_restart(target: str | Path) -> None:
    with closing(LabelStore(target)) as store:
        relabel(store, "a", "dog")
        store.undo_last("ana")
    with closing(LabelStore(target)) as store:
        assert len(store.redo_last("ana")) == 1
        assert in_force(store) == {"a": "dog"}


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


def test_the_database_is_durable(tmp_path: Path) -> None:
    with (
        closing(LabelStore(tmp_path / "l.sqlite")) as store,
        store._log._engine.connect() as connection,
    ):
        pragmas = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "busy_timeout")
        ]
    assert pragmas == ["wal", 2, 30_000]


def decide_100_times(path: Path, worker: int) -> None:
    with closing(LabelStore(path)) as store:
        for number in range(1, 101):
            item = f"{worker}-{number}"
            store.record(
                [Decision(item, "exclude")],
                reviewer=f"r{worker}",
                old_labels={item: "cat"},
                operation_id=f"client{worker}:{number}",
            )


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


def test_many_processes_with_one_file(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite"
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=decide_100_times, args=(path, n)) for n in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
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


def test_a_newer_or_foreign_file_says_what_to_do(tmp_path: Path) -> None:
    newer = tmp_path / "newer.sqlite"
    with closing(sqlite3.connect(newer)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(WorkspaceError, match=r"version 99.*Install a newer"):
        LabelStore(newer)
    (tmp_path / "text").write_text("this is no database, only text " * 50)
    with pytest.raises(WorkspaceError, match="cannot be opened"):
        LabelStore(tmp_path / "text")
    with pytest.raises(WorkspaceError, match="Check that its folder exists"):
        LabelStore(tmp_path / "absent" / "l.sqlite")


@pytest.fixture
def write_protect(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Let the system say that a place cannot be written; root may write despite any mode."""

    def protect(place: Path) -> None:
        real = os.access

        def access(path: Path, mode: int) -> bool:
            return not (mode == os.W_OK and Path(path) == place) and real(path, mode)

        monkeypatch.setattr(os, "access", access)

    return protect


@pytest.mark.parametrize("protected", ["folder", "file"])
def test_what_cannot_be_written_can_be_read(
    tmp_path: Path, write_protect: Callable[[Path], None], protected: str
) -> None:
    path = tmp_path / "a b?#%.d" / "l.sqlite"
    path.parent.mkdir()
    with closing(LabelStore(path)) as store:
        relabel(store, "a", "dog")
        history = store.history()
    write_protect(path.parent if protected == "folder" else path)
    with closing(LabelStore(path)) as store:
        assert store.history() == history
        assert in_force(store) == {"a": "dog"}
        assert store.applied("tab") == 0
        with pytest.raises(DecisionError, match=r"cannot be written.*Allow writing"):
            relabel(store, "b", "emu")
    if protected == "folder":
        assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_reader_without_write_access_sees_what_a_writer_adds(
    tmp_path: Path, write_protect: Callable[[Path], None]
) -> None:
    path = tmp_path / "l.sqlite"
    with closing(LabelStore(path)) as writer:
        relabel(writer, "a", "dog")
        assert Path(f"{path}-wal").stat().st_size > 0, "not yet in the file itself"
        write_protect(tmp_path)
        with closing(LabelStore(path)) as reader:
            assert in_force(reader) == {"a": "dog"}
            relabel(writer, "b", "emu")
            assert in_force(reader) == {"a": "dog", "b": "emu"}


@pytest.mark.parametrize("empty_file", [False, True])
def test_without_a_log_in_a_place_that_cannot_be_written_nothing_was_decided(
    tmp_path: Path, write_protect: Callable[[Path], None], empty_file: bool
) -> None:
    path = tmp_path / "l.sqlite"
    if empty_file:
        path.touch()
    write_protect(tmp_path)
    with closing(LabelStore(path)) as store:
        assert (store.history(), store.current(), store.applied("tab")) == ([], {}, 0)
        with pytest.raises(DecisionError, match="cannot be written"):
            relabel(store, "a", "dog")
    assert path.exists() == empty_file


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
    asked: list[object] = []

    @event.listens_for(store._log._engine, "before_cursor_execute")
    def _note(_c: object, _cursor: object, _s: str, parameters: object, *_: object) -> None:
        asked.append(parameters)

    assert len(store.current()) == 10_000
    assert asked[-1] in ((10_000,), {"event_id_1": 10_000})


def test_a_long_history_is_read_while_others_may_write(
    target: str | Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("air_core.labels.store._QUICKLY_READ", 3)
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
