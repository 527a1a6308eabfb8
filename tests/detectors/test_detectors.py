"""All detectors behind one interface, on noise that is known."""

import numpy as np
import pytest

from air_core import metrics
from air_core.detectors import DETECTORS, consensus, detect
from air_core.detectors.detection import Fits
from air_core.errors import SolverError
from air_core.suggestions import two_likeliest
from tests.baselines.clusters import clusters

QUICK = [name for name in DETECTORS if not name.startswith(("air", "svm"))]


@pytest.mark.parametrize("name", QUICK)
def test_it_finds_wrong_labels_and_suggests_right_ones(name):
    if name == "cleanlab":
        pytest.importorskip("cleanlab")
    x, y, clean = clusters(240, 3, noise=0.25)
    y[:4] = -1
    found = detect(name, x, y, n_classes=3)
    wrong = (y != clean)[4:]
    assert np.isnan(found.scores[:4]).all()
    assert ((found.scores[4:] >= 0) & (found.scores[4:] <= 1)).all()
    assert metrics.auroc(found.scores[4:], wrong) > 0.9
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, atol=1e-4)
    suggested = two_likeliest(found.probabilities).others(y)
    assert (suggested.labels == clean)[4:][wrong].mean() > 0.9
    assert found.notes["seconds"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in DETECTORS if name not in QUICK])
def test_air_and_the_svm_do_too(name):
    x, y, clean = clusters(240, 3, noise=0.25)
    found = detect(name, np.maximum(x, 0), y, n_classes=3)
    # Of so few features an activation says little.
    assert metrics.auroc(found.scores, y != clean) > (0.5 if "activation" in name else 0.9)
    assert (two_likeliest(found.probabilities).labels == clean).mean() > 0.9


@pytest.mark.parametrize("name", QUICK)
def test_tags_are_ranked_or_refused(name):
    x, y, _ = clusters(160, 2, noise=0.0)
    tags = np.stack([y, 1 - y], axis=1).astype(np.int8)
    wrong = np.arange(160) < 16
    tags[wrong, 0] = 1 - tags[wrong, 0]
    if not DETECTORS[name].tags:
        with pytest.raises(SolverError, match="one label an image"):
            detect(name, x, tags, n_classes=2)
        return
    found = detect(name, x, tags, n_classes=2)
    assert metrics.auroc(found.scores, wrong) > 0.9


def test_the_consensus_repeats_and_another_seed_differs():
    x, y, _ = clusters(120, 3, noise=0.25)
    once, again = (detect("consensus", x, y, n_classes=3) for _ in range(2))
    np.testing.assert_array_equal(once.scores, again.scores)
    other = detect("consensus", x, y, n_classes=3, seed=1)
    assert not np.array_equal(once.scores, other.scores)


def test_confidence_of_the_consensus_is_of_the_true_label_not_the_given_one():
    x, y, clean = clusters(600, 3, noise=0.4)
    said = detect("consensus", x, y, n_classes=3)
    # The score is the chance of the given label, among the same chances that suggest another.
    np.testing.assert_allclose(said.scores, said.probabilities[np.arange(600), y])
    found = two_likeliest(said.probabilities)
    right = found.labels == clean
    # Six labels in ten are right, and yet nearly every one of the likeliest is.
    assert right.mean() > 0.9
    assert abs(found.confidences.mean() - right.mean()) < 0.05
    # If the given label is wrong another one is meant, and how likely that is it knows too.
    others = found.others(y)
    assert (others.labels == clean)[y != clean].mean() > 0.9
    assert abs(others.confidences.mean() - (others.labels == clean).mean()) < 0.05


def test_a_second_look_tells_the_other_classes_apart_and_leaves_the_ranking(monkeypatch):
    x, y, clean = clusters(800, 20, noise=0.5, seed=1, p=20, apart=1.0)
    once = detect("consensus", x, y, n_classes=20)
    monkeypatch.setattr(consensus, "among_others", lambda second, first, targets: first)
    before = detect("consensus", x, y, n_classes=20)
    np.testing.assert_array_equal(once.scores, before.scores)
    reached, without = (
        (two_likeliest(found.probabilities).others(y).labels == clean)[y != clean].mean()
        for found in (once, before)
    )
    assert reached > without + 0.01


def test_what_cannot_be_asked_is_refused():
    x, y, _ = clusters(20, 2, noise=0.0)
    with pytest.raises(SolverError, match="among consensus, air-margin"):
        detect("crystal-ball", x, y, n_classes=2)
    with pytest.raises(SolverError, match="labels of 20 rows, got 19"):
        detect("knn", x, y[:-1], n_classes=2)
    for name in ("consensus", "softmax", "rolr", "aum"):
        with pytest.raises(SolverError, match="alike"):
            detect(name, x, y * 0, n_classes=2)


@pytest.mark.parametrize("name", QUICK)
def test_a_class_without_images_leaves_no_score_undefined(name):
    if name == "cleanlab":
        pytest.importorskip("cleanlab")
    x, y, clean = clusters(120, 3, noise=0.2)
    found = detect(name, x, y, n_classes=5)
    assert metrics.auroc(found.scores, y != clean) > 0.85


def test_features_that_are_no_numbers_are_refused():
    x, y, _ = clusters(60, 3, noise=0.2)
    x[7, 2] = np.nan
    with pytest.raises(SolverError, match="finite features"):
        detect("aum", x, y, n_classes=3)


@pytest.mark.parametrize("name", ["consensus", "softmax", "rolr", "svm-fair"])
def test_what_is_shared_changes_no_answer(name):
    x, y, _ = clusters(160, 3, noise=0.25)
    fits = Fits()
    detect("knn", x, y, n_classes=3, fits=fits)
    detect("softmax-left-out", x, y, n_classes=3, fits=fits)
    assert fits.saved == 0
    shared, alone = (detect(name, x, y, n_classes=3, fits=one) for one in (fits, None))
    np.testing.assert_array_equal(shared.scores, alone.scores)
    assert fits.saved > 0
