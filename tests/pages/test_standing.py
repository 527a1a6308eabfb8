"""Decisions in force as arrays: right after every kind of change, and cheap without one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from air_core.dataset import Dataset, stable_item_ids
from air_core.labels import Decision, LabelStore
from air_core.reviewers import Reviews
from pages import standing as module
from pages.standing import ACTIONS, Gauge, Ledger

PATHS = ("a.png", "b.png", "c.png")
DATASET = Dataset(
    item_ids=stable_item_ids(PATHS),
    paths=PATHS,
    files=tuple(map(Path, PATHS)),
    given_labels=np.array([0, 1, 1]),
    class_names=("cat", "dog"),
    digests=("",) * 3,
)
A, B, C = DATASET.item_ids.tolist()


@pytest.fixture
def store(tmp_path):
    opened = LabelStore(tmp_path / "labels.sqlite")
    yield opened
    opened.close()


def decide(store, item, action, who, label=None):
    store.record([Decision(item, action, label)], reviewer=who, old_labels={item: "cat"})


def said(standing) -> list[str]:
    return [ACTIONS[code] for code in standing.actions.tolist()]


def test_every_change_shows(store):
    ledger = Ledger(DATASET)
    assert said(ledger.at(store.current())) == ["none"] * 3
    decide(store, B, "keep", "ana")
    decide(store, C, "relabel", "béla", "dog")
    standing = ledger.at(store.current())
    assert said(standing) == ["none", "keep", "relabel"]
    assert standing.decided.tolist() == [False, True, True]
    assert standing.by("béla").tolist() == [False, False, True]
    assert not standing.by("nobody").any()
    decide(store, B, "exclude", "béla")
    assert ledger.at(store.current()).by("béla").tolist() == [False, True, True]
    store.undo_last("béla")
    store.undo_last("béla")
    after = ledger.at(store.current())
    assert said(after) == ["none", "keep", "none"]
    assert after.by("béla").tolist() == [False] * 3
    assert said(standing) == ["none", "keep", "relabel"], "what was handed out never changes"


def test_without_a_change_it_is_the_same_object(store):
    ledger = Ledger(DATASET)
    decide(store, A, "unsure", "ana")
    assert ledger.at(store.current()) is ledger.at(store.current())


def test_images_of_others_in_a_shared_database_are_passed_over(store):
    decide(store, "f" * 16, "keep", "ana")
    assert said(Ledger(DATASET).at(store.current())) == ["none"] * 3


class Opened:
    """As much of a workspace as the gauge reads, counting how often it does."""

    dataset = DATASET

    def __init__(self, store):
        self.labels, self.read = store, 0

    def reviews(self):
        self.read += 1
        return Reviews(DATASET, self.labels.events())


def test_progress_is_counted_after_each_decision_where_that_is_quick(store):
    opened, ledger, gauge = Opened(store), Ledger(DATASET), Gauge()
    assert gauge.read(opened, ledger.at(store.current())).reviewed == 0
    decide(store, A, "keep", "ana")
    for _ in range(2):
        assert gauge.read(opened, ledger.at(store.current())).reviewed == 1
    assert opened.read == 2


def test_progress_that_takes_long_to_count_may_be_a_little_old(store, monkeypatch):
    monkeypatch.setattr(module, "QUICK", 0.0)
    monkeypatch.setattr(module, "REST", 1e9)
    opened, ledger, gauge = Opened(store), Ledger(DATASET), Gauge()
    gauge.read(opened, ledger.at(store.current()))
    decide(store, A, "keep", "ana")
    assert gauge.read(opened, ledger.at(store.current())).reviewed == 0
    monkeypatch.setattr(module, "REST", 0.0)
    assert gauge.read(opened, ledger.at(store.current())).reviewed == 1
