"""Estimated noise against known transition matrices, and the parts against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import check_grad, minimize

from air_core.baselines.ridge import ridge_left_out
from air_core.errors import SolverError
from air_core.noise import confident_joint, estimate_noise, flip, pairwise, symmetric
from air_core.noise import latent as hidden

CLASSES = 4


def blobs(n=1600, classes=CLASSES, apart=3.0, seed=0):
    """Features with overlapping classes, and their true labels."""
    rng = np.random.default_rng(seed)
    clean = rng.integers(0, classes, n)
    centres = rng.normal(size=(classes, 12)) * apart / np.sqrt(12) * 2
    return (centres[clean] + rng.normal(size=(n, 12))).astype(np.float32), clean


@pytest.mark.parametrize(
    "matrix",
    [
        symmetric(CLASSES, 0.3),
        pairwise(CLASSES, 0.2),
        np.eye(CLASSES),
        np.array([[0.9, 0.1, 0, 0], [0, 1.0, 0, 0], [0.2, 0.2, 0.6, 0], [0, 0, 0.05, 0.95]]),
    ],
    ids=["symmetric", "pairwise", "none", "any"],
)
def test_known_noise_is_recovered_within_the_intervals(matrix):
    x, clean = blobs()
    given = flip(clean, matrix, np.random.default_rng(1))
    left_out = ridge_left_out(x, given, n_classes=CLASSES).probabilities
    found = estimate_noise(left_out, given)
    true = np.bincount(given, given != clean, CLASSES) / np.bincount(given)
    low, high = found.rate_limits
    assert ((low - 0.01 <= true) & (true <= high)).mean() >= 0.75
    assert found.overall[1] - 0.01 <= (given != clean).mean() <= found.overall[2]
    np.testing.assert_allclose(found.rates, true, atol=0.07)
    # What each given label stands for, not only how often it is wrong.
    counts = np.zeros((CLASSES, CLASSES))
    np.add.at(counts, (given, clean), 1)
    np.testing.assert_allclose(
        found.transition, counts / counts.sum(axis=1, keepdims=True), atol=0.08
    )


def test_shares_are_shares_and_doubts_add_up_to_the_rates():
    x, clean = blobs(600)
    given = flip(clean, symmetric(CLASSES, 0.25), np.random.default_rng(1))
    given[:20] = -1
    left_out = ridge_left_out(x, given, n_classes=CLASSES).probabilities
    found = estimate_noise(left_out, given)
    assert found.sizes.sum() == 580
    np.testing.assert_allclose(found.transition.sum(axis=1), 1)
    assert (found.low <= found.transition).all()
    assert (found.transition <= found.high).all()
    assert (found.wrong[:20] == 0).all()
    means = [found.wrong[given == label].mean() for label in range(CLASSES)]
    np.testing.assert_allclose(means, found.rates, atol=1e-5)


def test_a_class_without_images_and_more_classes_than_candidates():
    x, clean = blobs(1500, classes=40, apart=8.0)
    given = flip(clean, symmetric(40, 0.2), np.random.default_rng(1))
    given[given == 7] = 8
    left_out = ridge_left_out(x, given, n_classes=40).probabilities
    found = estimate_noise(left_out, given, repeats=3)
    assert found.sizes[7] == 0
    assert np.isnan(found.rates[7])
    assert np.isfinite(np.delete(found.rates, 7)).all()
    assert 0.1 < found.overall[0] < 0.35


def test_the_same_seed_gives_the_same_intervals():
    x, clean = blobs(300)
    left_out = ridge_left_out(x, clean, n_classes=CLASSES).probabilities
    first, second = (estimate_noise(left_out, clean, repeats=4, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.low, second.low)


def test_the_slope_of_the_likelihood_is_its_difference(monkeypatch):
    x, clean = blobs(60)
    left_out = ridge_left_out(x, clean, n_classes=CLASSES).probabilities
    caught = {}

    def watch(loss, start, **_):
        caught["loss"], caught["start"] = loss, start
        return minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 1})

    monkeypatch.setattr("scipy.optimize.minimize", watch)
    hidden.fit_latent(hidden.gather(left_out, clean))
    loss = caught["loss"]
    at = caught["start"] + np.random.default_rng(0).normal(size=len(caught["start"])) * 0.1
    error = check_grad(lambda v: loss(v)[0], lambda v: loss(v)[1], at)
    assert error < 1e-5


def test_the_confident_joint_counts_as_its_paper_says():
    p = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.45, 0.55], [0.85, 0.15]])
    given = np.array([0, 0, 1, 1, 1])
    # Thresholds: class 0 (0.9 + 0.6) / 2 = 0.75; class 1 (0.8 + 0.55 + 0.15) / 3 = 0.5.
    np.testing.assert_array_equal(confident_joint(p, given, calibrate=False), [[1, 0], [1, 2]])
    np.testing.assert_allclose(confident_joint(p, given), [[2, 0], [1, 2]])


def test_it_refuses_what_it_cannot_use():
    with pytest.raises(SolverError, match="labelled images, got none"):
        estimate_noise(np.full((3, 2), 0.5), np.full(3, -1))
    with pytest.raises(SolverError, match="probabilities for 3 images"):
        estimate_noise(np.full((2, 2), 0.5), np.zeros(3, dtype=np.intp))
    with pytest.raises(SolverError, match="sum to 1"):
        flip(np.array([0]), np.array([[0.5, 0.4], [0, 1]]), np.random.default_rng(0))


def test_flips_follow_their_matrix():
    matrix = np.array([[0.7, 0.3, 0], [0, 1, 0], [0.5, 0, 0.5]])
    clean = np.repeat([0, 1, 2], 20_000)
    given = flip(clean, matrix, np.random.default_rng(0))
    counts = np.zeros((3, 3))
    np.add.at(counts, (clean, given), 1)
    np.testing.assert_allclose(counts / 20_000, matrix, atol=0.01)
