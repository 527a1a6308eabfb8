"""The interface as a process of its own, and a real browser to look at it with."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SECONDS = 60  # to start in, on a machine that does other work


class Server:
    """``air-audit ui`` on a free port of this machine.

    Parameters
    ----------
    workspace : Path or None
        The audit to show.
    port : int, optional
        A free one by default; the same again to play a restart.
    environment : dict of str to str, optional
        More variables for the server.
    """

    def __init__(
        self,
        workspace: Path | None,
        port: int | None = None,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.workspace = workspace
        self.port = port or _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = environment or {}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Server:
        """Start it and wait until it answers.

        Raises
        ------
        TimeoutError
            With what the server said, if it does not.
        """
        command = [sys.executable, "-m", "air_core.cli", "ui", "--port", str(self.port)]
        command += [] if self.workspace is None else [str(self.workspace)]
        environment = {k: v for k, v in os.environ.items() if k != "AIR_AUDIT_WORKSPACE"}
        with tempfile.TemporaryFile() as said:
            # A group of its own: the command starts Streamlit as a child.
            self._process = subprocess.Popen(
                command,
                env=environment | self._environment,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
            deadline = time.monotonic() + SECONDS
            while time.monotonic() < deadline and self._process.poll() is None:
                with contextlib.suppress(OSError):
                    urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2).close()
                    return self
                time.sleep(0.1)
            self.stop()
            said.seek(0)
            tail = said.read().decode(errors="replace")[-2000:]
        raise TimeoutError(f"Expected an interface at {self.url} in {SECONDS} s, got: {tail}")

    def stop(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def processes(self) -> list[psutil.Process]:
        """The command and all that it started."""
        if self._process is None:
            return []
        command = psutil.Process(self._process.pid)
        return [command, *command.children(recursive=True)]

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def chromium() -> str | None:
    """Where this machine has a browser that can be driven; None if nowhere."""
    return next(filter(None, map(shutil.which, _BROWSERS)), None)


@contextlib.contextmanager
def open_browser() -> Iterator[Any]:
    """Chromium without a window.

    Raises
    ------
    FileNotFoundError
        If this machine has none.
    """
    path = chromium()
    if path is None:
        raise FileNotFoundError(f"Expected one of {', '.join(_BROWSERS)} on this machine.")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=list(_FLAGS))
        yield opened
        opened.close()


@contextlib.contextmanager
def given_or_own(browser: Any = None) -> Iterator[Any]:
    """The browser given, left open; or one of its own."""
    if browser is not None:
        yield browser
    else:
        with open_browser() as opened:
            yield opened


def settled(page: Any) -> None:
    """Wait until the page is drawn and nothing runs."""
    page.locator("[data-testid=stMarkdown]").first.wait_for()
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
    # Components draw after the script has ended, and pictures arrive after that.
    page.wait_for_timeout(1200)
