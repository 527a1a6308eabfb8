"""Broken files of every format: a clear refusal or a listing, never a traceback or a hang."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from air_core.formats import FORMAT_TITLES, get_format
from benchmarks.format_fuzz import fuzz
from benchmarks.format_samples import workspace_of, write_sample


def sample_of(tmp_path: Path, format: str) -> Path:
    workspace = workspace_of(tmp_path, multilabel=False, grey=format == "mnist")
    (tmp_path / "scratch").mkdir()
    return write_sample(workspace, format, tmp_path / "sample")


@pytest.mark.parametrize("format", FORMAT_TITLES)
def test_broken_files_are_refused_in_words(tmp_path: Path, format: str) -> None:
    sample = sample_of(tmp_path, format)
    outcome = fuzz(format, sample, tmp_path / "scratch", inputs=40)
    assert (outcome.inputs, outcome.failures) == (40, [])


def failures_of(read: Callable[[], object], tmp_path: Path, patch: pytest.MonkeyPatch) -> list[str]:
    """What the fuzzer says of a reader that does this."""
    sample = sample_of(tmp_path, "csv")
    patch.setattr(get_format("csv"), "read", lambda source, options: read())
    return fuzz("csv", sample, tmp_path / "scratch", inputs=1).failures


def test_the_fuzzer_notices_tracebacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def careless() -> None:
        raise KeyError("label")

    (failure,) = failures_of(careless, tmp_path, monkeypatch)
    assert "KeyError" in failure


OUTSIDE: dict[str, Callable[[Path], object]] = {
    "read": lambda _: Path("/etc/hostname").read_bytes(),
    "os.open": lambda _: os.close(os.open("/etc/hostname", os.O_RDONLY)),
    "os.listdir": lambda _: os.listdir("/etc"),  # noqa: PTH208
    "os.scandir": lambda _: os.scandir("/etc"),
    "wrote": lambda home: (home / "new.txt").write_text("x"),
    "os.remove": lambda home: (home / "mine.txt").unlink(),
    "os.rename": lambda home: (home / "mine.txt").rename(home / "scratch" / "taken.txt"),
    "os.mkdir": lambda home: (home / "folder").mkdir(),
    "os.rmdir": lambda home: (home / "empty").rmdir(),
    "os.chmod": lambda home: (home / "mine.txt").chmod(0o600),
    "os.symlink": lambda home: (home / "scratch" / "link").symlink_to("/etc/hostname"),
    "shutil.rmtree": lambda home: shutil.rmtree(home / "empty"),
    "subprocess.Popen": lambda _: subprocess.run(["true"], check=True),
    "socket.connect": lambda _: socket.create_connection(("127.0.0.1", 9), timeout=1),
}


@pytest.mark.parametrize("what", OUTSIDE)
def test_the_fuzzer_stops_what_leaves_the_folder(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "empty").mkdir()
    failures = failures_of(lambda: OUTSIDE[what](tmp_path), tmp_path, monkeypatch)
    assert any("touched something outside" in failure for failure in failures), failures
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert sorted(p.name for p in tmp_path.iterdir() if p.name in ("new.txt", "folder")) == []
    assert (tmp_path / "empty").is_dir()


def test_what_lies_in_the_folder_is_the_readers_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tidy() -> None:
        home = tmp_path / "scratch" / "unpacked"
        (home / "a" / "b").mkdir(parents=True)
        (home / "a" / "one.txt").write_text("1")
        (home / "a" / "one.txt").rename(home / "a" / "two.txt")
        assert (home / "a" / "two.txt").read_text() == "1"
        shutil.rmtree(home / "a")

    assert failures_of(tidy, tmp_path, monkeypatch) == []
