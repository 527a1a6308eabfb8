"""What the exact solver claims is true where classes are rare, and what is odd is said."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from air_core.errors import SolverError
from air_core.ranking import tag_margins
from air_core.solver import (
    AIRMultilabelClassifier,
    LambdaPath,
    SolverConfig,
    air_path,
    exact,
    sadmm,
)
from air_core.solver.objective import largest_lambda
from air_core.solver.problem import make_problem
from tests.solver.problems import noisy_blobs


def imbalanced(counts, p=32, seed=0):
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(len(counts)), counts)
    centres = np.abs(rng.normal(size=(len(counts), p)))
    return np.maximum(0, centres[y] + 0.8 * rng.normal(size=(len(y), p)) - 0.3), y


@pytest.mark.parametrize("counts", [(1990, 10), (990, 10), (1000, 300, 100, 30, 10, 3)])
def test_a_rare_class_changes_neither_lambda_max_nor_the_certificate(counts):
    x, y = imbalanced(counts)
    problem = make_problem(x, y, None, device="cpu", dtype=torch.float64)
    largest = largest_lambda(problem, "image_class")
    shares = np.array(counts) / sum(counts)
    null = -sum(counts) * float((shares * np.log(shares)).sum())
    above = exact(x, y, lambda_scale=1.01 * largest * 32, dtype=torch.float64)
    assert above.converged
    assert above.history[-1]["objective"] == pytest.approx(null, rel=1e-4)
    assert np.abs(above.coef).max() == 0
    below = exact(x, y, lambda_scale=0.9 * largest * 32, dtype=torch.float64, tolerance=1e-6)
    assert below.history[-1]["objective"] < null
    assert np.abs(below.coef).max() > 0


@pytest.mark.parametrize("n", [512, 513, 769])
def test_a_short_last_block_weighs_no_more_than_the_others(n):
    x, y, wrong = noisy_blobs(1300, 64, 5, noise=0.3, seed=1)
    config = SolverConfig(update="block", lambda_scale=1)
    result = sadmm(x[:n], y[:n], config=config)
    found = (x[:n] @ result.coef + result.intercept).argmax(axis=1)
    assert (found == y[:n])[~wrong[:n]].mean() > 0.97
    assert np.abs(result.intercept).max() < 1


def test_features_in_float16_are_scaled_as_in_float32():
    x, y, _ = noisy_blobs(100, 1280, 3)
    half = exact((x * 10).astype(np.float16), y)
    full = exact((x * 10).astype(np.float32), y)
    assert half.feature_scale == pytest.approx(full.feature_scale, rel=1e-3)


def test_no_tag_at_all_is_no_crash():
    x, _, _ = noisy_blobs(120, 16, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = AIRMultilabelClassifier().fit(x, np.zeros((120, 2), int))
    assert not model.predict(x).any()


def test_margins_of_tags_mean_the_same_everywhere():
    x, y, _ = noisy_blobs(200, 32, 4, noise=0.1)
    tags = (np.arange(4) == y[:, None]).astype(float)
    tags[:40, 0] = 0  # tags that are missing
    path = air_path(x, tags, lambda_scales=[2.0])
    (point,) = path.points
    scores = x @ point.coef + point.intercept
    expected = tag_margins(2 / (1 + np.exp(-scores)) - 1, tags.astype(np.int8))
    np.testing.assert_allclose(point.margins, expected, atol=1e-4)
    model = AIRMultilabelClassifier(solver="exact", lambda_scale=2.0).fit(x, tags.astype(int))
    assert np.corrcoef(model.audit_scores(x, tags.astype(int)).margin, expected)[0, 1] > 0.999


def test_nearly_equal_values_of_a_path_are_one():
    x, y, _ = noisy_blobs(200, 64, 5, noise=0.2)
    path = air_path(x, y, lambda_scales=[1.0, 2.0, 2.0 * (1 + 1e-15), 4.0])
    assert len(path.points) == 3
    assert all(point.converged for point in path.points)


@pytest.mark.parametrize(
    "settings", [{"group": "pixel"}, {"lambda_1": -1.0}, {"lambda_scale": np.inf}]
)
def test_settings_that_cannot_be_are_refused(settings):
    x, y, _ = noisy_blobs(60, 16, 3)
    with pytest.raises(SolverError):
        exact(x, y, **settings)


@pytest.mark.parametrize("damage", ["half", "empty", "inside"])
def test_a_damaged_path_is_said(tmp_path, damage):
    x, y, _ = noisy_blobs(60, 16, 3)
    file = tmp_path / "path.npz"
    air_path(x, y, count=2).save(file)
    data = bytearray(file.read_bytes())
    if damage == "half":
        data = data[: len(data) // 2]
    elif damage == "empty":
        data = bytearray()
    else:
        data[len(data) // 3 : len(data) // 3 + 40] = bytes(40)
    file.write_bytes(data)
    with pytest.raises(SolverError, match="Compute it again"):
        LambdaPath.load(file)
