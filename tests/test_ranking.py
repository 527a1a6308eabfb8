"""Scores, ranks and suggestions from evidence."""

import numpy as np
import pytest

from air_core.errors import SolverError
from air_core.ranking import activation_scores, margins, rank_items, softmax
from air_core.suggestions import two_likeliest

IDS = np.array([f"{i:016x}" for i in range(4)])
GIVEN = np.array([0, 1, 2, -1])
PROBABILITIES = np.array([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.1, 0.1, 0.8]])


def ranking(scores=None):
    scores = (1 + margins(PROBABILITIES, GIVEN)) / 2 if scores is None else scores
    return rank_items(
        "air-margin", IDS, GIVEN, scores=scores, probabilities=PROBABILITIES, activations=scores
    )


def test_worst_first_with_suggestion_and_confidence():
    got = ranking()
    assert got.order.tolist() == [1, 2, 0, 3]
    assert got.ranks.tolist() == [3, 1, 2, 4]
    assert got.suggested_labels.tolist() == [0, 0, 1, 2]
    assert got.confidences.tolist() == [0.7, 0.6, 0.5, 0.8]
    assert got.flagged.tolist() == [False, True, True, False]


def test_what_a_label_should_be_if_it_is_wrong():
    got = ranking()
    assert got.others.labels.tolist() == [1, 0, 1, 2]
    assert got.others.confidences.tolist() == [0.2, 0.6, 0.5, 0.8]
    assert [got.otherwise(row, "abc") for row in (0, 1)] == [("b", 0.2), ("a", 0.6)]


def test_the_two_likeliest_of_many_rows_are_those_of_a_sort(monkeypatch):
    monkeypatch.setattr("air_core.suggestions._BLOCK", 7)
    probabilities = np.random.default_rng(0).dirichlet(np.ones(5), 23)
    found, order = two_likeliest(probabilities), np.argsort(-probabilities, axis=1)
    np.testing.assert_array_equal(found.labels, order[:, 0])
    np.testing.assert_array_equal(found.seconds, order[:, 1])
    ordered = np.take_along_axis(probabilities, order, axis=1)
    np.testing.assert_array_equal(found.confidences, ordered[:, 0])
    np.testing.assert_array_equal(found.second_confidences, ordered[:, 1])


def test_ties_keep_the_sources_order_and_unlabelled_items_come_last():
    got = ranking(np.array([1.0, np.nan, 1.0, 1.0]))
    assert got.order.tolist() == [0, 2, 3, 1]


def test_activation_scores_are_shares_of_the_largest():
    np.testing.assert_allclose(activation_scores(np.array([0.0, 2.0, np.nan])), [0, 1, np.nan])
    assert activation_scores(np.zeros(2)).tolist() == [0, 0]


def test_lengths_must_agree():
    with pytest.raises(SolverError, match="one for each image"):
        ranking(np.zeros(3))


def test_softmax_survives_large_scores():
    np.testing.assert_allclose(softmax(np.array([[1e4, 0.0], [0.0, 0.0]])), [[1, 0], [0.5, 0.5]])
