"""Noise that somebody draws for a test by the same seed, and what detectors draw themselves.

``default_rng(0).permutation(n)[:k]`` and ``RandomState(0).permutation(n)[:k]`` are how labels are
made wrong for a test, and 0 is our seed where nobody names one: what is held out or drawn must not
be just those rows.
"""

import numpy as np
import pytest

from air_core.baselines import ridge, robust_logistic
from air_core.baselines.simifeat import simifeat
from air_core.baselines.softmax import split_rows
from air_core.noise import flip, symmetric
from air_core.solver import tuning
from tests.baselines.clusters import clusters

STREAMS = [np.random.default_rng, np.random.RandomState]
N = 600


def picked(stream, share):
    return np.sort(stream(0).permutation(N)[: int(share * N)])


def test_bounds_on_outliers_are_not_judged_by_wrong_labels_alone():
    x, _, clean = clusters(N, 3, noise=0.0)
    y = clean.copy()
    wrong = picked(np.random.default_rng, 0.4)
    y[wrong] = (y[wrong] + 1) % 3
    found = robust_logistic(x, y, n_classes=3, seed=0)
    assert 0.25 < found.loss_by_outliers[0.0] < 0.6


@pytest.mark.parametrize("stream", STREAMS)
def test_no_fold_of_tags_is_the_one_that_was_made_wrong(stream):
    tags = np.stack([np.arange(N) % 2, np.arange(N) % 3 > 0], axis=1).astype(np.int8)
    wrong = picked(stream, 0.2)
    for _, held in split_rows(tags, np.arange(N), 5, 0):
        assert np.isin(held, wrong).mean() < 0.5
    _, held = tuning.held_out_rows(tags.astype(float), 0)
    assert np.isin(held, wrong).mean() < 0.5


def test_voters_are_not_the_right_labels_alone():
    x, _, clean = clusters(N, 3, noise=0.0)
    y = flip(clean, symmetric(3, 0.2), np.random.default_rng(0))
    found = simifeat(x, y, n_classes=3, rounds=1, sample=0.8, seed=0)
    # Labels of the first class are right where the number drawn is below .8.
    assert found.shares[clean == 0, 0].mean() < 0.9


def test_strengths_of_ridge_regression_are_not_judged_by_wrong_labels_alone(monkeypatch):
    x, _, clean = clusters(N, 3, noise=0.0)
    wrong = picked(np.random.default_rng, 0.2)
    y = clean.copy()
    y[wrong] = (y[wrong] + 1) % 3
    monkeypatch.setattr(ridge, "_JUDGES", len(wrong))
    judged, real = [], ridge._calibrate

    def watched(scores, wanted, tags):
        judged.append(wanted)
        return real(scores, wanted, tags)

    monkeypatch.setattr(ridge, "_calibrate", watched)
    found = ridge.ridge_left_out(x, y, n_classes=3)
    assert {len(wanted) for wanted in judged} == {len(wrong)}
    # Judged by wrong labels alone, every class would be taken for the next one.
    assert (found.probabilities.argmax(axis=1) == clean).mean() > 0.95
