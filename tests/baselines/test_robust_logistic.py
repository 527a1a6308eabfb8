"""RoLR: its optimum, and rows that would mislead a plain logistic regression."""

from importlib import import_module

import numpy as np
import pytest
from scipy.optimize import minimize

from air_core.baselines import robust_logistic, softmax_l2
from air_core.baselines.robust_logistic import trimmed_directions

# By its name the package gives the function.
module = import_module("air_core.baselines.robust_logistic")


def corrupted(share, n=600, p=20, seed=0):
    """A plane in Gaussian features; outliers are as in the paper: far out, with the wrong label."""
    rng = np.random.default_rng(seed)
    x, beta = rng.standard_normal((n, p)), rng.standard_normal(p)
    beta /= np.linalg.norm(beta)
    bad = rng.permutation(n)[: int(share * n)]
    x[bad] *= 6
    y = (x @ beta > 0).astype(int)
    y[bad] = 1 - y[bad]
    test = rng.standard_normal((4000, p))
    return x, y, test, (test @ beta > 0).astype(int)


@pytest.mark.parametrize("share", [0.2, 0.3])
def test_it_beats_logistic_regression_on_corrupted_rows(share):
    x, y, test, truth = corrupted(share)

    def accuracy(fit):
        return ((test @ fit.coef + fit.intercept).argmax(axis=1) == truth).mean()

    robust = accuracy(robust_logistic(x, y, n_classes=2, shares=[0.5]))
    plain = max(accuracy(softmax_l2(x, y, n_classes=2, grid=[c])) for c in (0.1, 1, 10))
    assert robust > plain + 0.05


def test_the_direction_is_the_optimum_of_the_trimmed_programme():
    rng = np.random.default_rng(0)
    x, signs = rng.standard_normal((60, 3)), rng.choice([-1.0, 1.0], 60)
    x[:, 0] += signs
    found, gaps = trimmed_directions(x, np.stack([signs, -signs], axis=1), 0.3, iterations=5000)
    assert (gaps < 2e-3).all()
    beta = found[:, 0]

    def trimmed(direction):
        unit = direction / np.linalg.norm(direction)
        return -np.sort(signs * (x @ unit))[: 60 - 18].sum()

    starts = rng.standard_normal((20, 3))
    best = min(minimize(trimmed, start, method="Nelder-Mead").fun for start in starts)
    assert trimmed(beta) <= best * 0.995


def test_log_odds_belong_to_the_weights_and_unlabelled_rows_get_them_too():
    x, y, _, _ = corrupted(0.2, n=200)
    y[:4] = -1
    got = robust_logistic(x + 5, y, n_classes=2)
    np.testing.assert_allclose((x + 5) @ got.coef + got.intercept, got.decision, atol=1e-3)
    assert set(got.loss_by_outliers) == {0.0, 0.1, 0.2, 0.3, 0.5}
    assert got.outliers == min(got.loss_by_outliers, key=got.loss_by_outliers.get)


def test_tags_are_fitted_each_on_its_own():
    x, y, _, _ = corrupted(0.1, n=200)
    tags = np.stack([y, 1 - y, np.ones_like(y)], axis=1).astype(np.int8)
    got = robust_logistic(x, tags, n_classes=3, shares=[0.2])
    np.testing.assert_allclose(got.decision[:, 0], -got.decision[:, 1], atol=1e-3)
    assert (got.decision[:, 2] > 0).all()


def test_a_class_without_images_and_one_of_all_have_no_direction():
    x, y, _, _ = corrupted(0.2, n=200)
    got = robust_logistic(x, y, n_classes=4, shares=[0.0])
    assert np.isfinite(got.decision).all()
    assert (got.coef[:, 2:] == 0).all()
    assert got.gap < 1
    tags = np.stack([y, np.ones_like(y)], axis=1).astype(np.int8)
    assert np.isfinite(robust_logistic(x, tags, n_classes=2, shares=[0.0, 0.3]).decision).all()


def test_signs_that_are_all_alike_give_zeros_where_rows_cancel_out():
    rows = np.random.default_rng(0).standard_normal((60, 10)).astype(np.float32)
    rows -= rows.mean(axis=0)
    directions, gaps = trimmed_directions(rows, np.full((60, 1), -1.0), share=0.0)
    assert (directions == 0).all()
    assert (gaps == 0).all()


def test_bounds_tried_together_give_what_each_gives_alone():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 8)).astype(np.float32)
    signs = np.where(x[:, :2] + rng.standard_normal((200, 2)) > 0, 1.0, -1.0)
    bounds = [0.0, 0.2, 0.5]
    together, gaps = trimmed_directions(x, np.tile(signs, 3), np.repeat(bounds, 2))
    alone = [trimmed_directions(x, signs, bound) for bound in bounds]
    np.testing.assert_allclose(together, np.hstack([one for one, _ in alone]), atol=1e-4)
    np.testing.assert_allclose(gaps, np.hstack([gap for _, gap in alone]), atol=1e-4)
    assert not np.allclose(together[:, :2], together[:, 2:4], atol=1e-2)


def test_bounds_that_do_not_fit_in_memory_together_are_tried_in_turn(monkeypatch):
    x, y, _, _ = corrupted(0.2, n=200)
    together = robust_logistic(x, y, n_classes=2)
    monkeypatch.setattr(module, "_ENTRIES", 700)
    asked = []
    trimmed = module.trimmed_directions
    monkeypatch.setattr(
        module,
        "trimmed_directions",
        lambda rows, signs, *more: (asked.append(signs.shape[1]), trimmed(rows, signs, *more))[1],
    )
    in_turn = robust_logistic(x, y, n_classes=2)
    assert asked == [4, 4, 2, 2]
    assert in_turn.loss_by_outliers == together.loss_by_outliers
