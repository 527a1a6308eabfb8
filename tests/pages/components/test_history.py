"""The trail in words, its filters, what agreement means, and what is hidden from the blind."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from air_core.dataset import Dataset, stable_item_ids
from air_core.labels import Decision, LabelStore
from air_core.labels.assignments import Handout
from air_core.reviewers import Agreement, Reviews
from pages.components.history.agreement import sentence, strength
from pages.components.history.filters import EventFilter
from pages.components.history.rows import HIDDEN, Trail
from pages.components.history.table import _chosen

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


def decide(store, item, action, label=None, who="ana", **more):
    decision = Decision(item, action, label=label, **more)
    old = {A: "cat", B: "dog"}
    return store.record([decision], reviewer=who, old_labels=old)[0].event_id


def trail(store, reader="eva"):
    return Trail(Reviews(DATASET, store.events()), reader)


def rows(store, reader="eva", **narrow):
    shown = trail(store, reader)
    return [shown.row(event) for event in EventFilter(**narrow).of(shown)]


def test_rows_say_what_happened_newest_first(store):
    first = decide(store, A, "relabel", "dog")
    second = decide(store, A, "keep")
    third = decide(store, B, "exclude")
    store.undo(third, reviewer="bo")
    found = rows(store)
    assert [row.event for row in found] == [4, third, second, first]
    assert [row.state for row in found] == ["done", "undone by #4", "in force", "replaced"]
    assert [row.action for row in found] == ["Undo #3", "Leave out", "Keep", "Relabel"]
    assert [row.change for row in found] == [
        "no label → dog",
        "dog → left out",
        "dog → cat",
        "cat → dog",
    ]
    assert [row.standing for row in found] == [True, False, True, True]
    assert [row.faded for row in found] == [False, True, False, True]
    assert [row.path for row in found] == ["b.png", "b.png", "a.png", "a.png"]


def test_a_chain_of_undo_and_redo_says_which_undo_holds(store):
    first = decide(store, A, "relabel", "dog")
    undo = store.undo(first, reviewer="ana")[0].event_id
    redo = store.undo(undo, reviewer="ana")[0].event_id
    assert [row.state for row in rows(store)] == ["done", f"undone by #{redo}", "in force"]
    again = store.undo(redo, reviewer="ana")[0].event_id
    states = {row.event: row.state for row in rows(store)}
    assert states[redo] == f"undone by #{again}"
    assert states[first] == f"undone by #{undo}"


def test_why_sums_up_what_led_to_a_decision(store):
    led = {"detector": "air-margin", "score": 0.12849, "lambda_g": 0.0078125}
    for more in ({}, {"reason": "clear"}, led, {"reason": "clear", **led}):
        decide(store, A, "keep", **more)
    assert [row.why for row in rows(store)][::-1] == [
        "",
        "clear",
        "air-margin 0.128, λ_g 0.007812",
        "clear, air-margin 0.128, λ_g 0.007812",
    ]


def test_assignments_and_adjudications_are_told_from_decisions(store):
    decide(store, A, "relabel", "dog")
    decide(store, A, "keep", who="bo")
    store.assign(Handout([(A, "eva")]), task="adjudication", by="lea")
    assert rows(store)[0].state == "waiting"
    decide(store, A, "keep", who="eva")
    settle, asked, *_ = rows(store)
    assert (settle.action, settle.state) == ("Settle", "in force")
    assert (asked.reviewer, asked.action, asked.change) == (
        "lea",
        "Assign",
        "eva, to settle a conflict",
    )
    assert (asked.state, asked.standing) == ("done", False)
    decide(store, A, "unsure", who="eva")
    assert rows(store)[0].action == "Unsure", "which settles nothing"
    store.undo_last("eva")
    kinds = ("decisions", "adjudications", "assignments", "undos")
    assert [len(rows(store, kind=kind)) for kind in kinds] == [3, 1, 1, 1]


def test_filters_narrow_the_trail(store):
    decide(store, A, "relabel", "dog", reason="a tail")
    decide(store, B, "keep", who="bo")
    store.undo(1, reviewer="bo")

    def numbers(**narrow):
        return [row.event for row in rows(store, **narrow)]

    assert numbers(reviewers=("ana",)) == [1]
    assert numbers(actions=("keep", "undo")) == [3, 2]
    assert numbers(class_name="cat") == [3, 1]
    assert numbers(in_force=True) == [2]
    for text in ("A.PNG", "a tail", A[:8], "cat → dog"):
        assert 1 in numbers(text=text), text
    assert numbers(text="no such thing") == []
    today = date.fromisoformat(store.events()[0].created_at[:10])
    assert numbers(days=(today, today)) == numbers(days=(today,)) == [3, 2, 1]
    assert numbers(days=(date(2020, 1, 1), date(2020, 12, 31))) == []


def test_who_judges_blindly_is_not_told_what_others_said(store):
    store.assign(Handout([(A, "eva"), (A, "ana")]), task="review", by="lea")
    decide(store, A, "relabel", "dog", reason="tail")
    hidden, *_ = rows(store)
    assert (hidden.change, hidden.why, hidden.standing) == (HIDDEN, "", False)
    for narrow in ({"class_name": "dog"}, {"text": "tail"}, {"actions": ("relabel",)}):
        assert rows(store, **narrow) == [], "a filter tells as much as the row"
    assert rows(store, reader="ana")[0].change == "cat → dog"
    decide(store, A, "keep", who="eva")
    assert rows(store)[1].change == "cat → dog"


def test_an_event_on_an_image_that_is_not_here_is_shown_by_its_id(store):
    decision = Decision("f" * 16, "keep")
    store.record([decision], reviewer="ana", old_labels={"f" * 16: None})
    (row,) = rows(store)
    assert (row.path, row.known) == ("f" * 16, False)


@pytest.mark.parametrize(
    ("sent", "events"),
    [
        ({"token": "now", "events": [3, 1]}, [3, 1]),
        ({"token": "before", "events": [3]}, []),
        ({"token": "now", "events": ["3", None, True, 2]}, [2]),
        (None, []),
        ([1, 2], []),
        ({"events": [1]}, []),
    ],
)
def test_a_choice_counts_only_for_the_rows_that_it_was_made_of(sent, events):
    assert _chosen(sent, "now") == events


def agreement(items, kappa, statistic="cohen", who=("ana", "b*b")):
    return Agreement(statistic, who, items, 2, 0.75, kappa, None, {})


def test_agreement_in_a_sentence():
    said = sentence(agreement(120, 0.65))
    assert "same verdict on **75%** of 120 images" in said
    assert "**substantial** (κ 0.65)" in said
    assert "b&#42;b" in said, "names are text"
    assert "too few" not in said
    assert "too few to rely on: with fewer than 30" in sentence(agreement(12, -0.1))
    assert "(κ −0.10)" in sentence(agreement(12, -0.1))
    assert "everybody always says the same" in sentence(agreement(40, None))
    assert "**3 reviewers**" in sentence(agreement(40, 0.5, "fleiss", ("a", "b", "c")))


@pytest.mark.parametrize(
    ("kappa", "word"),
    [(0.0, "no better than chance"), (0.2, "slight"), (0.21, "fair"), (0.5, "moderate"),
     (0.8, "substantial"), (0.81, "almost perfect"), (1.0, "almost perfect")],
)  # fmt: skip
def test_words_for_kappa(kappa, word):
    assert strength(kappa) == word
