"""The exact solver: its certificate, its zeros, and agreement with other ways to the optimum."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize as scipy_minimize

from air_core.errors import SolverError
from air_core.solver import SolverConfig, adapt, air_path, exact, tune_lambda
from air_core.solver import lambda_max as public_lambda_max
from air_core.solver.objective import Objective, largest_lambda
from air_core.solver.problem import make_problem
from tests.solver.problems import noisy_blobs

X, Y, _ = noisy_blobs(60, 12, 3, noise=0.2)
P = X.shape[1]


def objective_value(w, b, lambda_g, group):
    """Eq. 3 written out, float64."""
    x = X / np.linalg.norm(X, axis=1).mean()
    scores = x @ w + b
    loss = np.logaddexp.reduce(scores, axis=1) - scores[np.arange(len(Y)), Y]
    axes = 1 if group == "image_class" else (1, 2)
    penalty = np.sqrt(((x[:, :, None] * w) ** 2).sum(axis=axes)).sum()
    return loss.sum() + lambda_g * penalty + 1e-6 * (w**2).sum()


def lambda_max(group):
    problem = make_problem(X, Y, None, device="cpu", dtype=torch.float64)
    return largest_lambda(problem, group)


@pytest.mark.parametrize("group", ["image_class", "image"])
@pytest.mark.parametrize("share", [0.9, 0.3, 0.03])
def test_no_other_point_is_better_and_the_certificate_holds(group, share):
    lambda_g = share * lambda_max(group)
    got = exact(X, Y, lambda_scale=lambda_g * P, group=group, dtype=torch.float64, tolerance=1e-8)
    assert got.converged
    assert got.optimality <= 1e-8
    w = got.coef * got.feature_scale
    best = objective_value(w, got.intercept, lambda_g, group)
    assert best == pytest.approx(got.history[-1]["objective"], rel=1e-10)

    def flat(theta):
        return objective_value(theta[:-3].reshape(P, 3), theta[-3:], lambda_g, group)

    start = np.random.default_rng(0).normal(scale=0.3, size=P * 3 + 3)
    other = scipy_minimize(flat, start, method="L-BFGS-B", options={"maxfun": 60_000}).fun
    assert best <= other * (1 + 1e-8)
    assert best >= other * (1 - 1e-3)


@pytest.mark.parametrize("group", ["image_class", "image"])
def test_a_gap_promises_no_more_than_is_true(group):
    """At a point that is not the optimum the lower bound stays below the optimum."""
    lambda_g = 0.3 * lambda_max(group)
    best = exact(
        X, Y, lambda_scale=lambda_g * P, group=group, dtype=torch.float64, tolerance=1e-9
    ).history[-1]["objective"]
    problem = make_problem(X, Y, None, device="cpu", dtype=torch.float64)
    objective = Objective(problem, lambda_g, 1e-6, group)
    generator = torch.Generator().manual_seed(0)
    for size in (0.01, 0.1, 1.0):
        w = size * torch.randn((P, 3), generator=generator, dtype=torch.float64)
        at = objective.evaluate(w, w[0] * 0)
        at = objective.evaluate(w, at.b)
        zero = objective.zero_columns(at, torch.zeros((1, 3), dtype=torch.bool))
        bound = at.value * (1 - objective.duality_gap(w, at, zero))
        assert bound <= best * (1 + 1e-9)


@pytest.mark.parametrize("group", ["image_class", "image"])
def test_all_weights_are_zero_from_lambda_max_up_and_not_below(group):
    largest = lambda_max(group)
    above = exact(X, Y, lambda_scale=1.001 * largest * P, group=group, dtype=torch.float64)
    below = exact(X, Y, lambda_scale=0.99 * largest * P, group=group, dtype=torch.float64)
    assert above.converged
    assert (above.coef == 0).all()
    assert below.converged
    assert (below.coef != 0).any()
    # Without weights the bias gives the classes' shares.
    share = np.exp(above.intercept) / np.exp(above.intercept).sum()
    np.testing.assert_allclose(share, np.bincount(Y) / len(Y), atol=1e-6)


def test_some_classes_can_be_zero_while_others_are_not():
    scales = [share * lambda_max("image_class") * P for share in np.linspace(0.95, 0.3, 14)]
    zeros = [int((exact(X, Y, lambda_scale=s).coef == 0).all(axis=0).sum()) for s in scales]
    assert {1, 2} & set(zeros)
    assert zeros[-1] == 0


def test_singleton_groups_are_the_lasso():
    """With one feature an image, ‖x_i ∘ w_c‖ = x_ij |w_jc|: a weighted Lasso."""
    rng = np.random.default_rng(0)
    n, p = 60, 4
    column = rng.integers(0, p, n)
    x = np.zeros((n, p))
    x[np.arange(n), column] = rng.uniform(0.5, 1.5, n)
    y = (column % 2 ^ (rng.random(n) < 0.2)).astype(int)
    lambda_g = 0.05
    got = exact(x, y, lambda_scale=lambda_g * p, dtype=torch.float64, tolerance=1e-9)
    scaled = x / np.linalg.norm(x, axis=1).mean()
    weight = lambda_g * scaled.sum(axis=0)

    def split(theta):  # w = a − c with a, c ≥ 0 makes |w| linear
        a, c = theta[: 2 * p].reshape(p, 2), theta[2 * p : 4 * p].reshape(p, 2)
        w, b = a - c, theta[4 * p :]
        scores = scaled @ w + b
        loss = np.logaddexp.reduce(scores, axis=1) - scores[np.arange(n), y]
        return loss.sum() + (weight[:, None] * (a + c)).sum() + 1e-6 * (w**2).sum()

    bounds = [(0, None)] * (4 * p) + [(None, None)] * 2
    oracle = scipy_minimize(split, np.full(4 * p + 2, 0.1), bounds=bounds).fun
    assert got.history[-1]["objective"] == pytest.approx(oracle, rel=1e-6)


def test_a_warm_start_saves_work_and_ends_at_the_same_point():
    cold = exact(X, Y, lambda_scale=1.0)
    near = exact(X, Y, lambda_scale=1.1)
    warm = exact(X, Y, lambda_scale=1.0, start=(near.coef, near.intercept))
    assert warm.history[-1]["evaluations"] < cold.history[-1]["evaluations"]
    assert warm.history[-1]["objective"] == pytest.approx(cold.history[-1]["objective"], rel=3e-4)


@pytest.mark.parametrize("group", ["image_class", "image"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("share", [1.001, 2.0])
def test_from_lambda_max_up_a_warm_start_ends_at_zero_too(group, dtype, share):
    for seed in (0, 1):  # at seed 1 the start has biases from which plain Newton steps diverge
        x, y, _ = noisy_blobs(200, 64, 5, noise=0.2, seed=seed)
        largest = 64 * largest_lambda(
            make_problem(x, y, None, device="cpu", dtype=torch.float64), group
        )
        below = exact(x, y, lambda_scale=0.05 * largest, group=group, dtype=dtype)
        assert (below.coef != 0).all()
        got = exact(
            x,
            y,
            lambda_scale=share * largest,
            group=group,
            dtype=dtype,
            start=(below.coef, below.intercept),
        )
        assert (got.coef == 0).all()
        assert got.converged
        assert got.optimality <= 1e-4
        assert "within 1e-04" in got.stop_reason
        assert (got.last_activations == 0).all()


def test_a_warm_start_silences_the_classes_that_a_cold_one_does():
    x, y, _ = noisy_blobs(200, 64, 5, noise=0.2, seed=1)
    largest = 64 * largest_lambda(
        make_problem(x, y, None, device="cpu", dtype=torch.float64), "image_class"
    )
    start = exact(x, y, lambda_scale=0.3 * largest)
    silent = set()
    for share in (0.95, 0.9, 0.8, 0.7):
        cold = exact(x, y, lambda_scale=share * largest)
        warm = exact(x, y, lambda_scale=share * largest, start=(start.coef, start.intercept))
        zeros = (cold.coef == 0).all(axis=0)
        silent.add(int(zeros.sum()))
        np.testing.assert_array_equal((warm.coef == 0).all(axis=0), zeros)
    assert silent & {1, 2, 3, 4}


@pytest.mark.parametrize("far", [3.0, 30.0, 300.0])
def test_the_best_bias_is_found_from_anywhere(far):
    problem = make_problem(X, Y, None, device="cpu", dtype=torch.float64)
    tags = (np.arange(3) == Y[:, None]).astype(float)
    several = make_problem(X, tags, None, device="cpu", dtype=torch.float64)
    nothing = torch.zeros((60, 3), dtype=torch.float64)
    start = far * torch.tensor([1.0, -1.0, 0.3], dtype=torch.float64)
    for loss in (problem.loss, several.loss):
        found = loss.best_bias(nothing, start, steps=200)
        assert float(loss.residual(nothing + found).sum(dim=0).abs().max()) < 1e-6


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("value", [0.1, 1.0, 1000.0])
def test_constant_features_change_no_lambda_max(dtype, value):
    constant = np.full((60, 4), value)
    assert lambda_max_of(np.hstack([X, constant]), dtype) == pytest.approx(
        lambda_max_of(X, dtype), rel=1e-4
    )
    assert lambda_max_of(constant, dtype) == 0
    assert lambda_max_of(np.tile(X[:1], (60, 1)), dtype) == 0
    for work in (air_path, tune_lambda, public_lambda_max):
        with pytest.raises(SolverError, match="differ between the classes"):
            work(constant, Y)
    got = exact(constant, Y)
    assert got.converged
    assert (got.coef == 0).all()


def lambda_max_of(x, dtype):
    problem = make_problem(x, Y, None, device="cpu", dtype=dtype)
    return largest_lambda(problem, "image_class")


def test_strength_of_constant_features_is_left_alone():
    config = SolverConfig(epochs=2)
    chosen = adapt(np.ones((60, 4)), Y, config, n_classes=3, device="cpu")
    assert chosen.config.lambda_scale == config.lambda_scale


def test_a_lower_bound_of_lambda_max_is_found_early_and_not_kept():
    problem = make_problem(X, Y, None, device="cpu", dtype=torch.float64)
    early = largest_lambda(problem, "image_class", enough=1e-3)
    whole = largest_lambda(problem, "image_class")
    assert 1e-3 <= early <= whole
    assert whole == lambda_max("image_class")


@pytest.mark.parametrize("kind", ["duplicated", "constants", "one feature"])
def test_duplicate_and_constant_features_do_not_hold_up_the_choice_of_lambda(kind):
    x, y, _ = noisy_blobs(400, 64, 4, noise=0.2)
    made = {
        "duplicated": np.repeat(x, 5, axis=1),
        "constants": np.hstack([x, np.ones((400, 30))]),
        "one feature": np.repeat(x[:, :1], 16, axis=1),
    }[kind]
    # Each value of λ_g within a few dozen evaluations, of the 200 that are allowed.
    used = [point.evaluations for point in air_path(made, y, count=12, tolerance=1e-3).points]
    assert max(used) < 100
    assert tune_lambda(made, y).lambda_scale > 0


def test_what_the_precision_does_not_allow_ends_and_is_said():
    x, y, _ = noisy_blobs(300, 32, 3, noise=0.2)
    got = exact(1 + 1e-4 * x, y, lambda_scale=1e-4, tolerance=1e-9)
    assert not got.converged
    assert "no further descent in torch.float32" in got.stop_reason
    assert got.history[-1]["evaluations"] < 2000


def test_giving_up_is_said():
    got = exact(X, Y, lambda_scale=0.01, tolerance=1e-12, max_evaluations=5)
    assert not got.converged
    assert "5" in got.stop_reason or "evaluations" in got.stop_reason
    assert got.optimality > 1e-12


def test_lambda_must_be_positive():
    with pytest.raises(SolverError, match="lambda_scale > 0"):
        exact(X, Y, lambda_scale=0)


def test_features_on_disk_give_the_same_answer(tmp_path, monkeypatch):
    from air_core.solver import matrix

    np.save(tmp_path / "x.npy", X)
    whole = exact(X, Y, lambda_scale=1.0, dtype=torch.float64)
    monkeypatch.setattr(matrix, "BLOCK_BYTES", 7 * P * 8)
    monkeypatch.setattr(matrix, "RESIDENT_BYTES", 0)
    streamed = exact(
        np.load(tmp_path / "x.npy", mmap_mode="r"), Y, lambda_scale=1.0, dtype=torch.float64
    )
    np.testing.assert_allclose(streamed.coef, whole.coef, rtol=1e-6, atol=1e-9)
