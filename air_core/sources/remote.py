"""Fetching a source from a remote file system, file by file; a broken fetch goes on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from air_core.atomic import atomic_write
from air_core.entries import inner_path
from air_core.errors import AirError, SourceError
from air_core.progress import ProgressCallback

_CHUNK = 1 << 20
_SECRET = re.compile(
    r"([?&][^=&#]*(?:signature|sig|token|secret|password|credential|api_?key)=)[^&#]*",
    re.IGNORECASE,
)


def is_url(source: str) -> bool:
    """Whether a source is an address of fsspec such as ``s3://bucket/folder``."""
    return "://" in source


def without_secrets(url: str) -> str:
    """An address as it may be stored and shown: passwords and signatures are blotted out.

    Examples
    --------
    >>> without_secrets("https://me:pw@host/a.zip?sig=ab12&v=1")
    'https://me:***@host/a.zip?sig=***&v=1'
    >>> without_secrets("filecache::https://me:pw@host/a.zip")
    'filecache::https://me:***@host/a.zip'
    """
    if "::" in url:  # fsspec's chains of file systems
        return "::".join(without_secrets(part) for part in url.split("::"))
    parts = urlsplit(url)
    if "@" in parts.netloc:
        user, host = parts.netloc.rsplit("@", 1)
        # Without a colon what stands there is often a token: only ssh has a user alone.
        alone = parts.netloc if parts.scheme not in ("http", "https") else f"***@{host}"
        netloc = f"{user.split(':')[0]}:***@{host}" if ":" in user else alone
        url = urlunsplit(parts._replace(netloc=netloc))
    return _SECRET.sub(r"\1***", url)


def fetch(
    url: str, folder: Path, progress: ProgressCallback
) -> tuple[Path, tuple[tuple[str, str], ...]]:
    """Copy a remote file or folder to here; files that did not change are not copied again.

    Parameters
    ----------
    url : str
        Any address that fsspec opens.
    folder : Path
        Where to; made when missing. ``folder`` with the ending ``.jsonl`` remembers what came.
    progress : callable
        Told of MB.

    Returns
    -------
    path : Path
        The file or folder here; for a local address the place itself.
    rejected : tuple of (str, str)
        Names that cannot be files here, and why.

    Raises
    ------
    SourceError
        If the address cannot be read.
    """
    with _reporting(url):
        # Here, since it takes a moment and most sources are local.
        import fsspec
        from fsspec.implementations.local import LocalFileSystem

        system, start = fsspec.core.url_to_fs(url)
        if isinstance(system, LocalFileSystem):
            return Path(start).resolve(), ()
        info = system.info(start)
        single = info["type"] == "file"
        remote = {start: info} if single else system.find(start, detail=True)
        if not remote:
            raise SourceError(f"Expected files at {without_secrets(url)}, got an empty folder.")
    rejected: list[tuple[str, str]] = []
    wanted: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for name, details in remote.items():
        inner = name.rsplit("/", 1)[-1] if single else name.removeprefix(start)
        try:
            wanted[str(inner_path(inner.lstrip("/").split("?")[0]))] = (name, details)
        except SourceError as error:
            rejected.append((inner, str(error)))
    folder.mkdir(parents=True, exist_ok=True)
    journal = _Journal.read(folder.with_name(f"{folder.name}.jsonl"))
    _drop_others(folder, wanted)
    total = sum(int(details.get("size") or 0) for _, details in wanted.values())
    done = 0
    for inner, (name, details) in wanted.items():
        with _reporting(url):
            for read in _copy(system, name, details, folder, inner, journal):
                done += read
                progress(done >> 20, max(total, done) >> 20, "Fetching (MB)")
    journal.shorten(wanted)
    return (folder / next(iter(wanted)) if single else folder), tuple(rejected)


@dataclass(slots=True)
class _Journal:
    """Which version of each file has been begun or is here, one JSON line each."""

    file: Path
    begun: dict[str, str] = field(default_factory=dict)
    here: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, file: Path) -> _Journal:
        journal = cls(file)
        lines = file.read_text("utf-8", errors="replace").splitlines() if file.exists() else []
        for line in lines:
            try:
                name, version, done = json.loads(line)
            except ValueError:
                # The line that was being written when the process was killed.
                continue
            (journal.here if done else journal.begun)[name] = version
            if not done:
                journal.here.pop(name, None)
        return journal

    def add(self, name: str, version: str, *, done: bool) -> None:
        (self.here if done else self.begun)[name] = version
        # A newline first: the last line may have been cut off by a kill.
        with self.file.open("a", encoding="utf-8") as file:
            file.write(f"\n{json.dumps([name, version, done])}")

    def shorten(self, names: Mapping[str, object]) -> None:
        lines = [json.dumps([n, v, True]) for n, v in self.here.items() if n in names]
        with atomic_write(self.file) as file:
            file.write("\n".join(lines).encode())


def _copy(
    system: Any, name: str, details: Mapping[str, Any], folder: Path, inner: str, journal: _Journal
) -> Iterator[int]:
    """Copy one file, from where an earlier attempt stopped; yields bytes."""
    target, size = folder / inner, details.get("size")
    version = _version(details)
    if journal.here.get(inner) == version and target.is_file():
        yield int(target.stat().st_size)
        return
    part = folder.with_name(f"{folder.name}.part")
    have = 0
    if size is not None and journal.begun.get(inner) == version and part.is_file():
        have = min(part.stat().st_size, int(size))
    else:
        part.unlink(missing_ok=True)
        journal.add(inner, version, done=False)
    target.parent.mkdir(parents=True, exist_ok=True)
    with system.open(name, "rb") as remote, part.open("ab") as local:
        local.truncate(have)
        if have:
            remote.seek(have)
            yield have
        while chunk := remote.read(_CHUNK):
            local.write(chunk)
            yield len(chunk)
    got = part.stat().st_size
    if size is not None and got != size:
        part.unlink()
        raise SourceError(f"Expected {size:,} bytes of {inner}, got {got:,}.", hint="Run it again.")
    part.replace(target)
    journal.add(inner, version, done=True)


def _version(details: Mapping[str, Any]) -> str:
    """What a file system tells about a file's content: size, times, tags, checksums."""
    known = {k: str(v) for k, v in details.items() if isinstance(v, str | int | float)}
    times = {k: v.isoformat() for k, v in details.items() if hasattr(v, "isoformat")}
    return json.dumps({**known, **times}, sort_keys=True)


def _drop_others(folder: Path, wanted: Mapping[str, object]) -> None:
    """Remove what is no longer there remotely, or is in the way of what is."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.relative_to(folder).as_posix() not in wanted:
            path.unlink()


@contextmanager
def _reporting(url: str) -> Iterator[None]:
    """Turn what the many file systems raise into a SourceError without secrets in it."""
    place = without_secrets(url)
    try:
        yield
    except AirError:
        raise
    except ImportError as error:
        raise SourceError(
            f"Reading {place} needs a package that is not installed: {error}.",
            hint="Install it and run the command again.",
        ) from None
    except FileNotFoundError:
        raise SourceError(
            f"Expected a file or folder at {place}, got nothing.", hint="Check the address."
        ) from None
    # Every file system has its own errors; none of them is a fault of this program.
    except Exception as error:
        detail = (str(error) or type(error).__name__).replace(url, place)
        raise SourceError(
            f"{place} could not be fetched: {detail}.",
            hint="Check the address, the network and your access, and run it again: it goes on.",
        ) from None
