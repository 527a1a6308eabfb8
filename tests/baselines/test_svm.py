"""The SVM baseline against scikit-learn's own model and the paper's activation."""

import numpy as np
import pytest
from sklearn.svm import LinearSVC

from air_core.baselines import linear_svm
from air_core.baselines.svm import linear_svm_tags
from air_core.errors import SolverError
from tests.solver.problems import noisy_blobs


@pytest.mark.parametrize("c", [0.01, 1.0, 30.0])
@pytest.mark.parametrize(("n", "p"), [(150, 20), (40, 60)])  # more images than features, and fewer
def test_it_is_scikit_learns_model_with_the_papers_activation(n, p, c):
    x, y, _ = noisy_blobs(n, p, 4)
    x = x + 0.3  # the mean tells of the intercept, which liblinear penalises
    x /= np.linalg.norm(x, axis=1).mean()
    got = linear_svm(x, y, n_classes=4, grid=[c])
    model = LinearSVC(C=c, random_state=0, tol=1e-9, max_iter=200_000).fit(x, y)
    expected = model.decision_function(x)
    np.testing.assert_allclose(got.decision, expected, atol=1e-3 * np.abs(expected).max())
    np.testing.assert_allclose(got.coef, model.coef_.T, atol=2e-3 * np.abs(model.coef_).max())
    np.testing.assert_allclose(got.intercept, model.intercept_, atol=2e-3)
    expected = np.linalg.norm(x[:, :, None] * model.coef_.T[None], axis=1)
    np.testing.assert_allclose(got.activations, expected, rtol=5e-3)
    assert got.converged


def test_c_is_chosen_by_cross_validation_on_the_given_labels():
    x, y, _ = noisy_blobs(200, 40, 4, noise=0.4)
    got = linear_svm(x, y, n_classes=4, grid=[0.01, 100.0])
    assert set(got.accuracy_by_C) == {0.01, 100.0}
    assert max(got.accuracy_by_C, key=got.accuracy_by_C.get) == got.C


def test_two_classes_and_classes_without_images_keep_their_columns():
    x, y, _ = noisy_blobs(80, 12, 2)
    got = linear_svm(x, y * 2, n_classes=4, grid=[1.0])
    assert got.decision.shape == (80, 4)
    assert (got.decision.argmax(axis=1) == 2 * y).mean() > 0.9
    assert (got.coef[:, [1, 3]] == 0).all()


def test_tiny_and_unlabelled_classes_do_not_stop_it():
    x, y, _ = noisy_blobs(60, 12, 3)
    y[0], y[1] = 3, -1
    got = linear_svm(x, y, n_classes=4)
    assert np.isfinite(got.activations).all()


def test_each_tag_is_scikit_learns_model_at_a_common_c():
    x, y, _ = noisy_blobs(150, 20, 3, noise=0.3)
    x /= np.linalg.norm(x, axis=1).mean()
    tags = np.stack([y == 0, y > 0, y >= 0], axis=1).astype(np.int8)  # the last one is everywhere
    tags[:5] = -1
    got = linear_svm_tags(x, tags, grid=[0.01, 100.0])
    assert set(got.accuracy_by_C) == {0.01, 100.0}
    assert max(got.accuracy_by_C, key=got.accuracy_by_C.get) == got.C
    for tag in (0, 1):
        model = LinearSVC(C=got.C, random_state=0, tol=1e-9).fit(x[5:], tags[5:, tag])
        np.testing.assert_allclose(got.decision[:, tag], model.decision_function(x), atol=2e-3)
    assert (got.decision[:, 2] > 0).all()
    with pytest.raises(SolverError, match="3 labelled images, got 2"):
        linear_svm_tags(x[:7], tags[:7])


def test_progress_counts_every_fit():
    x, y, _ = noisy_blobs(60, 8, 3)
    seen = []
    linear_svm(
        x, y, n_classes=3, grid=[0.1, 1.0], progress=lambda done, total, _: seen.append(done)
    )
    assert seen == [1, 2, 3, 4, 5, 6, 7]


def test_one_class_is_refused():
    x, y, _ = noisy_blobs(20, 4, 2)
    with pytest.raises(SolverError, match="two classes"):
        linear_svm(x, y * 0, n_classes=1)
