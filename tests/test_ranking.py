"""Scores, ranks and suggestions from evidence."""

import numpy as np
import pytest

from air_core.errors import SolverError
from air_core.ranking import activation_scores, margins, rank_items, softmax

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


def test_of_chances_only_labels_more_likely_wrong_than_right_are_flagged():
    got = rank_items(
        "consensus", IDS, GIVEN, scores=np.array([0.4, 0.3, 0.6, np.nan]),
        probabilities=PROBABILITIES, activations=np.full(4, np.nan), calibrated=True,
    )  # fmt: skip
    assert got.flagged.tolist() == [False, True, False, False]


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
