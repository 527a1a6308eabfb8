"""What is particular to PostgreSQL: addresses, passwords, servers that go away."""

from __future__ import annotations

import stat
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from air_core.errors import DecisionError, WorkspaceError
from air_core.labels import Decision, LabelStore
from air_core.labels.assignments import Handout
from air_core.labels.database import database_url, open_engine, without_password
from air_core.workspace import Workspace
from tests.labels.postgres import PASSWORD, OwnServer, Server

GIVEN = {"a": "cat", "b": "dog"}


def keep(store: LabelStore, item: str = "a", who: str = "ana") -> int:
    return store.record([Decision(item, "keep")], reviewer=who, old_labels=GIVEN)[0].event_id


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgres://ana:pw@h/db", "postgresql://ana@h/db"),
        ("postgresql+psycopg://ana:p%40w@h:5433/db", "postgresql://ana@h:5433/db"),
        ("postgresql://h/db?password=pw&sslmode=require", "postgresql://h/db?sslmode=require"),
        (
            "postgresql://h/db?options=-csearch_path%3Da",
            "postgresql://h/db?options=-csearch_path%3Da",
        ),
        ("sqlite:////tmp/x.sqlite", "sqlite:////tmp/x.sqlite"),
        ("sqlite:///x.sqlite", f"sqlite:///{Path.cwd()}/x.sqlite"),
        ("/tmp/x.sqlite", "/tmp/x.sqlite"),
    ],
)
def test_addresses_are_shown_without_the_password(url: str, shown: str) -> None:
    assert without_password(url) == shown
    assert database_url(shown).database == database_url(url).database


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?uri=true"])
def test_a_log_in_memory_would_be_lost(url: str) -> None:
    with pytest.raises(WorkspaceError, match=r"a SQLite file.*sqlite:////absolute/path"):
        LabelStore(url)


def test_a_relative_file_stays_where_it_was_named(
    tmp_path: Path, csv_source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with closing(Workspace.create("ws", csv_source, database="sqlite:///team.sqlite")) as made:
        made.decide([Decision(str(made.dataset.item_ids[0]), "keep")], reviewer="ana")
    monkeypatch.chdir(csv_source)
    with closing(Workspace.open(tmp_path / "ws")) as again:
        assert len(again.reviewed()) == 1
    assert not (csv_source / "team.sqlite").exists()


@pytest.mark.parametrize("url", ["mysql://ana:pw@h/db", "postgresql://ana:pw@h:port/db", "://"])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(WorkspaceError, match="postgresql://USER@HOST:PORT/DATABASE") as caught:
        LabelStore(url)
    assert "pw" not in str(caught.value)


def test_a_server_that_is_not_there_is_said_without_the_password() -> None:
    with pytest.raises(WorkspaceError, match=r"cannot be opened.*refused") as caught:
        LabelStore("postgresql://ana:secret@127.0.0.1:1/db")
    assert "secret" not in str(caught.value)


pytestmark = pytest.mark.postgres


def test_connections_are_durable_and_do_not_hang(postgres_url: str) -> None:
    engine = open_engine(postgres_url)
    with engine.connect() as connection:
        shown = [
            connection.execute(text(f"SHOW {name}")).scalar()
            for name in (
                "synchronous_commit",
                "lock_timeout",
                "idle_in_transaction_session_timeout",
                "transaction_isolation",
                "application_name",
            )
        ]
    engine.dispose()
    assert shown == ["on", "30s", "10s", "read committed", "air-audit"]


def test_a_careless_server_is_told_to_wait_for_the_disk(postgres_url: str) -> None:
    url = make_url(postgres_url)
    careless = f"{url.query['options']} -csynchronous_commit=off"
    careless += " -cdefault_transaction_isolation=serializable"
    engine = open_engine(
        url.update_query_dict({"options": careless}).render_as_string(hide_password=False)
    )
    with engine.connect() as connection:
        assert connection.execute(text("SHOW synchronous_commit")).scalar() == "on"
        assert connection.execute(text("SHOW transaction_isolation")).scalar() == "read committed"
    engine.dispose()


def test_a_lock_that_is_held_too_long_is_said(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("air_core.labels.database.BUSY_SECONDS", 0.1)
    with closing(LabelStore(postgres_url)) as store:
        keep(store)
        engine = open_engine(postgres_url)
        with engine.connect() as other:
            other.execute(text("SELECT * FROM label_head FOR UPDATE"))
            with pytest.raises(DecisionError, match=r"could not be stored.*lock timeout"):
                keep(store)
            assert len(store.history()) == 1, "reading does not wait"
        engine.dispose()
        assert keep(store) == 2


def test_a_client_that_hangs_is_cut_off(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("air_core.labels.database.IDLE_SECONDS", 0.2)
    with closing(LabelStore(postgres_url)) as store:
        engine = open_engine(postgres_url)
        other = engine.connect()
        other.execute(text("SELECT * FROM label_head FOR UPDATE"))
        assert keep(store) == 1
        other.invalidate()
        other.close()
        engine.dispose()


def test_a_database_that_may_only_be_read(postgres_url: str) -> None:
    with closing(LabelStore(postgres_url)) as store:
        keep(store)
    url = make_url(postgres_url)
    options = f"{url.query['options']} -cdefault_transaction_read_only=on"
    address = url.update_query_dict({"options": options}).render_as_string(hide_password=False)
    with closing(LabelStore(address)) as store:
        assert len(store.current()) == 1
        with pytest.raises(DecisionError, match=r"could not be stored.*read-only transaction"):
            keep(store)
        assert store.verify().problems == ()


def test_a_reviewer_needs_few_rights_and_cannot_lift_the_guards(
    postgres_server: Server, postgres_url: str
) -> None:
    LabelStore(postgres_url).close()
    schema = str(make_url(postgres_url).query["options"]).partition("=")[2]
    role = f"reviewer_{schema[-12:]}"
    postgres_server.run(f"CREATE ROLE {role} LOGIN PASSWORD 'x'")
    for grant in (
        f"GRANT USAGE ON SCHEMA {schema} TO {role}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}",
        f"GRANT INSERT ON {schema}.label_events, {schema}.operations, {schema}.assignments "
        f"TO {role}",
        f"GRANT UPDATE ON {schema}.label_head TO {role}",
    ):
        postgres_server.run(grant)
    address = make_url(postgres_url).set(username=role, password="x")
    try:
        with closing(LabelStore(address.render_as_string(hide_password=False))) as store:
            keep(store)
            store.assign(Handout([("b", "ana")]), task="review", by="lea")
            assert store.verify().problems == ()
            for statement in (
                "ALTER TABLE label_events DISABLE TRIGGER ALL",
                "ALTER TABLE assignments DISABLE TRIGGER ALL",
                "DELETE FROM assignments",
                "DELETE FROM label_events",
                "UPDATE label_head SET event_id = 0",
                "SET session_replication_role = replica",
            ):
                with (
                    pytest.raises(Exception, match=r"must be|permission denied|append-only"),
                    store._log._engine.begin() as connection,
                ):
                    connection.execute(text(statement))
    finally:
        postgres_server.run(f"DROP OWNED BY {role}")
        postgres_server.run(f"DROP ROLE {role}")


def test_a_transaction_sees_what_the_one_before_has_written(postgres_url: str) -> None:
    with closing(LabelStore(postgres_url)) as one, closing(LabelStore(postgres_url)) as two:
        for number in range(1, 20):
            assert keep((one, two)[number % 2]) == number
        assert one.verify().problems == ()


@pytest.mark.slow
def test_a_server_that_dies_loses_nothing_and_the_store_goes_on(own_server: OwnServer) -> None:
    with own_server.place() as url, closing(LabelStore(url)) as store:
        keep(store)
        own_server.kill()
        with pytest.raises(DecisionError, match="could not be stored"):
            keep(store, "b")
        with pytest.raises(WorkspaceError, match="cannot be read"):
            store.history()
        own_server.start()
        assert [event.item_id for event in store.history()] == ["a"]
        assert keep(store, "b") == 2
        assert store.verify().problems == ()


# -- the workspace of a team -----------------------------------------------------------------------


@pytest.fixture
def password_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``~/.pgpass`` with the password of every server."""
    file = tmp_path / "pgpass"
    file.write_text(f"*:*:*:*:{PASSWORD.replace(':', chr(92) + ':')}\n")
    file.chmod(stat.S_IRUSR | stat.S_IWUSR)
    monkeypatch.setenv("PGPASSFILE", str(file))


def open_source(folder: Path, source: Path, url: str | None = None) -> Workspace:
    return Workspace.create(folder, source, database=url)


def test_a_team_shares_its_decisions(
    tmp_path: Path, csv_source: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = open_source(tmp_path / "ana", csv_source, postgres_url)
    bob = open_source(tmp_path / "bob", csv_source, postgres_url)
    item = str(ana.dataset.item_ids[0])
    ana.decide([Decision(item, "relabel", label="emu")], reviewer="ana")
    assert bob.reviewed()[item].reviewer == "ana"
    assert b"a.png,emu" in bob.export_bytes()
    assert not (tmp_path / "ana" / "labels.sqlite").exists()
    for each in (ana, bob):
        each.close()
        assert PASSWORD not in (each.root / "workspace.json").read_text()
    # Later the password comes from the environment.
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    again = Workspace.open(tmp_path / "bob")
    again.labels.undo_last("ana")
    again.close()
    # Importing again keeps the database.
    once_more = open_source(tmp_path / "bob", csv_source)
    assert len(once_more.labels.history()) == 2
    once_more.close()


def test_the_password_may_come_from_pgpass(
    tmp_path: Path, csv_source: Path, postgres_url: str, password_file: None
) -> None:
    bare = without_password(postgres_url)
    with closing(open_source(tmp_path / "ana", csv_source, bare)) as workspace:
        workspace.decide([Decision(str(workspace.dataset.item_ids[0]), "keep")], reviewer="ana")
    assert len(Workspace.open(tmp_path / "ana").reviewed()) == 1


def test_decisions_made_before_go_along(
    tmp_path: Path, csv_source: Path, postgres_url: str
) -> None:
    alone = open_source(tmp_path / "ana", csv_source)
    alone.decide([Decision(str(alone.dataset.item_ids[0]), "exclude")], reviewer="ana")
    history = alone.labels.history()
    alone.close()
    shared = open_source(tmp_path / "ana", csv_source, postgres_url)
    assert shared.labels.history() == history
    assert shared.labels.verify().problems == ()
    shared.decide([Decision(str(shared.dataset.item_ids[1]), "keep")], reviewer="ana")
    shared.close()
    # A colleague who has decided something else already is not merged silently.
    other = open_source(tmp_path / "bob", csv_source)
    other.decide([Decision(str(other.dataset.item_ids[2]), "keep")], reviewer="bob")
    other.close()
    with pytest.raises(DecisionError, match="one of 2 other events"):
        open_source(tmp_path / "bob", csv_source, postgres_url)
    assert len(Workspace.open(tmp_path / "bob").reviewed()) == 1


def test_decisions_on_other_images_are_refused(
    tmp_path: Path, csv_source: Path, postgres_url: str
) -> None:
    with closing(LabelStore(postgres_url)) as store:
        keep(store)
    with pytest.raises(WorkspaceError, match="holds decisions on other images") as caught:
        open_source(tmp_path / "ana", csv_source, postgres_url)
    assert PASSWORD not in str(caught.value)
