"""A real server over a real audit, and a real browser."""

from __future__ import annotations

import contextlib
import csv
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from air_core import pipeline
from air_core.installation import sample_source
from air_core.labels import LabelEvent
from air_core.workspace import Workspace

HOSTILE = '<img src=x onerror="window.wasRun=1">'
"""Takes the place of the class "Bag": names from files must be text everywhere."""
IMAGES = 300
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder drives a browser, and runs last.

    The quick tests fail first, and the browser driver keeps an event loop running in this thread
    that the routes' tests could not share.
    """
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.e2e)
    items.sort(key=lambda item: here in item.path.parents)


class Server:
    """``air-audit ui`` on a free port of this machine."""

    def __init__(self, workspace: Path | None, port: int | None = None) -> None:
        self.workspace = workspace
        self.port = port or _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Server:
        """Start it and wait until it answers."""
        command = [sys.executable, "-m", "air_core.cli", "ui", "--port", str(self.port)]
        command += [] if self.workspace is None else [str(self.workspace)]
        environment = {k: v for k, v in os.environ.items() if k != "AIR_AUDIT_WORKSPACE"}
        # A group of its own: the command starts Streamlit as a child.
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2).close()
                return self
            time.sleep(0.1)
        self.stop()
        raise TimeoutError(f"Expected an interface at {self.url} within 60 s, got none.")

    def stop(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """Chromium without a window."""
    path = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if path is None:
        message = f"Expected one of {', '.join(_BROWSERS)} on this machine, found none"
        if os.environ.get("REQUIRE_E2E") == "1":
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=list(_FLAGS))
        yield opened
        opened.close()


@pytest.fixture
def page(browser) -> Iterator[object]:
    """A window of its own, 1440 by 900; anything a script throws fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    context.set_default_timeout(30_000)
    opened = context.new_page()
    thrown: list[str] = []
    opened.on("pageerror", lambda error: thrown.append(str(error)))
    yield opened
    context.close()
    assert not thrown


@pytest.fixture(scope="session")
def sample_audit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A quarter of the sample, audited; one class has a hostile name."""
    folder = tmp_path_factory.mktemp("sample")
    with sample_source().open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    (folder / "images").mkdir()
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for path, label in rows[: 4 * IMAGES : 4]:
            shutil.copy(sample_source().parent / path, folder / path)
            writer.writerow((path, HOSTILE if label == "Bag" else label))
    workspace = pipeline.open_source(folder / "labels.csv", folder / "audit")
    pipeline.audit(workspace, device="cpu")
    workspace.close()
    return folder


@pytest.fixture
def audit(sample_audit: Path, tmp_path: Path) -> Path:
    """A copy of the audited sample that this test may change."""
    shutil.copytree(sample_audit / "audit", tmp_path / "fashion")
    return tmp_path / "fashion"


@pytest.fixture
def server(audit: Path) -> Iterator[Server]:
    """The interface over this test's audit."""
    running = Server(audit).start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def untouched(sample_audit: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One interface for all tests that decide nothing, over an audit that has its map."""
    folder = tmp_path_factory.mktemp("untouched") / "fashion"
    shutil.copytree(sample_audit / "audit", folder)
    workspace = Workspace.open(folder)
    pipeline.project(workspace)
    workspace.close()
    running = Server(folder).start()
    yield running
    assert not Workspace.open(folder).labels.history(), "a test decided in the shared audit"
    running.stop()


@pytest.fixture
def start() -> Iterator[Callable[[Path | None], Server]]:
    """Start further servers; they end with the test."""
    running: list[Server] = []

    def begin(workspace: Path | None) -> Server:
        running.append(Server(workspace).start())
        return running[-1]

    yield begin
    for one in running:
        one.stop()


def stored(audit: Path, at_least: int, seconds: float = 20) -> list[LabelEvent]:
    """What the label store holds once it holds ``at_least`` events, oldest first."""
    deadline = time.monotonic() + seconds
    while True:
        workspace = Workspace.open(audit)
        events = workspace.labels.history()
        workspace.close()
        if len(events) >= at_least or time.monotonic() > deadline:
            return events
        time.sleep(0.1)


def settled(page) -> None:
    """Wait until the page is drawn and nothing runs."""
    page.locator("[data-testid=stMarkdown]").first.wait_for()
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
    # Components draw after the script has ended, and pictures arrive after that.
    page.wait_for_timeout(1200)
