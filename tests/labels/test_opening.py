"""What is opened: durable, of a known version, perhaps for reading only."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from air_core.errors import DecisionError, WorkspaceError
from air_core.labels import LabelStore
from tests.labels.conftest import in_force, relabel


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
