"""Neighbours against scikit-learn's, their vote, and SimiFeat on noise that is known."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from air_core.baselines import nearest, vote
from air_core.baselines.simifeat import hoc, simifeat
from air_core.errors import SolverError
from tests.baselines.clusters import clusters


def test_neighbours_are_scikit_learns():
    x = np.random.default_rng(0).standard_normal((80, 6))
    rows, cosines = nearest(x, 5)
    distances, expected = NearestNeighbors(n_neighbors=5, metric="cosine").fit(x).kneighbors()
    np.testing.assert_array_equal(rows, expected)
    np.testing.assert_allclose(cosines, 1 - distances, atol=1e-5)


def test_only_some_rows_may_be_neighbours():
    x = np.random.default_rng(0).standard_normal((30, 4))
    among = np.arange(0, 30, 3)
    rows, _ = nearest(x, 4, among=among)
    assert np.isin(rows, among).all()
    assert (rows != np.arange(30)[:, None]).all()
    with pytest.raises(SolverError, match="more than 10 images"):
        nearest(x, 10, among=among)


def test_the_vote_counts_given_labels_and_leaves_out_ones_own():
    x = np.array([[1.0, 0.0], [1.0, 0.1], [1.0, 0.2], [0.0, 1.0], [0.1, 1.0]])
    shares = vote(x, np.array([0, 1, 1, 0, -1]), n_classes=2, k=2)
    assert shares[0].tolist() == [0.0, 1.0]
    assert shares[1].tolist() == [0.5, 0.5]
    tags = np.array([[1, 0], [1, 1], [0, 1], [-1, -1], [0, 0]], np.int8)
    assert vote(x, tags, n_classes=2, k=2)[0].tolist() == [0.5, 1.0]


@pytest.mark.parametrize("method", ["vote", "rank"])
def test_simifeat_finds_wrong_labels(method):
    x, y, clean = clusters(400, 4, noise=0.3)
    y[:3] = -1
    found = simifeat(x, y, n_classes=4, method=method)
    assert np.isnan(found.doubt[:3]).all()
    wrong = (y != clean)[3:]
    flagged = found.doubt[3:] > 0.5
    assert (flagged & wrong).sum() / wrong.sum() > 0.8
    assert (flagged & wrong).sum() / flagged.sum() > 0.8


def test_hoc_recovers_a_known_transition():
    rng = np.random.default_rng(0)
    truth = np.array([[0.8, 0.2, 0.0], [0.1, 0.9, 0.0], [0.0, 0.3, 0.7]])
    y = rng.choice(3, 60_000, p=[0.5, 0.3, 0.2])
    seen = np.stack([[rng.choice(3, p=truth[c]) for c in y] for _ in range(3)], axis=1)
    transition, prior = hoc(seen[:, 0], seen[:, 1:], 3)
    np.testing.assert_allclose(transition, truth, atol=0.03)
    np.testing.assert_allclose(prior, [0.5, 0.3, 0.2], atol=0.02)
