"""Which images the review shows, and in which order."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from air_core.dataset import Dataset, stable_item_ids
from air_core.labels import LabelEvent
from air_core.ranking import Ranking
from pages import filters
from pages.filters import Filter, Texts, View, pairs, unlabelled
from pages.standing import Ledger, Standing

PATHS = ("cats/a.png", "cats/b.png", "dogs/c.png", "dogs/Ä.png", "x.png")
DATASET = Dataset(
    item_ids=stable_item_ids(PATHS),
    paths=PATHS,
    files=tuple(Path(path) for path in PATHS),
    given_labels=np.array([0, 0, 1, 1, -1]),
    class_names=("cat", "dog"),
    digests=("",) * 5,
)
RANKING = Ranking(
    detector="air-margin",
    item_ids=DATASET.item_ids,
    scores=np.array([0.9, 0.1, 0.2, 0.8, np.nan]),
    given_labels=DATASET.given_labels,
    suggested_labels=np.array([0, 1, 0, 1, 1]),
    confidences=np.array([0.5, 0.6, 0.9, 0.8, 0.7]),
    ranks=np.array([4, 1, 2, 3, 5]),
    activations=np.zeros(5),
)
OTHER = replace(
    RANKING,
    detector="svm-margin",
    suggested_labels=np.array([1, 1, 1, 1, 1]),
    ranks=np.array([1, 2, 4, 3, 5]),
)


def event(action: str, reviewer: str) -> LabelEvent:
    return LabelEvent(
        event_id=1, batch_id="b", item_id="", action=action, old_label=None, new_label=None,
        reviewer=reviewer, reason="", created_at="", detector="", score=None, lambda_g=None,
        suggested_label=None, run_id="", undoes=None, operation_id=None,
    )  # fmt: skip


def decided(**made: str) -> Standing:
    """``_2="keep ana"``: row 2 was kept by ana."""
    return Ledger(DATASET).at(
        {str(DATASET.item_ids[int(row[1:])]): event(*what.split()) for row, what in made.items()}
    )


def view(ranking: Ranking = RANKING, **made: str) -> View:
    return View(DATASET, ranking, decided(**made), Texts(DATASET), [OTHER])


@pytest.mark.parametrize(
    ("chosen", "rows"),
    [
        (Filter(), [1, 2, 3, 0, 4]),
        (Filter(scope="flagged"), [1, 2]),
        (Filter(class_name="dog"), [2, 3]),
        (Filter(class_name=""), [4]),
        (Filter(pair=("cat", "dog")), [1]),
        (Filter(decision="none"), [1, 3, 4]),
        (Filter(decision="keep"), [2]),
        (Filter(decision="exclude"), [0]),
        (Filter(decision="unsure"), []),
        (Filter(reviewer="ana"), [2]),
        (Filter(reviewer="bob"), [0]),
        (Filter(reviewer="eve"), []),
        (Filter(text="DOGS/ä"), [3]),
        (Filter(text=" cat "), [1, 2, 0]),
        (Filter(text="g/"), []),
        (Filter(text=".*"), []),
        (Filter(scope="flagged", class_name="cat", text="b."), [1]),
        (Filter(scope="flagged", selection=[str(DATASET.item_ids[0]), "gone"]), [0]),
        (Filter(opinion="all"), [1]),
        (Filter(opinion="split"), [2, 0]),
        (Filter(opinion="only"), [2]),
        (Filter(order="best"), [0, 3, 2, 1, 4]),
        (Filter(order="sure"), [2, 3, 4, 1, 0]),
        (Filter(order="dispute"), [0, 2, 1, 3, 4]),
        (Filter(order="path"), [0, 1, 2, 3, 4]),
        (Filter(scope="flagged", order="path"), [1, 2]),
    ],
)
def test_filters_narrow_and_order(chosen, rows):
    assert chosen.rows(view(_2="keep ana", _0="exclude bob")).tolist() == rows


def test_a_filter_says_whether_it_needs_the_other_models():
    assert not Filter().compares
    assert Filter(opinion="split").compares
    assert Filter(order="dispute").compares


def test_tags_are_searched_by_their_names():
    tags = np.array([[1, 0], [1, 1], [0, 0], [-1, -1], [0, 1]], dtype=np.int8)
    dataset = replace(DATASET, given_labels=np.full(5, -1), tags=tags)
    ranking = replace(
        RANKING,
        given_labels=dataset.given_labels,
        given_tags=tags,
        suggested_tags=np.array([[1, 0], [1, 0], [0, 0], [0, 1], [0, 1]], dtype=np.int8),
    )
    found = View(dataset, ranking, decided(), Texts(dataset))
    rows = Filter(text="dog").rows(found)
    assert sorted(rows.tolist()) == [1, 2, 3, 4]  # two by their tags, two by their path
    assert pairs(dataset, ranking) == {}
    assert unlabelled(dataset)


def test_pairs_count_flagged_images_only_and_the_most_frequent_come_first(monkeypatch):
    assert pairs(DATASET, RANKING) == {("cat", "dog"): 1, ("dog", "cat"): 1}
    more = replace(RANKING, suggested_labels=np.array([1, 1, 0, 1, 1]))
    assert list(pairs(DATASET, more).items()) == [(("cat", "dog"), 2), (("dog", "cat"), 1)]
    monkeypatch.setattr(filters, "PAIRS", 1)
    assert pairs(DATASET, more) == {("cat", "dog"): 2}


def test_a_million_images_are_filtered_while_a_key_is_pressed():
    n = 1_000_000
    rng = np.random.default_rng(0)
    paths = tuple(f"images/{row:07d}.png" for row in range(n))
    # Only what filters read: a whole dataset of a million takes seconds to make.
    dataset = object.__new__(Dataset)
    labels = rng.integers(0, 10, n)
    for name, value in {
        "paths": paths, "given_labels": labels, "class_names": tuple("abcdefghij"), "tags": None,
    }.items():  # fmt: skip
        object.__setattr__(dataset, name, value)
    ranking = Ranking(
        "air-margin", np.zeros(n, "<U1"), rng.random(n), labels, rng.integers(0, 10, n),
        rng.random(n), rng.permutation(n) + 1, rng.random(n),
    )  # fmt: skip
    none = Standing({}, np.zeros(n, np.int8), np.full(n, -1, np.int32))
    everything = View(dataset, ranking, none, Texts(dataset), [ranking])
    chosen = Filter(
        scope="flagged", class_name="c", decision="none", opinion="all", text="99", order="sure"
    )
    assert len(chosen.rows(everything))  # texts are prepared once
    started = time.process_time()
    assert len(chosen.rows(everything))
    # 0.1 s by itself; row by row it would be ten seconds.
    assert time.process_time() - started < 1.5
