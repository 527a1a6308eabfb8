"""Images without a label: the fit is that of the others, however few these are."""

import numpy as np
import pytest
import torch

from air_core.solver import (
    AIRClassifier,
    SolverConfig,
    adapt,
    air_path,
    exact,
    lambda_max,
    sadmm,
    tune,
)
from tests.solver.problems import noisy_blobs


@pytest.fixture(scope="module")
def few():
    """Features of 5,000 images, labels of 106 of them (−1 for the others), and the truth."""
    x, y, wrong = noisy_blobs(5000, 128, 5, noise=0.1)
    labelled = np.sort(np.random.default_rng(0).permutation(5000)[:106])
    given = np.full(5000, -1)
    given[labelled] = y[labelled]
    return x.astype(np.float32), given, labelled, np.where(wrong, -1, y)


@pytest.mark.parametrize("setting", [{}, {"solver": "exact", "lambda_scale": 2.0}])
def test_few_labels_among_many_images_are_fitted_as_if_they_were_alone(few, setting):
    x, given, labelled, truth = few
    among = AIRClassifier(missing_label=-1, **setting).fit(x, given)
    alone = AIRClassifier(**setting).fit(x[labelled], given[labelled])
    np.testing.assert_allclose(among.coef_, alone.coef_, rtol=1e-5, atol=1e-6)
    sure = truth >= 0
    assert (among.predict(x) == truth)[sure].mean() > 0.9
    assert among.activations_.shape == (5000, 5)
    np.testing.assert_allclose(among.activations(x), among.activations_, rtol=1e-3)


@pytest.mark.parametrize("update", ["all", "block"])
def test_each_solver_and_each_reading(few, update):
    x, given, labelled, _ = few
    config = SolverConfig(update=update, batch_size=32, epochs=5, lambda_scale=2)
    among = sadmm(x, given, config=config, snapshots={5})
    alone = sadmm(x[labelled], given[labelled], config=config, snapshots={5})
    np.testing.assert_allclose(among.coef, alone.coef, rtol=1e-5, atol=1e-6)
    assert among.feature_scale == alone.feature_scale
    gap = np.setdiff1d(np.arange(5000), labelled)
    for inside, outside in (
        (among.last_activations, alone.last_activations),
        (among.snapshots[5], alone.snapshots[5]),
    ):
        assert np.isnan(inside[gap]).all()
        np.testing.assert_allclose(inside[labelled], outside, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(among.activations[labelled], alone.activations, rtol=1e-5)


def test_a_path_reads_every_image(few):
    x, given, labelled, truth = few
    among = air_path(x, given, lambda_scales=[2.0]).points[0]
    alone = air_path(x[labelled], given[labelled], lambda_scales=[2.0]).points[0]
    assert among.suggestions.shape == among.margins.shape == (5000,)
    assert (among.suggestions == truth)[truth >= 0].mean() > 0.9
    np.testing.assert_allclose(among.margins[labelled], alone.margins, atol=1e-4)
    np.testing.assert_array_equal(np.isnan(among.margins), given < 0)
    np.testing.assert_array_equal(np.isnan(among.activations), given < 0)


def test_strength_is_chosen_by_what_is_labelled():
    x, y, _ = noisy_blobs(900, 32, 3, noise=0.2)
    given = np.where(np.arange(900) % 3 == 0, y, -1)
    labelled = np.flatnonzero(given >= 0)
    base = SolverConfig(epochs=3, batch_size=40)
    setting = {"n_classes": 3, "device": "cpu", "dtype": torch.float64}
    for choose in (lambda *a: tune(*a, base=base), lambda *a: adapt(*a, base, **setting)):
        among, alone = choose(x, given), choose(x[labelled], y[labelled])
        assert among.config == alone.config
        assert among.reason == alone.reason
        assert "60 held-out given labels" in among.reason
    assert lambda_max(x, given) == pytest.approx(lambda_max(x[labelled], y[labelled]))


def test_images_of_which_no_tag_is_known():
    x, y, _ = noisy_blobs(120, 24, 3)
    tags = (np.arange(3) == y[:, None]).astype(float)
    tags[40:] = np.nan
    tags[0, 1] = np.nan  # one tag unknown, the others not: the image stays
    among = exact(x, tags, lambda_scale=2.0, dtype=torch.float64)
    alone = exact(x[:40], tags[:40], lambda_scale=2.0, dtype=torch.float64)
    np.testing.assert_allclose(among.coef, alone.coef, rtol=1e-9)
    assert np.isfinite(among.activations).all()
