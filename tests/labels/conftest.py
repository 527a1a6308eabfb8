"""The databases that the log is tested on."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path
from typing import TypeVar

import pytest

from air_core.labels import Decision, LabelEvent, LabelStore
from air_core.labels.assignments import Handout
from tests.labels import postgres

Server = TypeVar("Server", bound=postgres.Server)
EVENTS = 7
"""How many :func:`filled` holds."""
GIVEN = {"a": "cat", "b": "dog", "c": None}
BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


def relabel(store: LabelStore, item: str, label: str, reviewer: str = "ana") -> LabelEvent:
    """One decision."""
    decision = Decision(item, "relabel", label=label)
    return store.record([decision], reviewer=reviewer, old_labels=GIVEN)[0]


def in_force(store: LabelStore) -> dict[str, str | None]:
    """The label that each item has by now."""
    return {item: event.new_label for item, event in store.current().items()}


def _or_skip(running: AbstractContextManager[Server]) -> Iterator[Server]:
    """Without a server the test is skipped, or fails where one is required."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(running)
        except LookupError as error:
            if os.environ.get("REQUIRE_POSTGRES"):
                raise
            pytest.skip(str(error))
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """A PostgreSQL server that all tests share."""
    yield from _or_skip(postgres.server())


@pytest.fixture
def own_server() -> Iterator[postgres.OwnServer]:
    """A PostgreSQL server that may be killed."""
    yield from _or_skip(postgres.own_server())


@pytest.fixture
def postgres_url(postgres_server: postgres.Server) -> Iterator[str]:
    """URL of an empty place in PostgreSQL."""
    with postgres_server.place() as url:
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


@pytest.fixture
def make_store(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[[], LabelStore]]:
    """Make further logs, of the kind of ``target``."""
    with ExitStack() as stack:

        def make() -> LabelStore:
            place: str | Path = tmp_path / f"{uuid.uuid4().hex}.sqlite"
            if "postgresql" in request.node.callspec.params.values():
                server: postgres.Server = request.getfixturevalue("postgres_server")
                place = stack.enter_context(server.place())
            return stack.enter_context(closing(LabelStore(place)))

        yield make


@pytest.fixture
def filled(store: LabelStore) -> LabelStore:
    """Seven events: decisions of two reviewers, an undo, and the fourth hands out an item."""
    given = {"a": "cat", "b": "dög", "c": None}
    store.record(
        [Decision("a", "relabel", label="=1+1\n☃"), Decision("b", "exclude", score=-0.0)],
        reviewer="ana",
        old_labels=given,
        operation_id="tab:1",
    )
    store.undo(1, reviewer="bob")
    store.assign(Handout([("c", "bob")], population=3), task="sample", by="eva")
    for item, score in (("b", float("nan")), ("c", 1), ("a", 0.1)):
        decision = Decision(item, "keep", score=score, lambda_g=float("inf"))
        store.record([decision], reviewer="bob", old_labels=given)
    return store
