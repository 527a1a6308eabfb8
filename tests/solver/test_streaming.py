"""Features on disk stay there: fits of memory-mapped arrays, and the memory that they take."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from air_core.solver import (
    PathRefiner,
    SolverConfig,
    adapt,
    air_path,
    exact,
    matrix,
    sadmm,
    tune,
    tune_lambda,
)
from air_core.solver.problem import make_problem
from tests.solver.problems import noisy_blobs


@pytest.fixture
def streamed(tmp_path, monkeypatch):
    """Features in memory, on disk where nothing may stay resident, and labels with gaps."""
    x, y, _ = noisy_blobs(400, 32, 4, noise=0.2)
    np.save(tmp_path / "x.npy", x)
    monkeypatch.setattr(matrix, "BLOCK_BYTES", 37 * 32 * 8)
    y[::7] = -1

    def both(fit):
        whole = fit(x, y)
        with monkeypatch.context() as patch:
            patch.setattr(matrix, "RESIDENT_BYTES", 0)
            return whole, fit(np.load(tmp_path / "x.npy", mmap_mode="r"), y)

    return both


@pytest.mark.parametrize("update", ["all", "block"])
def test_sadmm(streamed, update):
    config = SolverConfig(epochs=4, batch_size=60, update=update, lambda_scale=2)
    whole, mapped = streamed(lambda x, y: sadmm(x, y, config=config, dtype=torch.float64))
    np.testing.assert_allclose(mapped.coef, whole.coef, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(mapped.activations, whole.activations, rtol=1e-8)
    np.testing.assert_allclose(mapped.last_activations, whole.last_activations, atol=1e-8)


def test_tune_and_adapt(streamed):
    base = SolverConfig(epochs=3, batch_size=60)
    setting = {"n_classes": 4, "device": "cpu", "dtype": torch.float64}
    whole, mapped = streamed(lambda x, y: tune(x, y, base=base, dtype=torch.float64))
    assert mapped.config == whole.config
    np.testing.assert_allclose(mapped.winner.losses, whole.winner.losses, rtol=1e-8)
    whole, mapped = streamed(lambda x, y: adapt(x, y, base, **setting))
    assert mapped.config.epochs == whole.config.epochs
    assert mapped.config.lambda_scale == pytest.approx(whole.config.lambda_scale)


def test_the_exact_solver_and_its_path(streamed):
    def solve(x, y):
        alone = exact(x, y, lambda_scale=3.0, dtype=torch.float64, tolerance=1e-6)
        path = air_path(x, y, lambda_scales=[5.0, 2.0], dtype=torch.float64, tolerance=1e-6)
        between = PathRefiner(x, y, path, dtype=torch.float64, tolerance=1e-6).solve(3.0)
        return alone.coef, path.points[1].margins, between.coef, between.suggestions

    for whole, mapped in zip(*streamed(solve), strict=True):
        np.testing.assert_allclose(mapped, whole, rtol=1e-3, atol=1e-4)
    whole, mapped = streamed(lambda x, y: tune_lambda(x, y, count=4))
    assert mapped.lambda_scale == pytest.approx(whole.lambda_scale, rel=1e-3)


def test_rows_of_an_array_are_those_of_its_copy():
    x, y, _ = noisy_blobs(200, 16, 3)
    some = np.flatnonzero(np.arange(200) % 3 > 0)
    one = make_problem(x, y, 3, device="cpu", dtype=torch.float64, index=some)
    other = make_problem(x[some], y[some], 3, device="cpu", dtype=torch.float64)
    rows = torch.tensor([5, 0, 9])
    assert one.matrix.scale == other.matrix.scale
    assert torch.equal(one.matrix.rows(rows), other.matrix.rows(rows))
    assert torch.equal(one.own, other.own)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc")
def test_no_way_to_fit_copies_an_array_on_disk(tmp_path):
    """Of 98 MB on disk none may take a third."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.solver.streaming", tmp_path],
        # Freed memory goes back at once, so that what is counted is what is held.
        env=os.environ | {"MALLOC_MMAP_THRESHOLD_": "500000", "MALLOC_TRIM_THRESHOLD_": "500000"},
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert {k: v for k, v in found["grown"].items() if v > found["array"] / 3} == {}
