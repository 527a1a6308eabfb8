"""What tests run in a process of its own: ``python -m tests.labels.worker MODE …``.

Not by :mod:`multiprocessing`, whose new processes run anew whatever this one has as its main
module, which may be a page of the interface.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
from sqlalchemy import text

from air_core.dataset import Dataset, stable_item_ids
from air_core.errors import DecisionError
from air_core.labels import Decision, LabelStore
from air_core.reviewers import assign_queue
from tests.labels import postgres

ROOT = Path(__file__).parents[2]
LABELS = ("cat", "dog", "emu")


def start(mode: str, *words: object, may_fail: bool = False) -> subprocess.Popen[str]:
    """Run a worker; :func:`answers` waits for it."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.labels.worker", mode, *map(str, words)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL if may_fail else None,
        text=True, cwd=ROOT,
    )  # fmt: skip


def answers(worker: subprocess.Popen[str]) -> list[str]:
    """The whole lines that a worker has printed since, up to its end."""
    assert worker.stdout is not None
    with worker.stdout:
        lines = worker.stdout.read().split("\n")
    worker.wait()
    return lines[:-1]


def decide(target: str, client: str, first: str, last: str) -> None:
    """Record the operations ``first`` to ``last``; print the number of each that is stored."""
    with closing(LabelStore(target)) as store:
        for number in range(int(first), int(last) + 1):
            item = f"{client}-{number}"
            store.record(
                [Decision(item, "relabel", label=LABELS[number % 3], reason="by a worker")],
                reviewer=client,
                old_labels={item: "cow"},
                operation_id=f"{client}:{number}",
            )
            print(number, flush=True)


def hand_out(target: str, reviewer: str, times: str) -> None:
    """Hand out the next five of 500 items, so many times; print which."""
    with closing(LabelStore(target)) as store:
        rows = 500
        paths = [f"{row}.png" for row in range(rows)]
        dataset = Dataset(
            item_ids=stable_item_ids(paths),
            paths=paths,
            files=[Path(path) for path in paths],
            given_labels=np.zeros(rows, dtype=np.intp),
            class_names=("cat",),
            digests=paths,
        )
        order = dataset.item_ids.tolist()
        for _ in range(int(times)):
            made = assign_queue(dataset, store, order, [reviewer], top=5, by=reviewer)
            print(json.dumps([task.item_id for task in made]), flush=True)


def fill(store: LabelStore) -> tuple[int, str]:
    """Record until the database refuses; how many went in, and what was said."""
    stored = 0
    while True:
        try:
            item = f"i{stored}"
            store.record(
                [Decision(item, "exclude", reason=os.urandom(1000).hex())],
                reviewer="ana",
                old_labels={item: "cat"},
            )
        except DecisionError as error:
            return stored, str(error)
        stored += 1


def fill_and_go_on(target: str | Path, make_room: Callable[[], None]) -> dict[str, object]:
    """Fill the disk, look at what is left, make room and go on."""
    with closing(LabelStore(target)) as store:
        stored, said = fill(store)
        seen = len(store.history())
        again, _ = fill(store)  # refused again, nothing half done
    with closing(LabelStore(target)) as store:
        reopened = len(store.history())
        problems = store.verify().problems
        make_room()
        store.record([Decision("last", "keep")], reviewer="ana", old_labels={"last": "cat"})
        problems += store.verify().problems
        return {
            "said": said,
            "counts": [seen - stored, reopened - stored - again, len(store.history()) - reopened],
            "stored": stored,
            "problems": problems,
        }


def full_disk(folder: str) -> None:
    """A file on a disk of 512 KiB."""
    _mount(folder, "512k")
    path = Path(folder) / "labels.sqlite"
    report = fill_and_go_on(path, lambda: _mount(folder, "8m", remount=True))
    with closing(LabelStore(path)) as store, store._log._engine.connect() as connection:
        report["integrity"] = connection.execute(text("PRAGMA integrity_check")).scalar()
    print(json.dumps(report))


def full_tablespace(folder: str) -> None:
    """A PostgreSQL server whose tables are on a disk of 2 MiB."""
    _mount(folder, "2m")
    with postgres.own_server() as server:
        server.give(Path(folder))
        server.run(f"CREATE TABLESPACE small LOCATION '{folder}'")
        with server.place("-cdefault_tablespace=small") as url:
            report = fill_and_go_on(url, lambda: _mount(folder, "32m", remount=True))
    print(json.dumps(report))


def read_only_disk(folder: str) -> None:
    """A disk that is made read-only after some decisions."""
    _mount(folder, "8m")
    path = Path(folder) / "labels.sqlite"
    with closing(LabelStore(path)) as store:
        store.record([Decision("a", "keep")], reviewer="ana", old_labels={"a": "cat"})
        history = store.history()
    _mount(folder, "8m,ro", remount=True)
    with closing(LabelStore(path)) as store:
        _, said = fill(store)
        print(json.dumps({"said": said, "same": store.history() == history,
                          "problems": store.verify().problems}))  # fmt: skip


def _mount(folder: str, size: str, *, remount: bool = False) -> None:
    options = f"{'remount,' if remount else ''}size={size}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)


if __name__ == "__main__":
    modes = (decide, hand_out, full_disk, full_tablespace, read_only_disk)
    {mode.__name__: mode for mode in modes}[sys.argv[1]](*sys.argv[2:])
