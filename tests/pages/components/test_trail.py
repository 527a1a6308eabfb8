"""The trail says what still holds, through any chain of undo and redo."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from air_core.dataset import Dataset, stable_item_ids
from air_core.labels import Decision, LabelStore
from pages.components.trail import dim_undone, in_full, trail, undone_by

PATHS = ("a.png", "b.png")
DATASET = Dataset(
    item_ids=stable_item_ids(PATHS),
    paths=PATHS,
    files=tuple(Path(path) for path in PATHS),
    given_labels=np.array([0, 1]),
    class_names=("cat", "dog"),
    digests=("",) * 2,
)
A, B = (str(item) for item in DATASET.item_ids)


@pytest.fixture
def store(tmp_path):
    store = LabelStore(tmp_path / "labels.sqlite")
    yield store
    store.close()


def decide(store, item, action, label=None):
    decision = Decision(item, action, label=label)
    return store.record([decision], reviewer="ana", old_labels={item: "cat"})[0].event_id


def test_a_chain_of_undo_and_redo_resolves_as_the_store_does(store):
    first = decide(store, A, "relabel", "dog")
    undo = store.undo(first, reviewer="ana")[0].event_id
    assert undone_by(store.history()) == {first: undo}
    redo = store.undo(undo, reviewer="ana")[0].event_id
    assert undone_by(store.history()) == {undo: redo}
    assert A in store.current()
    again = store.undo(redo, reviewer="ana")[0].event_id
    assert undone_by(store.history()) == {redo: again, first: undo}
    assert A not in store.current()


def test_rows_say_what_happened_newest_first(store):
    first = decide(store, A, "relabel", "dog")
    second = decide(store, A, "keep")
    third = decide(store, B, "exclude")
    store.undo(third, reviewer="bo")
    table = trail(store.history(), store.current(), DATASET, "/air/thumb/{id}?v=1")
    assert table["event"].tolist() == [4, third, second, first]
    assert table["state"].tolist() == ["done", "undone by #4", "in force", "replaced"]
    assert table["change"].tolist()[0] == f"takes back #{third}"
    assert table["change"].tolist()[-1] == "cat → dog"
    assert table["image"].tolist()[-1] == f"/air/thumb/{A}?v=1"
    assert table["path"].tolist() == ["b.png", "b.png", "a.png", "a.png"]


def test_why_sums_up_what_led_to_a_decision(store):
    led = {"detector": "air-margin", "score": 0.12849, "lambda_g": 0.0078125}
    for decision in (
        Decision(A, "keep"),
        Decision(A, "keep", reason="clear"),
        Decision(A, "keep", **led),
        Decision(A, "keep", reason="clear", **led),
    ):
        store.record([decision], reviewer="ana", old_labels={A: "cat"})
    table = trail(store.history(), store.current(), DATASET, "{id}")[::-1]
    assert table["why"].tolist() == ["", "clear", "air-margin 0.128", "clear, air-margin 0.128"]
    assert [in_full(row) for _, row in table.iterrows()] == [
        "",
        "clear",
        "air-margin 0.128, λ_g 0.007812",
        "clear, air-margin 0.128, λ_g 0.007812",
    ]


def test_what_no_longer_holds_is_struck(store):
    first = decide(store, A, "keep")
    store.undo(first, reviewer="ana")
    table = trail(store.history(), store.current(), DATASET, "{id}")
    undone = table[table["event"] == first].iloc[0]
    assert all("line-through" in style for style in dim_undone(undone))
    assert not any(dim_undone(table[table["event"] != first].iloc[0]))


def test_no_events_give_an_empty_table_with_its_columns():
    assert trail([], {}, DATASET, "{id}").columns[0] == "event"
