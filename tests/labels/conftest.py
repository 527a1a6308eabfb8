"""The databases that the log is tested on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from air_core.labels import LabelStore
from tests.labels import postgres

BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """A PostgreSQL server; without one the test is skipped, or fails if it is required."""
    try:
        running = postgres.server()
        server = running.__enter__()
    except LookupError as error:
        if os.environ.get("REQUIRE_POSTGRES"):
            raise
        pytest.skip(str(error))
    yield server
    running.__exit__(None, None, None)


@pytest.fixture
def postgres_url(postgres_server: postgres.Server) -> Iterator[str]:
    """URL of an empty PostgreSQL database."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture(params=BOTH)
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str | Path:
    """Where a log can be made, on each kind of database."""
    if request.param == "sqlite":
        return tmp_path / "labels.sqlite"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def store(target: str | Path) -> Iterator[LabelStore]:
    """An empty log, on each kind of database."""
    with closing(LabelStore(target)) as opened:
        yield opened
