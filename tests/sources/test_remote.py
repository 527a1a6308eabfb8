from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from air_core.errors import Cancelled, SourceError, WorkspaceError
from air_core.locks import alone
from air_core.progress import silent
from air_core.sources import local_path, localize, source_name
from air_core.sources.remote import fetch
from air_core.workspace import Workspace
from tests.sources.test_archives import below, tarred, zipped


@pytest.fixture
def memory() -> Iterator[MemoryFileSystem]:
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    yield system
    system.store.clear()


@pytest.fixture
def opened(memory: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the remote files that are read, in order."""
    names: list[str] = []
    original = type(memory).open

    def watched(self: Any, path: str, *args: Any, **options: Any) -> Any:
        names.append(path.rsplit("/", 1)[-1])
        return original(self, path, *args, **options)

    monkeypatch.setattr(type(memory), "open", watched)
    return names


def test_a_folder_is_fetched_once(
    memory: MemoryFileSystem, opened: list[str], tmp_path: Path
) -> None:
    memory.pipe({"/set/cat/1.png": b"1", "/set/dog/2.png": b"22"})
    opened.clear()
    path, rejected = fetch("memory://set", tmp_path / "to", silent)
    assert (path, rejected) == (tmp_path / "to", ())
    assert below(path) == {"cat/1.png": b"1", "dog/2.png": b"22"}
    assert sorted(opened) == ["1.png", "2.png"]
    opened.clear()
    fetch("memory://set", tmp_path / "to", silent)
    assert opened == []


def test_only_what_changed_is_fetched_again(
    memory: MemoryFileSystem, opened: list[str], tmp_path: Path
) -> None:
    memory.pipe({"/set/a.png": b"1", "/set/b.png": b"2", "/set/c/d.png": b"3"})
    fetch("memory://set", tmp_path / "to", silent)
    memory.pipe("/set/b.png", b"X")
    memory.rm("/set/c", recursive=True)
    opened.clear()
    fetch("memory://set", tmp_path / "to", silent)
    assert opened == ["b.png"]
    assert below(tmp_path / "to") == {"a.png": b"1", "b.png": b"X"}
    assert not (tmp_path / "to" / "c").exists()


def test_a_broken_fetch_goes_on_in_the_middle_of_a_file(
    memory: MemoryFileSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = bytes(range(256)) * 20_000
    memory.pipe("/set/a.zip", data)
    asked: list[int] = []

    def stop(done: int, total: int, note: str) -> None:
        if done >= 2:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        fetch("memory://set/a.zip", tmp_path / "to", stop)
    assert below(tmp_path / "to") == {}
    from fsspec.implementations.memory import MemoryFile

    original = MemoryFile.seek
    monkeypatch.setattr(
        MemoryFile, "seek", lambda self, *to: asked.append(to[0]) or original(self, *to)
    )
    path, _ = fetch("memory://set/a.zip", tmp_path / "to", silent)
    assert path.read_bytes() == data
    assert 2 << 20 in asked


def test_a_file_that_changed_meanwhile_starts_anew(
    memory: MemoryFileSystem, tmp_path: Path
) -> None:
    memory.pipe("/a.bin", b"A" * (3 << 20))

    def stop(done: int, total: int, note: str) -> None:
        raise Cancelled("stop")

    with pytest.raises(Cancelled):
        fetch("memory://a.bin", tmp_path / "to", stop)
    memory.pipe("/a.bin", b"B" * (3 << 20))
    path, _ = fetch("memory://a.bin", tmp_path / "to", silent)
    assert path.read_bytes() == b"B" * (3 << 20)


def test_remote_names_cannot_leave_the_folder(memory: MemoryFileSystem, tmp_path: Path) -> None:
    memory.pipe({"/set/a.png": b"1"})
    memory.store["/set/../../evil.png"] = memory.store["/set/a.png"]
    path, rejected = fetch("memory://set", tmp_path / "in" / "to", silent)
    assert below(path) == {"a.png": b"1"}
    assert [name for name, _ in rejected] == ["/../../evil.png"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in"]


def test_a_file_address_is_read_in_place(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x")
    for address in (f"file://{tmp_path}/a.csv", f"local://{tmp_path}/a.csv"):
        assert fetch(address, tmp_path / "to", silent) == (tmp_path / "a.csv", ())
    assert not (tmp_path / "to").exists()


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("memory://nothing", "Expected a file or folder at memory://nothing"),
        ("no-such://host/a", "no-such"),
        ("s3://bucket/a", "package that is not installed"),
    ],
)
def test_what_cannot_be_fetched_says_why(tmp_path: Path, address: str, expected: str) -> None:
    with pytest.raises(SourceError) as caught:
        fetch(address, tmp_path / "to", silent)
    assert expected in str(caught.value)


def test_secrets_are_neither_stored_nor_shown(
    memory: MemoryFileSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = "memory://me:pass@set/a.zip?X-Amz-Signature=abc&v=1"
    assert source_name(address) == "memory://me:***@set/a.zip?X-Amz-Signature=***&v=1"

    def fail(self: object, path: str, **_: object) -> dict[str, object]:
        raise ConnectionError(f"403 for {address}")

    monkeypatch.setattr(MemoryFileSystem, "info", fail)
    with pytest.raises(SourceError) as caught:
        fetch(address, tmp_path / "to", silent)
    assert "pass" not in str(caught.value).replace("password", "")
    assert "abc" not in str(caught.value)


def test_plain_sources_stay_where_they_are(csv_source: Path, tmp_path: Path) -> None:
    for source in (csv_source, csv_source / "labels.csv", tmp_path / "nothing.zip"):
        assert localize(source, tmp_path / "to", silent).path == source
    assert not (tmp_path / "to").exists()
    (tmp_path / "a.rar").touch()
    with pytest.raises(SourceError, match="zip or tar archive"):
        localize(tmp_path / "a.rar", tmp_path / "to", silent)


def test_an_archive_becomes_a_workspace(folder_source: Path, tmp_path: Path) -> None:
    files = {f"set/{name}": data for name, data in below(folder_source).items()}
    archive = zipped(tmp_path / "set.zip", {**files, "../evil.png": b"x"})
    made = Workspace.create(tmp_path / "ws", archive)
    assert made.dataset.paths == ("cat/1.png", "cat/deep/2.png", "dog/1.png")
    assert made.info.source == str(archive)
    assert [image.path for image in made.quarantined] == ["../evil.png"]
    again = Workspace.create(tmp_path / "ws", archive)
    assert again.dataset.item_ids.tolist() == made.dataset.item_ids.tolist()
    assert again.quarantined == made.quarantined
    with pytest.raises(WorkspaceError, match="was made with the source"):
        Workspace.create(tmp_path / "ws", tarred(tmp_path / "other.tar", files))


def test_an_address_becomes_a_workspace(
    memory: MemoryFileSystem, opened: list[str], csv_source: Path, tmp_path: Path
) -> None:
    memory.put(str(csv_source), "/set", recursive=True)
    address = "memory://set?token=hidden"
    memory.mv("/set", "/set?token=hidden", recursive=True)
    made = Workspace.create(tmp_path / "ws", address)
    assert made.info.source == "memory://set?token=***"
    assert "hidden" not in (tmp_path / "ws" / "workspace.json").read_text()
    assert made.dataset.class_names == ("cat", "dog", "emu")
    opened.clear()
    Workspace.create(tmp_path / "ws", address)
    assert opened == []
    assert made.export_bytes() == (csv_source / "labels.csv").read_bytes()
    assert local_path(made.info.source, made.root / "source").is_relative_to(made.root)


def test_an_archive_at_an_address_is_unpacked(
    memory: MemoryFileSystem, folder_source: Path, tmp_path: Path
) -> None:
    memory.put(str(tarred(tmp_path / "a.tgz", below(folder_source))), "/a.tgz")
    made = Workspace.create(tmp_path / "ws", "memory://a.tgz")
    assert made.info.format == "imagefolder"
    assert made.dataset.paths == ("cat/1.png", "cat/deep/2.png", "dog/1.png")


def test_one_import_at_a_time(folder_source: Path, tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", below(folder_source))
    (tmp_path / "to").mkdir()
    with alone(tmp_path / "to"), pytest.raises(WorkspaceError, match="Another import"):
        localize(archive, tmp_path / "to", silent)


def test_the_workspace_can_be_moved(folder_source: Path, tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", below(folder_source))
    localize(archive, tmp_path / "to", silent)
    stored = json.loads((tmp_path / "to" / "place.json").read_text())
    assert stored["path"] == "unpacked"
    (tmp_path / "to").rename(tmp_path / "moved")
    assert local_path(str(archive), tmp_path / "moved") == tmp_path / "moved" / "unpacked"
