"""Metrics against hand-worked rankings."""

import math

from air_core.metrics import auroc, average_precision, precision_at_k

# Ascending scores: error, clean, error, clean.
SCORES, ERRORS = [0.1, 0.2, 0.3, 0.4], [True, False, True, False]


def test_hand_worked_ranking():
    assert auroc(SCORES, ERRORS) == 0.75  # 3 of 4 pairs in order
    assert average_precision(SCORES, ERRORS) == (1 / 1 + 2 / 3) / 2
    assert precision_at_k(SCORES, ERRORS) == 0.5
    assert precision_at_k(SCORES, ERRORS, k=3) == 2 / 3


def test_no_errors_is_no_number():
    for metric in (auroc, average_precision, precision_at_k):
        assert math.isnan(metric(SCORES, [False] * 4))
