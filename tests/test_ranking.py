"""Scores, ranks and suggestions from evidence."""

import numpy as np
import pytest

from air_core.errors import SolverError
from air_core.ranking import margins, rank_items, softmax

IDS = np.array([f"{i:016x}" for i in range(4)])
GIVEN = np.array([0, 1, 2, -1])
PROBABILITIES = np.array([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.1, 0.1, 0.8]])


def ranking(evidence=None):
    evidence = margins(PROBABILITIES, GIVEN) if evidence is None else evidence
    return rank_items(
        "air-margin",
        IDS,
        GIVEN,
        evidence=evidence,
        probabilities=PROBABILITIES,
        activations=evidence,
    )


def test_worst_first_with_suggestion_and_confidence():
    got = ranking()
    assert got.order.tolist() == [1, 2, 0, 3]
    assert got.ranks.tolist() == [3, 1, 2, 4]
    assert got.suggested_labels.tolist() == [0, 0, 1, 2]
    assert got.confidences.tolist() == [0.7, 0.6, 0.5, 0.8]
    assert got.flagged.tolist() == [False, True, True, False]


def test_scores_span_zero_to_one_and_unlabelled_items_have_none():
    scores = ranking().scores
    assert np.nanmin(scores) == 0
    assert np.nanmax(scores) == 1
    assert np.isnan(scores[3])


def test_equal_evidence_counts_as_clean_and_keeps_the_sources_order():
    got = ranking(np.array([2.0, 2.0, 2.0, np.nan]))
    assert got.scores[:3].tolist() == [1, 1, 1]
    assert got.order.tolist() == [0, 1, 2, 3]


def test_lengths_must_agree():
    with pytest.raises(SolverError, match="one for each image"):
        ranking(np.zeros(3))


def test_softmax_survives_large_scores():
    np.testing.assert_allclose(softmax(np.array([[1e4, 0.0], [0.0, 0.0]])), [[1, 0], [0.5, 0.5]])
