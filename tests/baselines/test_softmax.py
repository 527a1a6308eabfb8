"""Softmax regression against scikit-learn's own model."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from air_core.baselines import softmax_l2
from air_core.errors import SolverError
from tests.solver.problems import noisy_blobs


def blobs(n=240, p=20, classes=4, noise=0.2):
    x, y, clean = noisy_blobs(n, p, classes, noise=noise)
    return x / np.linalg.norm(x, axis=1).mean(), y, clean


@pytest.mark.parametrize("c", [0.1, 10.0])
@pytest.mark.parametrize("shape", [(240, 20), (40, 90)])
def test_it_is_scikit_learns_model(c, shape):
    x, y, _ = blobs(*shape)
    got = softmax_l2(x, y, n_classes=4, grid=[c])
    model = LogisticRegression(C=c, tol=1e-8, max_iter=10_000).fit(x.astype(np.float64), y)
    chances = np.exp(got.decision - np.logaddexp.reduce(got.decision, axis=1, keepdims=True))
    np.testing.assert_allclose(chances, model.predict_proba(x), atol=2e-3)
    np.testing.assert_allclose(x @ got.coef + got.intercept, got.decision, atol=1e-4)


def test_c_has_the_least_loss_on_labels_left_out():
    x, y, _ = blobs(noise=0.4)
    got = softmax_l2(x, y, n_classes=4, grid=[100.0, 0.3])
    assert min(got.loss_by_C, key=got.loss_by_C.get) == got.C == 0.3
    of_label = got.left_out[np.arange(len(y)), y]
    assert -np.log(of_label).mean() == pytest.approx(got.loss_by_C[0.3], rel=1e-5)


def test_no_model_has_seen_the_label_it_is_asked_about():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((60, 200)), rng.integers(0, 2, 60)
    got = softmax_l2(x, y, n_classes=2, grid=[100.0])
    assert (got.decision.argmax(axis=1) == y).all()
    assert (got.left_out.argmax(axis=1) == y).mean() < 0.75


def test_each_tag_is_a_logistic_regression():
    x, y, _ = blobs()
    tags = np.stack([y == 0, y > 1], axis=1).astype(np.int8)
    tags[:5] = -1
    got = softmax_l2(x, tags, n_classes=2, grid=[1.0])
    for tag in (0, 1):
        model = LogisticRegression(C=1.0, tol=1e-8).fit(x[5:], tags[5:, tag])
        np.testing.assert_allclose(got.decision[:, tag], model.decision_function(x), atol=5e-3)


def test_unlabelled_images_and_tiny_classes_get_scores():
    x, y, _ = blobs()
    y[:3], y[3] = -1, 4
    got = softmax_l2(x, y, n_classes=6, grid=[1.0])
    assert np.isfinite(got.left_out).all()
    assert (got.left_out[:3].argmax(axis=1) == got.decision[:3].argmax(axis=1)).all()
    with pytest.raises(SolverError, match="two classes"):
        softmax_l2(x, np.zeros(len(x), int), n_classes=2)
