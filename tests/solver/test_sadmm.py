"""The matrix-free SADMM against the paper's algorithm written out, and its stated behaviour."""

import numpy as np
import pytest
import torch

from air_core.errors import Cancelled, SolverError
from air_core.metrics import auroc
from air_core.ranking import margins, own_class, softmax
from air_core.solver import SolverConfig, lambda_max, sadmm
from air_core.solver.duals import MOST_SLOTS
from air_core.solver.penalty import group_norms
from benchmarks.dense import dense_sadmm
from tests.solver.problems import noisy_blobs

# λ_g from none to all groups suppressed; in between most groups fall asleep and wake up again.
SCALES = [0, 1, 10, 30, 64, 640]


@pytest.mark.parametrize("group", ["image_class", "image"])
@pytest.mark.parametrize("scale", SCALES)
def test_matrix_free_equals_dense(scale, group):
    x, y, _ = noisy_blobs(120, 32, 4)
    config = SolverConfig(
        lambda_scale=scale / 2, group=group, batch_size=20, epochs=5, history_tolerance=0
    )
    dense = dense_sadmm(x, y, 4, config)
    got = sadmm(x, y, config=config, dtype=torch.float64)
    error = np.abs(got.coef * got.feature_scale - dense.w_bar).max()
    assert error <= 1e-9 * np.abs(dense.w_bar).max()
    np.testing.assert_allclose(got.intercept, dense.b_bar, atol=1e-9)
    np.testing.assert_allclose(got.last_activations, dense.norms, atol=1e-9)
    assert got.largest_merge == 0
    assert got.history[-1]["primal_residual"] == pytest.approx(dense.primal, rel=1e-6, abs=1e-6)
    assert got.history[-1]["dual_residual"] == pytest.approx(dense.dual, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("group", ["image_class", "image"])
@pytest.mark.parametrize("scale", SCALES)
def test_activations_are_those_of_the_papers_averaged_v_within_the_bound(scale, group):
    x, y, _ = noisy_blobs(120, 32, 4)
    config = SolverConfig(
        lambda_scale=scale / 2, group=group, batch_size=20, epochs=20, history_tolerance=0
    )
    got = sadmm(x, y, config=config, dtype=torch.float64)
    averaged = dense_sadmm(x, y, 4, config).averaged
    ours = group_norms(torch.as_tensor(got.activations), group).numpy()
    apart = np.abs(ours - averaged).max()
    assert apart <= got.averaging_bound + 1e-12
    assert got.averaging_bound <= 6 * got.lambda_g / (120 * 100)
    if scale == 640:  # v̄ is all but zero, and so is what we give for it: the bound is reached
        assert ours.max() <= got.averaging_bound


def test_all_groups_can_be_suppressed():
    x, y, _ = noisy_blobs(60, 16, 3)
    got = sadmm(x, y, config=SolverConfig(lambda_scale=640, epochs=5, batch_size=20))
    assert (got.last_activations == 0).all()
    assert got.history[-1]["suppressed"] == 1


@pytest.mark.parametrize("scale", [10, 32])
def test_merging_old_iterates_stays_within_its_tolerance(scale):
    x, y, _ = noisy_blobs(120, 32, 4)
    settings = {"lambda_scale": scale / 2, "batch_size": 20, "epochs": 10}
    exact = sadmm(x, y, config=SolverConfig(**settings, history_tolerance=0), dtype=torch.float64)
    short = sadmm(
        x, y, config=SolverConfig(**settings, history_tolerance=1e-5), dtype=torch.float64
    )
    assert 0 < short.largest_merge <= 1e-5
    assert max(h["slots"] for h in short.history) < max(h["slots"] for h in exact.history)
    assert np.abs(short.coef - exact.coef).max() <= 1e-3 * np.abs(exact.coef).max()


def test_past_lambda_max_the_history_stays_small_and_says_what_that_costs():
    x, y, _ = noisy_blobs(60, 16, 3)
    setting = {"lambda_scale": 1.3 * 16 * lambda_max(x, y), "batch_size": 6, "epochs": 30}
    short = sadmm(x, y, config=SolverConfig(**setting))
    whole = sadmm(x, y, config=SolverConfig(**setting, history_tolerance=0))
    assert max(record["slots"] for record in short.history) == MOST_SLOTS
    assert max(record["slots"] for record in whole.history) > MOST_SLOTS
    assert short.largest_merge > SolverConfig().history_tolerance
    assert whole.largest_merge == 0


def test_wrong_labels_get_small_activations_and_margins():
    x, y, wrong = noisy_blobs(300, 64, 5, noise=0.3, seed=1)
    got = sadmm(x, y, config=SolverConfig(batch_size=64))
    assert auroc(own_class(got.activations, y), wrong) > 0.9
    assert auroc(margins(softmax(x @ got.coef + got.intercept), y), wrong) > 0.95


def test_coef_fits_the_features_as_given_whatever_their_scale():
    x, y, _ = noisy_blobs(100, 16, 3)
    small = sadmm(x, y, config=SolverConfig(epochs=3))
    large = sadmm(1000 * x, y, config=SolverConfig(epochs=3))
    np.testing.assert_allclose(x @ small.coef, 1000 * x @ large.coef, rtol=1e-3, atol=1e-3)


def test_seed_decides_everything():
    x, y, _ = noisy_blobs(100, 16, 3)
    first, again, other = (
        sadmm(x, y, config=SolverConfig(epochs=2, batch_size=10, seed=s)).coef for s in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_snapshots_and_history_cover_the_epochs_asked_for():
    x, y, _ = noisy_blobs(100, 16, 3)
    got = sadmm(x, y, config=SolverConfig(epochs=6), snapshots={2, 6})
    assert sorted(got.snapshots) == [2, 6]
    np.testing.assert_allclose(got.snapshots[6], own_class(got.activations, y), rtol=1e-6)
    assert [h["epoch"] for h in got.history] == [1, 2, 3, 4, 5, 6]
    assert got.history[-1]["objective"] < got.history[0]["objective"]
    assert not got.converged
    assert "6 epochs" in got.stop_reason


def test_unlabelled_rows_take_no_part_in_the_loss():
    x, y, _ = noisy_blobs(100, 16, 3)
    hidden = y.copy()
    hidden[::5] = -1
    config = SolverConfig(lambda_scale=1, epochs=20, batch_size=20)
    got = sadmm(x, hidden, config=config, snapshots={20})
    assert np.isnan(got.snapshots[20][::5]).all()
    predicted = (x @ got.coef + got.intercept).argmax(axis=1)
    assert (predicted[::5] == y[::5]).mean() > 0.8


def test_progress_can_cancel():
    x, y, _ = noisy_blobs(50, 8, 2)

    def stop(done, total, note):
        if done == 2:
            raise Cancelled("Stopped on request.")

    with pytest.raises(Cancelled):
        sadmm(x, y, config=SolverConfig(epochs=50), progress=stop)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda x, y: (np.where(np.arange(8) == 3, np.nan, x), y), "NaN or infinity"),
        (lambda x, y: (x[0], y), "shape"),
        (lambda x, y: (x, y[:-1]), "one label for each"),
        (lambda x, y: (x, y * 0), "two classes"),
        (lambda x, y: (x, y.astype(str)), "integer class"),
        (lambda x, y: (x * 0, y), "not all zero"),
        (lambda x, y: (x, y - 2 * (y == 0)), "Expected labels in"),
    ],
)
def test_bad_input_is_refused_in_plain_words(change, says):
    x, y, _ = noisy_blobs(40, 8, 3)
    with pytest.raises(SolverError, match=says):
        sadmm(*change(x, y))


@pytest.mark.parametrize(
    "setting", [{"rho": 0}, {"epochs": 0}, {"beta": 0.5}, {"lambda_scale": -1}, {"group": "pixel"}]
)
def test_bad_settings_are_refused(setting):
    with pytest.raises(SolverError, match=next(iter(setting))):
        SolverConfig(**setting)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_equals_cpu():
    x, y, _ = noisy_blobs(100, 16, 3)
    config = SolverConfig(epochs=3)
    cpu = sadmm(x, y, config=config, dtype=torch.float64)
    cuda = sadmm(x, y, config=config, dtype=torch.float64, device="cuda")
    np.testing.assert_allclose(cuda.coef, cpu.coef, rtol=1e-8)
