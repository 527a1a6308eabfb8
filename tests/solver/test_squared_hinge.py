"""The SVM's loss under AIR, a larger λ1, and the choice of both strengths."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize as scipy_minimize
from sklearn.svm import LinearSVC

from air_core.errors import SolverError
from air_core.solver import LAMBDAS_1, exact, tune_lambda
from air_core.solver.objective import largest_lambda
from air_core.solver.problem import make_problem
from tests.solver.problems import noisy_blobs

X, Y, _ = noisy_blobs(80, 12, 3, noise=0.2)
P = X.shape[1]
HINGE = {"loss": "squared_hinge", "dtype": torch.float64}


def hinge_problem():
    return make_problem(X, Y, None, device="cpu", **HINGE)


def objective_value(w, b, lambda_g, lambda_1, group):
    """Eq. 3 with the squared hinge, written out."""
    x = X / np.linalg.norm(X, axis=1).mean()
    signs = np.where(Y[:, None] == np.arange(3), 1, -1)
    loss = np.maximum(0, 1 - signs * (x @ w + b)) ** 2
    axes = 1 if group == "image_class" else (1, 2)
    penalty = np.sqrt(((x[:, :, None] * w) ** 2).sum(axis=axes)).sum()
    return loss.sum() + lambda_g * penalty + lambda_1 * (w**2).sum()


@pytest.mark.parametrize("group", ["image_class", "image"])
@pytest.mark.parametrize("share", [0.6, 0.2, 0.02])
@pytest.mark.parametrize("lambda_1", [1e-6, 0.5])
def test_no_other_point_is_better_and_the_certificate_holds(group, share, lambda_1):
    lambda_g = share * largest_lambda(hinge_problem(), group)
    got = exact(
        X, Y, lambda_scale=lambda_g * P, lambda_1=lambda_1, group=group, tolerance=1e-7, **HINGE
    )
    assert got.converged
    assert got.history[-1]["gap"] < 1e-3  # a bound of the value, also where the slope was first
    w = got.coef * got.feature_scale
    best = objective_value(w, got.intercept, lambda_g, lambda_1, group)
    assert best == pytest.approx(got.history[-1]["objective"], rel=1e-10)

    def flat(theta):
        return objective_value(theta[:-3].reshape(P, 3), theta[-3:], lambda_g, lambda_1, group)

    start = np.random.default_rng(0).normal(scale=0.3, size=P * 3 + 3)
    other = scipy_minimize(flat, start, method="L-BFGS-B", options={"maxfun": 60_000}).fun
    assert best <= other * (1 + 1e-7)
    assert best >= other * (1 - 1e-3)


def test_the_dual_value_is_the_conjugate_and_bounds_every_value():
    """``−l*(r) ≤ l(s) − r s`` for all scores s, with equality where r is the slope at s."""
    loss = hinge_problem().loss
    generator = torch.Generator().manual_seed(0)
    scores = 2 * torch.randn((80, 3), generator=generator, dtype=torch.float64)
    residual = loss.residual(scores)
    dual = loss.dual_value(residual)
    assert dual == pytest.approx(loss.value(scores) - float((residual * scores).sum()))
    for _ in range(20):
        other = 2 * torch.randn((80, 3), generator=generator, dtype=torch.float64)
        assert dual <= loss.value(other) - float((residual * other).sum())


def test_with_hardly_any_image_regularizer_it_is_the_svm():
    scale = np.linalg.norm(X, axis=1).mean()
    # An intercept that is hardly penalized, as liblinear has it.
    svm = LinearSVC(C=2.0, intercept_scaling=1e3, tol=1e-10, max_iter=200_000).fit(X / scale, Y)
    got = exact(X, Y, lambda_scale=1e-7, lambda_1=0.25, tolerance=1e-9, **HINGE)
    np.testing.assert_allclose(got.coef * scale, svm.coef_.T, atol=2e-3)
    np.testing.assert_allclose(got.intercept, svm.intercept_, atol=2e-3)


@pytest.mark.parametrize("far", [-300.0, -3.0, 0.0, 3.0, 300.0])
def test_the_best_bias_is_found_from_anywhere(far):
    loss = hinge_problem().loss
    scores = torch.as_tensor(X @ np.random.default_rng(1).normal(size=(P, 3)))
    found = loss.best_bias(scores, torch.full((3,), far, dtype=torch.float64), steps=60)
    assert float(loss.residual(scores + found).sum(dim=0).abs().max()) < 1e-9


def test_it_is_for_one_label_an_image():
    tags = (np.arange(3) == Y[:, None]).astype(float)
    with pytest.raises(SolverError, match="one label an image"):
        exact(X, tags, loss="squared_hinge")
    with pytest.raises(SolverError, match="softmax, squared_hinge"):
        exact(X, Y, loss="hinge")


@pytest.mark.parametrize("loss", ["softmax", "squared_hinge"])
@pytest.mark.parametrize(("lambda_1", "share"), [(0.005, 0.01), (0.05, 0.001), (5.0, 0.01)])
def test_a_larger_ridge_is_no_harder_where_features_differ_much_in_size(loss, lambda_1, share):
    """Steps by the penalty's curvature alone would be thousands of times too long."""
    x, y, _ = noisy_blobs(600, 60, 4, noise=0.3)
    x = x * np.geomspace(1e-4, 1, 60)
    problem = make_problem(x, y, None, device="cpu", dtype=torch.float32, loss=loss)
    lambda_scale = share * largest_lambda(problem, "image_class") * 60
    got = exact(
        x, y, lambda_scale=lambda_scale, lambda_1=lambda_1, loss=loss, max_evaluations=250,
        tolerance=1e-3,
    )  # fmt: skip
    assert got.converged, got.stop_reason


@pytest.mark.parametrize(("loss", "enough"), [("softmax", 64), ("squared_hinge", 38)])
def test_a_class_leaves_zero_by_the_features_that_pay_beside_a_larger_ridge(loss, enough):
    """By the steepest direction alone it takes 85 and 47 evaluations."""
    x, y, _ = noisy_blobs(600, 60, 4, noise=0.3)
    x = x * np.geomspace(1e-7, 1, 60)
    problem = make_problem(x, y, None, device="cpu", dtype=torch.float32, loss=loss)
    lambda_scale = 0.05 * largest_lambda(problem, "image_class") * 60
    got = exact(x, y, lambda_scale=lambda_scale, lambda_1=0.5, loss=loss, tolerance=1e-3)
    assert got.converged
    assert got.history[-1]["evaluations"] <= enough


@pytest.mark.parametrize(("loss", "seed"), [("softmax", 1), ("squared_hinge", 1), ("softmax", 2)])
def test_both_strengths_are_chosen_by_labels_that_were_held_out(loss, seed):
    x, y, _ = noisy_blobs(500, 200, 4, noise=0.4, seed=seed)
    alone = {value: tune_lambda(x, y, lambda_1=value, loss=loss).loss for value in LAMBDAS_1}
    told = []
    both = tune_lambda(
        x, y, lambda_1=LAMBDAS_1, loss=loss, progress=lambda *now: told.append(now[0])
    )
    assert both.loss == alone[both.lambda_1]
    assert both.loss <= min(alone.values()) * (1 + 1e-4)
    assert both.loss < 0.997 * max(alone.values())
    assert told == sorted(told)
    got = exact(
        x, y, lambda_scale=both.lambda_scale, lambda_1=both.lambda_1, loss=loss, start=both.start
    )
    assert got.converged


@pytest.mark.parametrize("lambda_1", [(), -1.0, (-1.0, 0.1), float("nan")])
def test_a_ridge_that_cannot_be_is_refused(lambda_1):
    with pytest.raises(SolverError, match="lambda_1 >= 0"):
        tune_lambda(X, Y, lambda_1=lambda_1)


@pytest.mark.parametrize("size", [1e-12, 1e-20])
def test_features_of_hardly_any_size_certify_nothing_wrong(size):
    x, y, _ = noisy_blobs(400, 30, 4, noise=0.3)
    x[:, 5:10] *= size
    settings = {"lambda_scale": 6.0, "lambda_1": 0.5, "loss": "squared_hinge"}
    got = exact(x, y, **settings)
    without = exact(np.delete(x, range(5, 10), axis=1), y, **settings | {"lambda_scale": 5.0})
    assert got.history[-1]["objective"] == pytest.approx(without.history[-1]["objective"], rel=1e-3)


def test_too_few_images_to_hold_any_out_have_the_smallest_ridge():
    found = tune_lambda(X[:20], Y[:20], lambda_1=(0.5, 0.1))
    assert found.lambda_1 == 0.1
    assert found.start is None
    assert np.isnan(found.loss)
