"""Two rankings against each other, and against what is known."""

from __future__ import annotations

import numpy as np
import pytest

from air_core import comparison
from air_core.errors import SolverError
from air_core.ranking import rank_items

RNG = np.random.default_rng(3)
N, C = 60, 4
GIVEN = RNG.integers(0, C, N)
GIVEN[7] = -1


def ranking(seed: int, ids: str = "i"):
    rng = np.random.default_rng(seed)
    scores = rng.random(N)
    scores[GIVEN < 0] = np.nan
    return rank_items(
        f"d{seed}",
        np.array([f"{ids}{k}" for k in range(N)]),
        GIVEN.astype(np.intp),
        scores=scores,
        probabilities=rng.random((N, C)),
        activations=rng.random(N),
    )


def test_agreement_parts_the_worst_of_both_lists():
    one, two = ranking(1), ranking(2)
    found = comparison.agreement(one, two, top=20)
    worst_one, worst_two = (set(r.order[:20].tolist()) for r in (one, two))
    assert set(found.both.tolist()) == worst_one & worst_two
    assert set(found.only_first.tolist()) == worst_one - worst_two
    assert set(found.only_second.tolist()) == worst_two - worst_one
    assert np.all(np.diff(one.ranks[found.only_first]) > 0), "not worst first"
    assert np.all(np.diff(two.ranks[found.only_second]) > 0), "not worst first"


def test_a_ranking_agrees_with_itself_and_unlabelled_items_are_in_no_list():
    one = ranking(1)
    found = comparison.agreement(one, one, top=10 * N)
    assert len(found.both) == N - 1
    assert 7 not in found.both
    assert not len(found.only_first)
    assert found.correlation == pytest.approx(1)


def test_rankings_of_other_items_are_refused():
    with pytest.raises(SolverError, match="same items"):
        comparison.agreement(ranking(1), ranking(1, ids="other"), top=5)


def test_every_labelled_item_is_in_exactly_one_cell():
    one = ranking(1)
    counts = comparison.confusion(one, C)
    assert counts.sum() == N - 1
    for i in range(C):
        for j in range(C):
            rows = comparison.in_cell(one, i, j)
            assert len(rows) == counts[i, j]
            assert set(GIVEN[rows]) <= {i}
            assert set(one.suggested_labels[rows]) <= {j}
            assert np.all(np.diff(one.ranks[rows]) > 0)


def test_tags_are_counted_as_missing_or_wrong():
    tags = RNG.integers(0, 2, (N, C)).astype(np.int8)
    tags[3] = -1
    probabilities = RNG.random((N, C))
    one = rank_items(
        "tags",
        np.array([str(k) for k in range(N)]),
        np.full(N, -1),
        scores=np.where(np.arange(N) == 3, np.nan, RNG.random(N)),
        probabilities=probabilities,
        activations=RNG.random(N),
        tags=tags,
    )
    counts = comparison.confusion(one, C)
    for tag in range(C):
        missing = [k for k in range(N) if tags[k, tag] == 0 and probabilities[k, tag] > 0.5]
        wrong = [k for k in range(N) if tags[k, tag] == 1 and probabilities[k, tag] <= 0.5]
        assert counts[tag].tolist() == [len(missing), len(wrong)]
        assert sorted(comparison.in_cell(one, tag, 0).tolist()) == missing
        assert sorted(comparison.in_cell(one, tag, 1).tolist()) == wrong


def test_curves_by_hand():
    found = comparison.curves(np.array([0.1, 0.4, 0.35, 0.8]), np.array([True, True, False, False]))
    assert found.auroc == pytest.approx(0.75)
    assert found.average_precision == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert found.precision_at_k == 0.5
    assert found.false_positive_rate[-1] == found.true_positive_rate[-1] == 1
