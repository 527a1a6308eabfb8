"""Blocks of groups, several tags an image, memory-mapped features, and settings by themselves."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from air_core.metrics import auroc
from air_core.solver import (
    NegativeFeaturesWarning,
    SolverConfig,
    exact,
    paper_grid,
    sadmm,
    tune,
    tune_lambda,
    tuning,
)
from air_core.solver.continuation import solve_path
from air_core.solver.matrix import product
from air_core.solver.objective import largest_lambda
from air_core.solver.problem import make_problem
from air_core.solver.record import calibrated_loss
from air_core.solver.sadmm import run
from tests.solver.problems import noisy_blobs


def own(result, y):
    return result.activations[np.arange(len(y)), y]


def test_one_block_of_everything_is_the_papers_update():
    x, y, _ = noisy_blobs(80, 16, 3)
    config = {"batch_size": 80, "epochs": 8, "history_tolerance": 0}
    a, b = (
        sadmm(x, y, config=SolverConfig(update=u, **config), dtype=torch.float64)
        for u in ("all", "block")
    )
    np.testing.assert_allclose(a.coef, b.coef, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(a.last_activations, b.last_activations, rtol=1e-8)


def test_blocks_find_what_the_papers_update_finds():
    x, y, wrong = noisy_blobs(400, 64, 4, noise=0.3)
    got = {
        update: auroc(own(sadmm(x, y, config=SolverConfig(update=update, batch_size=50)), y), wrong)
        for update in ("all", "block")
    }
    assert got["all"] > 0.9
    assert abs(got["all"] - got["block"]) < 0.03


def test_memory_mapped_features_are_not_changed_and_give_the_same(tmp_path):
    x, y, _ = noisy_blobs(100, 16, 3)
    np.save(tmp_path / "x.npy", x.astype(np.float32))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    before = mapped.tobytes()
    config = SolverConfig(epochs=3)
    np.testing.assert_array_equal(
        sadmm(mapped, y, config=config).coef, sadmm(x.astype(np.float32), y, config=config).coef
    )
    assert mapped.tobytes() == before


def test_negative_features_warn_and_say_why():
    x, y, _ = noisy_blobs(60, 8, 2)
    with pytest.warns(NegativeFeaturesWarning, match="ignores signs"):
        sadmm(x - 1, y, config=SolverConfig(epochs=1))


def test_tuning_sees_given_labels_only_and_picks_what_fits_them():
    x, y, _ = noisy_blobs(400, 32, 4, noise=0.2)
    weak, strong = SolverConfig(epochs=5), SolverConfig(epochs=5, lambda_scale=3000)
    chosen = tune(x, y, candidates=[strong, weak])
    assert chosen.config.lambda_scale == weak.lambda_scale
    assert 1 <= chosen.config.epochs <= 5
    assert len(chosen.trials) == 2
    assert "held-out" in chosen.reason
    assert tune(x, y, candidates=[strong, weak]).config == chosen.config


def test_the_papers_grid_is_one_call():
    x, y, _ = noisy_blobs(300, 16, 3)
    base = SolverConfig(epochs=2)
    grid = paper_grid(base, betas=(1.1, 1.5), batch_sizes=(64,), rho_maxima=(30.0,))
    chosen = tune(x, y, candidates=grid)
    assert len(chosen.trials) == 2
    assert {trial.config.beta for trial in chosen.trials} == {1.1, 1.5}
    assert chosen.config.epochs <= 2


def test_too_few_images_keep_the_settings_and_say_so():
    x, y, _ = noisy_blobs(40, 8, 2)
    chosen = tune(x, y)
    assert chosen.config == SolverConfig()
    assert "too few" in chosen.reason
    problem = make_problem(x, y, None, device="cpu", dtype=torch.float32)
    scale, start, *_ = tune_lambda(x, y)
    assert scale == pytest.approx(0.1 * largest_lambda(problem, "image_class") * 8)
    assert start is None


def test_following_the_valley_finds_the_lambda_that_a_whole_path_has_best():
    upper = []
    for noise in (0.0, 0.4, 0.7):
        x, y, _ = noisy_blobs(400, 32, 4, noise=noise)
        found = tune_lambda(x, y).lambda_scale
        train, held_out = tuning.halves(
            x, y, tuning.held_out_rows(y, 0), None, device="cpu", dtype=torch.float32
        )
        losses = {}
        for point in solve_path(train, count=12, tolerance=1e-4).points:
            w = torch.as_tensor(point.coef) * held_out.matrix.scale
            scores = held_out.matrix.forward(w) + torch.as_tensor(point.intercept)
            losses[point.lambda_scale] = calibrated_loss(held_out, scores)
        at_found = losses[min(losses, key=lambda scale: abs(scale - found))]
        assert at_found <= 1.01 * min(losses.values())
        upper.append(found > sorted(losses)[-5] * 1.001)
    # Both ways were gone: down from the middle, and down to it from λ_max.
    assert set(upper) == {False, True}


def test_a_candidate_that_has_got_worse_for_long_is_left():
    x, y, _ = noisy_blobs(400, 32, 4, noise=0.4)
    config = SolverConfig(rho=0.3, rho_max=0.3, epochs=200)
    (trial,) = tune(x, y, candidates=[config]).trials
    lowest = int(np.argmin(trial.losses))
    assert len(trial.losses) == lowest + 1 + tuning._PATIENCE < 200
    assert trial.config.epochs == lowest + 1


def test_the_exact_solvers_lambda_is_neither_end_of_the_path_on_noisy_data():
    x, y, wrong = noisy_blobs(500, 64, 4, noise=0.4)
    scale, start, *_ = tune_lambda(x, y)
    got = exact(x, y, lambda_scale=scale)
    near = exact(x, y, lambda_scale=scale, start=start)
    np.testing.assert_allclose(near.coef, got.coef, atol=0.02 * np.abs(got.coef).max())
    assert near.history[-1]["evaluations"] < got.history[-1]["evaluations"]
    barely = exact(x, y, lambda_scale=scale / 50)
    held_x, held_y, _ = noisy_blobs(500, 64, 4, noise=0.4)
    clean = ~wrong

    def accuracy(result):
        return ((held_x @ result.coef + result.intercept).argmax(axis=1) == held_y)[clean].mean()

    assert accuracy(got) >= accuracy(barely)
    assert (got.coef != 0).mean() > 0


def test_without_residuals_blocks_take_the_same_steps():
    x, y, _ = noisy_blobs(200, 16, 3)
    config = SolverConfig(epochs=4, batch_size=40, update="block", rho=3.0, rho_max=1e4)
    problem = make_problem(x, y, 3, device="cpu", dtype=torch.float64)
    constant = replace(config, rho_max=3.0 * 5)
    for settings in (config, constant):  # with a rising ρ, two sums are kept all the same
        one, two = (
            run(problem, settings, held_out=problem, patience=patience) for patience in (None, 99)
        )
        np.testing.assert_allclose(one.coef, two.coef, rtol=1e-8)
    assert one.history[-1]["dual_residual"] > 0
    assert np.isnan(two.history[-1]["dual_residual"])


def test_merging_sooner_leaves_six_digits_of_the_loss(monkeypatch):
    x, y, _ = noisy_blobs(400, 64, 4, noise=0.3)
    merged = []
    monkeypatch.setattr(
        tuning,
        "run",
        lambda train, config, **more: (
            merged.append(config.history_tolerance), run(train, config, **more)
        )[1],
    )  # fmt: skip
    rough = tune(x, y, base=SolverConfig(batch_size=80))
    assert set(merged) == {tuning._ROUGH}
    for trial in rough.trials:
        assert trial.config.history_tolerance == SolverConfig().history_tolerance
        steps = len(trial.losses)
        fine = tune(x, y, candidates=[replace(trial.config, epochs=steps)]).trials[0]
        np.testing.assert_allclose(trial.losses[-1], fine.losses[-1], rtol=1e-6)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("rows", [5, 1024, 2500])
def test_products_are_the_same_in_every_order(rows, threads, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    x, w = torch.rand(rows, 30), torch.rand(30, 4)
    torch.testing.assert_close(product(x, w), x @ w)
