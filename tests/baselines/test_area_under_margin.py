"""AUM tells wrong labels by how late they are learnt; cleanlab is asked as it is."""

import numpy as np
import pytest

from air_core import metrics
from air_core.baselines.area_under_margin import area_under_margin
from air_core.baselines.confident import confident_learning
from tests.baselines.clusters import clusters


def test_wrong_labels_have_small_areas_and_runs_repeat():
    x, y, clean = clusters(300, 3, noise=0.3)
    y[0] = -1
    found = area_under_margin(x, y, n_classes=3, hidden=32, epochs=20, batch_size=16)
    again = area_under_margin(x, y, n_classes=3, hidden=32, epochs=20, batch_size=16)
    np.testing.assert_array_equal(found.mean_scores, again.mean_scores)
    area = found.margins_by_epoch.mean(axis=0)
    assert np.isnan(area[0])
    assert metrics.auroc(area[1:], (y != clean)[1:]) > 0.9


def test_the_margin_of_tags_is_that_most_in_doubt():
    x, y, _ = clusters(120, 2, noise=0.0)
    tags = np.stack([y, 1 - y], axis=1).astype(np.int8)
    wrong = np.arange(120) < 12
    tags[wrong, 0] = 1 - tags[wrong, 0]
    found = area_under_margin(x, tags, n_classes=2, hidden=16, epochs=20, batch_size=16)
    assert metrics.auroc(found.margins_by_epoch.mean(axis=0), wrong) > 0.9


def test_confident_learning_is_cleanlabs_own_answer():
    rank = pytest.importorskip("cleanlab.rank")
    rng = np.random.default_rng(0)
    chances = rng.dirichlet(np.ones(3), 50)
    labels = rng.integers(0, 3, 50)
    labels[0] = -1
    found = confident_learning(chances, labels)
    expected = rank.get_label_quality_scores(labels[1:], chances[1:], method="normalized_margin")
    np.testing.assert_allclose(found.quality[1:], expected)
    assert np.isnan(found.quality[0])
    assert not found.issues[0]
