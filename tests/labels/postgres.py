"""A PostgreSQL server of our own on loopback, gone after the tests."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy.engine import URL, make_url

PASSWORD = "s3cret/@:"


def find_binaries() -> Path | None:
    """Folder with ``initdb`` and ``postgres``, the newest that is installed."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    on_path = shutil.which("initdb")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    whole = [f for f in folders if (f / "initdb").exists() and (f / "postgres").exists()]
    return whole[-1] if whole else None


class Server:
    """A server on which logs can be made.

    Parameters
    ----------
    url : URL
        Of a database in which its role may create schemas.
    """

    def __init__(self, url: URL) -> None:
        self.url = url

    def run(self, statement: str) -> None:
        with psycopg.connect(_address(self.url), autocommit=True) as connection:
            connection.execute(statement.encode())

    @contextmanager
    def place(self, options: str = "") -> Iterator[str]:
        """URL of an empty place for a log: a schema, which is quicker to make than a database."""
        name = f"labels_{uuid.uuid4().hex[:12]}"
        self.run(f"CREATE SCHEMA {name}")
        try:
            address = self.url.update_query_dict(
                {"options": f"-csearch_path={name} {options}".strip()}
            )
            yield address.render_as_string(hide_password=False)
        finally:
            self.run(f"DROP SCHEMA {name} CASCADE")


class OwnServer(Server):
    """A cluster in a folder of its own, which can be killed and started again."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries, self._folder = binaries, folder
        # PostgreSQL refuses to run as root.
        self._user = "postgres" if os.geteuid() == 0 else None
        self.give(folder)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        super().__init__(
            URL.create("postgresql", "postgres", PASSWORD, "127.0.0.1", port, "postgres")
        )
        word = folder / "password"
        word.write_text(PASSWORD)
        self._command(
            "initdb", "--pgdata", folder / "data", "--username=postgres", "--encoding=UTF8",
            "--auth=scram-sha-256", f"--pwfile={word}", "--locale=C", "--no-sync",
        )  # fmt: skip
        self.start()

    def give(self, folder: Path) -> None:
        """Let the server write to a folder."""
        if self._user:
            shutil.chown(folder, self._user, self._user)

    def _command(self, name: str, *arguments: str | Path) -> None:
        subprocess.run(
            [self._binaries / name, *arguments],
            check=True, user=self._user, cwd=self._folder, stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def start(self) -> None:
        """Start the server and wait until it answers."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    self._binaries / "postgres", "-D", self._folder / "data",
                    "-c", "listen_addresses=127.0.0.1", "-p", str(self.url.port),
                    "-c", f"unix_socket_directories={self._folder}",
                ],
                user=self._user, cwd=self._folder, stdout=log, stderr=log,
            )  # fmt: skip
        for _ in range(600):
            try:
                psycopg.connect(_address(self.url)).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.05)
        raise RuntimeError((self._folder / "log").read_text())

    def kill(self) -> None:
        """End it as a power cut would: no transaction is finished, nothing is flushed."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(timeout=60)


@contextmanager
def own_server() -> Iterator[OwnServer]:
    """A server that the test may kill.

    Raises
    ------
    LookupError
        If PostgreSQL is not installed.
    """
    binaries = find_binaries()
    if binaries is None:
        raise LookupError("PostgreSQL is not installed, and AIR_AUDIT_TEST_POSTGRES is not set")
    # Not below pytest's folder, which only its owner may enter.
    folder = Path(tempfile.mkdtemp(prefix="air-audit-postgres-"))
    try:
        own = OwnServer(binaries, folder)
        try:
            yield own
        finally:
            own.kill()
    finally:
        shutil.rmtree(folder)


@contextmanager
def server() -> Iterator[Server]:
    """The server that ``AIR_AUDIT_TEST_POSTGRES`` names, or one of our own."""
    named = os.environ.get("AIR_AUDIT_TEST_POSTGRES")
    if named:
        yield Server(make_url(named))
    else:
        with own_server() as own:
            yield own


def _address(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)
