"""Neighbours against scikit-learn's, their vote, and SimiFeat on noise that is known."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from air_core.baselines import approximate, nearest, neighbours, vote
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


def test_shares_of_tags_do_not_depend_on_how_many_rows_are_counted_at_once(monkeypatch):
    rng = np.random.default_rng(0)
    rows, tags = rng.integers(0, 7, (7, 3)), rng.integers(0, 2, (7, 4))
    weights = rng.random((7, 3))
    expected = np.stack([w @ tags[row] / w.sum() for row, w in zip(rows, weights, strict=True)])
    monkeypatch.setattr(neighbours, "_BLOCK", 2)
    np.testing.assert_allclose(neighbours.counted(rows, tags, 4, weights), expected, rtol=1e-5)


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


@pytest.mark.parametrize("among", [None, np.arange(0, 3000, 2)])
def test_neighbours_along_a_graph_are_nearly_those_of_all_pairs(among):
    pytest.importorskip("faiss")
    rng = np.random.default_rng(0)
    centres = np.abs(rng.standard_normal((40, 16)))
    x = np.maximum(0, centres[rng.integers(0, 40, 3000)] + 0.3 * rng.standard_normal((3000, 16)))
    exact, cosines = nearest(x, 10, among=among, exact=True)
    found, near = nearest(x, 10, among=among, exact=False)
    hits = [len(set(a) & set(b)) for a, b in zip(exact.tolist(), found.tolist(), strict=True)]
    assert np.mean(hits) > 9.5
    assert not (found == np.arange(3000)[:, None]).any()
    if among is not None:
        assert np.isin(found, among).all()
    assert (near <= cosines + 1e-5).all()
    again, _ = nearest(x, 10, among=among, exact=False)
    np.testing.assert_array_equal(found, again)


def test_where_a_graph_leads_to_too_few_all_pairs_are_compared(monkeypatch):
    class Lost:
        def __init__(self, unit, **_):
            self.own = np.arange(len(unit))

        def nearest(self, questions, k, **_):
            rows = np.full((len(questions), k), -1)
            rows[:, 0] = self.own
            return rows, np.ones((len(questions), k), np.float32)

    monkeypatch.setattr(approximate, "LikeGraph", Lost)
    x = np.abs(np.random.default_rng(0).standard_normal((60, 8)))
    for some, exactly in zip(nearest(x, 7, exact=False), nearest(x, 7, exact=True), strict=True):
        np.testing.assert_array_equal(some, exactly)


def test_half_precision_does_not_overflow():
    x = np.array([[300.0, 0.0], [300.0, 10.0], [0.0, 300.0]], dtype=np.float16)
    assert nearest(x, 1)[0].ravel().tolist() == [1, 0, 1]
