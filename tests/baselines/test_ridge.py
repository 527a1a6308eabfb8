"""Left-out predictions against leaving out, one model at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from air_core.baselines import ridge as module
from air_core.baselines import ridge_left_out
from air_core.errors import SolverError


def problem(n=60, p=10, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    return (rng.normal(size=(n, p)) + 2 * np.eye(classes, p)[labels]).astype(np.float32), labels


@pytest.mark.parametrize("shape", [(60, 10), (30, 50)], ids=["tall", "wide"])
def test_it_is_ridge_regression_without_the_image_itself(shape, monkeypatch):
    x, y = problem(*shape)
    caught = []
    monkeypatch.setattr(
        module, "_calibrate",
        lambda scores, wanted, tags: (caught.append(scores), (np.array([1.0, 0, 0, 0]), 0.5))[1],
    )  # fmt: skip
    ridge_left_out(x, y, n_classes=3, strengths=(2.0,))
    scaled = x / np.linalg.norm(x, axis=1).mean()
    expected = []
    for row in range(len(x)):
        rest = np.delete(np.arange(len(x)), row)
        model = Ridge(alpha=2.0).fit(scaled[rest], np.eye(3)[y[rest]])
        expected.append(model.predict(scaled[[row]])[0])
    # Leaving out moves the mean, too, which the leverage 1/n accounts for.
    np.testing.assert_allclose(caught[0], expected, atol=2e-3)


def test_probabilities_are_calibrated_and_better_than_the_prior():
    x, y = problem(300)
    found = ridge_left_out(x, y, n_classes=3)
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, atol=1e-5)
    share = np.bincount(y) / len(y)
    prior = -(share * np.log(share)).sum()
    assert min(found.loss_by_strength.values()) < 0.8 * prior
    assert found.strength in found.loss_by_strength
    inside = (x @ found.coef + found.intercept).argmax(axis=1)
    assert (inside == y).mean() > 0.7


def test_labels_at_random_give_no_confidence():
    x, y = problem(400, p=200)
    y = np.random.default_rng(1).permutation(y)
    found = ridge_left_out(x, y, n_classes=3)
    assert found.probabilities[np.arange(400), y].mean() < 0.36


def test_unlabelled_images_are_predicted_and_take_no_part():
    x, y = problem(80)
    y[:5] = -1
    found = ridge_left_out(x, y, n_classes=3)
    again = ridge_left_out(x[5:], y[5:], n_classes=3)
    np.testing.assert_allclose(found.probabilities[5:], again.probabilities, atol=1e-4)
    assert np.isfinite(found.probabilities).all()


def test_tags_stand_for_themselves():
    x, y = problem(200)
    tags = np.eye(3, dtype=np.int8)[y]
    tags[:, 2] |= tags[:, 0]
    tags[3] = -1
    found = ridge_left_out(x, tags, n_classes=3)
    right = (found.probabilities > 0.5) == (tags > 0)
    assert np.delete(right, 3, axis=0).mean() > 0.8


def test_chances_of_one_label_are_no_tags():
    x, y = problem(200)
    sure = np.eye(3, dtype=np.float32)[y]
    sure[:5] = np.nan
    hidden = np.where(np.arange(200) < 5, -1, y)
    found = ridge_left_out(x, sure, n_classes=3, soft=True)
    again = ridge_left_out(x, hidden, n_classes=3)
    np.testing.assert_allclose(found.probabilities, again.probabilities, atol=1e-6)
    unsure = ridge_left_out(x, 0.7 * sure + 0.1, n_classes=3, soft=True)
    np.testing.assert_allclose(unsure.probabilities.sum(axis=1), 1, atol=1e-5)
    assert unsure.probabilities.max() < found.probabilities.max()


@pytest.mark.parametrize("labels", [[-1, -1, -1], [0, 0, 0]])
def test_labels_that_say_nothing_are_refused(labels):
    with pytest.raises(SolverError, match="two classes"):
        ridge_left_out(np.eye(3, dtype=np.float32), np.array(labels), n_classes=2)


def test_one_rotation_serves_several_targets_kept_or_not():
    x, y = problem(80)
    y[:5] = -1
    labelled = np.arange(5, 80)
    alone = ridge_left_out(x, y, n_classes=3)
    rotated = module.rotate(x, labelled)
    assert rotated.kept is not None
    for given in (rotated, replace(rotated, kept=None)):
        found = ridge_left_out(x, y, n_classes=3, rotated=given)
        np.testing.assert_allclose(found.probabilities, alone.probabilities, atol=1e-5)
        np.testing.assert_allclose(found.coef, alone.coef, rtol=1e-3, atol=1e-4)
    with pytest.raises(SolverError, match="75 labelled images"):
        ridge_left_out(x, y, n_classes=3, rotated=module.rotate(x, labelled[1:]))
