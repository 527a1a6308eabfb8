"""Precision, recall and mAP of tags against scikit-learn and against examples worked by hand."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from air_core.errors import SolverError
from air_core.metrics import mean_ap_by_image, mean_ap_by_label, precision_recall_at

rng = np.random.default_rng(0)
SCORES = rng.random((40, 7))
TRUTH = rng.random((40, 7)) < 0.4
TRUTH[:, 0] |= ~TRUTH.any(axis=1)  # scikit-learn has no answer for images without a tag
# Tags a, b, c, d of three images; true ones: a and c; d; none.
BY_HAND = np.array([[0.9, 0.8, 0.7, 0.1], [0.9, 0.8, 0.1, 0.2], [0.5, 0.4, 0.3, 0.2]])
HOLDS = np.array([[1, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]], dtype=bool)


def test_map_by_label_is_the_macro_average():
    expected = average_precision_score(TRUTH, SCORES, average="macro")
    assert mean_ap_by_label(SCORES, TRUTH) == pytest.approx(expected)


def test_map_by_image_is_the_average_over_samples():
    expected = average_precision_score(TRUTH, SCORES, average="samples")
    assert mean_ap_by_image(SCORES, TRUTH) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("n", "precision", "recall"),
    [
        (1, (1 + 0) / 2, (1 / 2 + 0) / 2),
        (2, (1 / 2 + 0) / 2, (1 / 2 + 0) / 2),
        (3, (2 / 3 + 1 / 3) / 2, (1 + 1) / 2),
        (4, (2 / 4 + 1 / 4) / 2, 1),
    ],
)
def test_precision_and_recall_by_hand(n, precision, recall):
    assert precision_recall_at(BY_HAND, HOLDS, n) == pytest.approx((precision, recall))


def test_map_by_hand():
    # First image: a at rank 1, c at rank 3; second: d at rank 3; the third has no tag.
    assert mean_ap_by_image(BY_HAND, HOLDS) == pytest.approx(((1 + 2 / 3) / 2 + 1 / 3) / 2)
    # Tag a: its image ties with the second at the top; c: at rank 1; d: shares rank 1; b: none.
    assert mean_ap_by_label(BY_HAND, HOLDS) == pytest.approx((1 / 2 + 1 + 1 / 2) / 3)


def test_shapes_that_do_not_match_are_named():
    with pytest.raises(SolverError, match=r"\(40, 7\) and \(40, 6\)"):
        mean_ap_by_label(SCORES, TRUTH[:, :6])


def test_nothing_true_has_no_figure():
    assert np.isnan(mean_ap_by_image(BY_HAND, HOLDS & False))
    assert np.isnan(precision_recall_at(BY_HAND, HOLDS & False, 1)).all()
