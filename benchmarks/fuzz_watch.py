"""Notices and stops a reader that touches anything outside a folder.

Python tells audit hooks of every file that it opens and every folder that it lists, of renames,
deletions, processes and connections. What a library opens in C, such as Arrow a Parquet file by
name, they do not see: our readers hand it what they have opened or found below the source.
"""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent

# How many of the arguments that come first are places.
_READS = {"os.listdir": 1, "os.scandir": 1, "os.listxattr": 1, "os.getxattr": 1, "os.chdir": 1}
_WRITES = {
    "os.remove": 1, "os.rmdir": 1, "os.mkdir": 1, "os.truncate": 1, "os.chmod": 1, "os.chown": 1,
    "os.utime": 1, "os.setxattr": 1, "os.removexattr": 1, "os.rename": 2, "os.link": 2,
    "os.symlink": 2, "shutil.rmtree": 1, "shutil.move": 2, "sqlite3.connect": 1,
}  # fmt: skip
_BESIDE = {
    *("os.remove", "os.rmdir", "os.mkdir", "os.chmod", "os.chown", "os.utime"),
    *("os.rename", "os.link", "os.symlink"),
}
_NEVER = {
    *("os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "subprocess.Popen"),
    *("socket.connect", "socket.bind", "socket.getaddrinfo", "ctypes.dlopen"),
}


def _own_places() -> tuple[Path, ...]:
    """Where Python, its packages and this project lie: modules are loaded when first needed."""
    paths = {
        *(sys.prefix, sys.base_prefix, sys.exec_prefix),
        *sysconfig.get_paths().values(),
        *site.getsitepackages(),
        str(_HERE.parent / "air_core"),
        str(_HERE),
    }
    # A system's Python says "/usr": all programs' data, and nothing that a reader needs.
    return tuple({Path(path).resolve() for path in paths} - {Path("/"), Path("/usr")})


class _Watch:
    """Python has no way to take an audit hook out again: there is one for good, mostly asleep."""

    def __init__(self) -> None:
        self._installed = False
        self._folder: Path | None = None
        self._found: list[str] = []
        self._own = _own_places()

    @contextmanager
    def __call__(self, folder: Path, found: list[str]) -> Iterator[None]:
        """Look while the block runs.

        Parameters
        ----------
        folder : Path
            All that may be read and written.
        found : list of str
            Gets a line for each thing that was touched outside it; the attempt ends with a
            ``PermissionError``.
        """
        if not self._installed:
            sys.addaudithook(self._hook)
            self._installed = True
        self._found, self._folder = found, folder.resolve()
        try:
            yield
        finally:
            self._folder = None

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._folder is None:
            return
        if event in _NEVER:
            self._refuse(f"{event} {arguments[:1]}")
        elif event == "open":
            flags = arguments[2] if isinstance(arguments[2], int) else 0
            writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
            self._check("wrote" if writes else "read", arguments[:1], bool(writes))
        elif event in _READS:
            self._check(event, arguments[: _READS[event]] or (".",), False)
        elif event in _WRITES:
            self._check(event, _placed(event, arguments), True)

    def _check(self, what: str, places: Sequence[object], writes: bool) -> None:
        for place in places:
            if not isinstance(place, str | bytes | os.PathLike):
                continue  # a descriptor: opening it was looked at
            path, folder = Path(os.fsdecode(place)), self._folder
            # Opening a name beside an open folder looks like this, and nobody says which folder.
            if what == "read" and not path.is_absolute() and not os.path.lexists(path):
                continue
            real = path.resolve()
            if folder is None or real.is_relative_to(folder) or self._is_own(real, writes):
                continue
            self._refuse(f"{what} {real}")

    def _is_own(self, real: Path, writes: bool) -> bool:
        if writes:  # compiled modules, on the first import
            caches = "__pycache__" in real.parts and real.is_relative_to(_HERE.parent)
            return caches or real == Path(os.devnull)
        return real == Path("/dev/urandom") or any(real.is_relative_to(own) for own in self._own)

    def _refuse(self, what: str) -> None:
        self._found.append(f"touched something outside: {what}")
        raise PermissionError(f"The reader may not do this: {what}")


def _placed(event: str, arguments: tuple[Any, ...]) -> list[object]:
    """The places of an event; a name beside an open folder counts from there."""
    count = _WRITES[event]
    places, rest = list(arguments[:count]), arguments[count:]
    # Where there is one, it comes last; renames and links have one for each place.
    folders = rest[:2] if event in ("os.rename", "os.link") else rest[-1:] * count
    if event not in _BESIDE:
        return places
    return [
        Path(f"/proc/self/fd/{folder}", os.fsdecode(place))
        if isinstance(folder, int) and folder > 2 and isinstance(place, str | bytes)
        else place
        for place, folder in zip(places, folders, strict=False)
    ]


watched = _Watch()
"""Use as ``with watched(folder, found): …``."""
