"""What was acknowledged stays, whatever is killed, full or read-only."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import pytest

from air_core.labels import LabelStore
from tests.conftest import THOROUGH
from tests.labels.postgres import OwnServer, Server
from tests.labels.worker import ROOT, answers, start

FULL = pytest.mark.skipif(not THOROUGH, reason="takes half an hour: make thorough")


def begin(
    target: str | Path, client: str, first: int, last: int, *, may_fail: bool = False
) -> subprocess.Popen[str]:
    return start("decide", target, client, first, last, may_fail=may_fail)


def acknowledged(worker: subprocess.Popen[str]) -> list[int]:
    """The numbers that a worker has printed since, up to its end."""
    return [int(line) for line in answers(worker)]


def stored(store: LabelStore, client: str) -> list[int]:
    """The operations of a client in the log, as often as they are there."""
    return [
        int(str(event.operation_id).rpartition(":")[2]) for event in store.history(reviewer=client)
    ]


def kill_while_deciding(
    target: str | Path, client: str, count: int, chance: random.Random
) -> tuple[int, int]:
    """Kill a worker at a random moment; what it has acknowledged, and what is stored."""
    worker = begin(target, client, 1, count)
    assert worker.stdout is not None
    # The first line tells that it has started; then any moment will do.
    for _ in range(chance.randint(1, count - 1)):
        last = worker.stdout.readline()
    time.sleep(chance.uniform(0, 0.01))
    worker.kill()
    told = [int(last), *acknowledged(worker)][-1]
    with closing(LabelStore(target)) as store:
        numbers = stored(store, client)
        assert numbers == list(range(1, len(numbers) + 1)), "each once and in order"
        assert told <= len(numbers) <= told + 1
        assert store.applied(client) == len(numbers)
        assert store.verify().problems == ()
    return told, len(numbers)


@pytest.mark.slow
@pytest.mark.parametrize(("rounds", "count"), [(2, 40), pytest.param(20, 2000, marks=FULL)])
def test_whatever_is_killed_every_acknowledged_decision_is_there_once(
    target: str | Path, rounds: int, count: int
) -> None:
    chance, between = random.Random(0), 0
    for number in range(rounds):
        client = f"round{number}"
        told, kept = kill_while_deciding(target, client, count, chance)
        between += kept - told
        # A client that was killed sends again whatever it got no answer for, and here more.
        rest = acknowledged(begin(target, client, max(1, told - 2), count))
        assert rest[-1] == count
        with closing(LabelStore(target)) as store:
            assert stored(store, client) == list(range(1, count + 1))
    with closing(LabelStore(target)) as store:
        assert len(store.history()) == rounds * count
        assert store.verify().problems == ()
    print(f"{rounds} rounds, {between} killed between the disk and the answer")


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.parametrize(("rounds", "count"), [(1, 100), pytest.param(5, 1000, marks=FULL)])
def test_a_server_that_is_killed_keeps_what_it_acknowledged(
    own_server: OwnServer, rounds: int, count: int
) -> None:
    chance = random.Random(1)
    with own_server.place() as url:
        for number in range(rounds):
            client = f"round{number}"
            worker = begin(url, client, 1, count, may_fail=True)
            assert worker.stdout is not None
            for _ in range(chance.randint(1, count - 1)):
                last = worker.stdout.readline()
            own_server.kill()
            told = [int(last), *acknowledged(worker)][-1]
            own_server.start()
            with closing(LabelStore(url)) as store:
                numbers = stored(store, client)
                assert numbers == list(range(1, len(numbers) + 1))
                assert told <= len(numbers) <= told + 1
                assert store.verify().problems == ()
            assert acknowledged(begin(url, client, told + 1, count))[-1] == count
        with closing(LabelStore(url)) as store:
            assert len(store.history()) == rounds * count
            assert store.verify().problems == ()


@pytest.mark.slow
@pytest.mark.parametrize(("processes", "count"), [(3, 30), pytest.param(8, 500, marks=FULL)])
def test_many_processes_at_once_make_one_valid_chain(
    target: str | Path, processes: int, count: int
) -> None:
    workers = [begin(target, f"client{n}", 1, count) for n in range(processes)]
    assert [acknowledged(worker) for worker in workers] == [list(range(1, count + 1))] * processes
    assert [worker.returncode for worker in workers] == [0] * processes
    with closing(LabelStore(target)) as store:
        history = store.history()
        assert [event.event_id for event in history] == list(range(1, processes * count + 1))
        assert len(store.current()) == processes * count
        for number in range(processes):
            assert stored(store, f"client{number}") == list(range(1, count + 1))
        assert store.verify() == store.verify(history)
        assert store.verify().problems == ()


def on_a_small_disk(mode: str, folder: Path) -> dict[str, object]:
    """What a worker finds that may mount disks of its own."""
    words = ["unshare", "--mount"]
    if os.geteuid() != 0:
        words.append("--map-root-user")
    if subprocess.run([*words, "true"], capture_output=True).returncode != 0:
        pytest.skip("disks cannot be mounted here")
    run = subprocess.run(
        [*words, sys.executable, "-m", "tests.labels.worker", mode, str(folder)],
        capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    report: dict[str, object] = json.loads(run.stdout)
    return report


def test_a_full_disk_is_said_and_nothing_is_damaged(tmp_path: Path) -> None:
    report = on_a_small_disk("full_disk", tmp_path)
    assert str(report["said"]).startswith(
        "The decision could not be stored: database or disk is full. Check the free space"
    )
    assert int(str(report["stored"])) > 10
    assert report["counts"] == [0, 0, 1]
    assert report["problems"] == []
    assert report["integrity"] == "ok"


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.skipif(os.geteuid() != 0, reason="the server runs as another user than root")
def test_a_full_disk_of_the_server_is_said_and_nothing_is_damaged(
    postgres_server: Server,  # skips where there is none
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        report = on_a_small_disk("full_tablespace", Path(folder))
    assert "The decision could not be stored: could not extend file" in str(report["said"])
    assert "No space left on device. Check that the database server" in str(report["said"])
    assert int(str(report["stored"])) > 10
    assert report["counts"] == [0, 0, 1]
    assert report["problems"] == []


def test_a_disk_that_is_read_only_is_said(tmp_path: Path) -> None:
    report = on_a_small_disk("read_only_disk", tmp_path)
    assert "cannot be written. Allow writing to the workspace folder" in str(report["said"])
    assert (report["same"], report["problems"]) == (True, [])
