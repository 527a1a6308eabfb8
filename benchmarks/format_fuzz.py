"""Readers against broken files: no traceback, no hang, nothing touched outside their folder."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from air_core.errors import AirError
from air_core.formats import ReadOptions, find_format, get_format
from air_core.images import IMAGE_EXTENSIONS
from benchmarks.fuzz_watch import watched

SLOW_SECONDS = 1.0
HANG_SECONDS = 20
_TOKENS = (
    b'"', b"'", b",", b";", b"\t", b"\n", b"\r\n", b"\0", b"{", b"}", b"[", b"]", b"[" * 5000,
    b"{\"a\":" * 3000, b"<", b">", b"&", b"<!DOCTYPE x [<!ENTITY a 'b'>]>", b"null", b"true", b"-1",
    b"1e999", b"9" * 400, b"../", b"/etc/passwd", b"C:\\", b"\xff\xfe", b"\xef\xbb\xbf", b"\x80",
    b"\xed\xa0\x80", b"=1+1", b"NaN", b"a" * 100_000,
)  # fmt: skip


@dataclass(slots=True)
class Outcome:
    """What became of the broken inputs of one reader."""

    inputs: int = 0
    refused: int = 0
    slowest: float = 0.0
    failures: list[str] = field(default_factory=list)


def fuzz(format: str, sample: Path, scratch: Path, *, inputs: int, seed: int = 0) -> Outcome:
    """Read mutations of a sample; every other one without saying which format it is.

    Parameters
    ----------
    format : str
    sample : Path
        A source of that format: a file with its images beside it, or a folder.
    scratch : Path
        A folder to work in; whatever is read or written outside it is a failure.
    inputs : int
    seed : int
    """
    rng = random.Random(seed)
    home = scratch / "source"
    shutil.copytree(sample if sample.is_dir() else sample.parent, home)
    source = home if sample.is_dir() else home / sample.name
    files = sorted(f for f in home.rglob("*") if f.is_file() and _is_label_file(f))
    contents = {file: file.read_bytes() for file in files}
    outcome = Outcome()
    _attempt(source, format, scratch, Outcome(), sample.name)  # imports take their time once
    for number in range(inputs):
        if files:
            target = rng.choice(files)
            target.write_bytes(_mutate(rng, contents[target], rng.choice(list(contents.values()))))
            moved = None
        else:  # the labels stand in the names alone
            target = rng.choice(sorted(home.rglob("*")))
            moved = _rename(rng, target)
        outcome.inputs += 1
        named = None if number % 2 else format
        seconds = _attempt(source, named, scratch, outcome, target.name)
        if seconds > SLOW_SECONDS:
            # An input that hangs does so each time; a machine that was busy does not.
            seconds = min(seconds, _attempt(source, named, scratch, Outcome(), target.name))
        outcome.slowest = max(outcome.slowest, seconds)
        if seconds > SLOW_SECONDS:
            outcome.failures.append(f"{target.name}: {seconds:.1f} s")
        if moved is None:
            target.write_bytes(contents[target])
        else:
            moved.rename(target)
    return outcome


def _attempt(source: Path, named: str | None, scratch: Path, outcome: Outcome, what: str) -> float:
    """Read the source as it stands now; seconds that it took."""
    options = ReadOptions(unpack=scratch / "unpacked")
    started = time.perf_counter()
    try:
        with watched(scratch, outcome.failures), _limit(HANG_SECONDS):
            chosen = get_format(named) if named else find_format(source, None, options)
            chosen.read(source, options)
    except AirError:
        outcome.refused += 1
    except Exception as error:
        outcome.failures.append(f"{what}: {type(error).__name__}: {str(error)[:200]}")
    seconds = time.perf_counter() - started
    shutil.rmtree(scratch / "unpacked", ignore_errors=True)
    return seconds


def _is_label_file(file: Path) -> bool:
    return file.suffix.lower() not in IMAGE_EXTENSIONS


def _rename(rng: random.Random, path: Path) -> Path:
    """Give a file or folder a broken name; returns its new path."""
    name = os.fsencode(path.name)
    while True:
        broken = _mutate(rng, name, name).replace(b"/", b"").replace(b"\0", b"")[:200]
        new = path.parent / os.fsdecode(broken)
        if broken not in (b"", b".", b"..") and (broken == name or not os.path.lexists(new)):
            return path.rename(new)


def _mutate(rng: random.Random, data: bytes, other: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        size = len(changed)
        at = rng.randrange(size + 1)
        length = min(size - at, rng.choice((1, 1, 2, 8, 64, 1024)))
        kind = rng.randrange(7)
        if kind == 0 and size:
            changed[rng.randrange(size)] = rng.randrange(256)
        elif kind == 1:
            del changed[at : at + length]
        elif kind == 2:
            changed[at:at] = changed[at : at + length]
        elif kind == 3:
            changed[at:at] = rng.choice(_TOKENS)
        elif kind == 4:
            changed[at : at + length] = rng.randbytes(length)
        elif kind == 5:
            del changed[at:]
        else:
            start = rng.randrange(len(other) + 1)
            changed[at:at] = other[start : start + rng.choice((8, 64, 4096))]
    return bytes(changed)


@contextmanager
def _limit(seconds: int) -> Iterator[None]:
    """Stop what hangs."""

    def stop(_signal: int, _frame: object) -> None:
        raise TimeoutError(f"still running after {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
