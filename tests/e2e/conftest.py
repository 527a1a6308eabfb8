"""A real server over a real audit, and a real browser."""

from __future__ import annotations

import csv
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from air_core import pipeline
from air_core.installation import sample_source
from air_core.labels import LabelEvent
from air_core.workspace import Workspace
from benchmarks.ui_browser import Server, chromium, open_browser, settled

__all__ = ["HOSTILE", "IMAGES", "Server", "settled", "stored"]

HOSTILE = '<img src=x onerror="window.wasRun=1">'
"""Takes the place of the class "Bag": names from files must be text everywhere."""
IMAGES = 300


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


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """Chromium without a window."""
    if chromium() is None:
        message = "Expected chromium on this machine, found none"
        if os.environ.get("REQUIRE_E2E") == "1":
            pytest.fail(message)
        pytest.skip(message)
    with open_browser() as opened:
        yield opened


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
