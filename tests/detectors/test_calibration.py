"""What a given label adds to an opinion, and opinions that are too blunt or too sharp."""

import numpy as np
import pytest

from air_core.detectors.calibration import given_label, tempered
from air_core.noise import flip, symmetric


def opinions(n=4000, classes=4, seed=0):
    """Opinions that are right as often as they say, and labels of which three in ten are wrong."""
    rng = np.random.default_rng(seed)
    clear = rng.dirichlet(np.full(classes, 0.1), n)
    clean = (clear.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    noise = symmetric(classes, 0.3)
    return clear, clean, flip(clean, noise, rng), noise


def test_the_given_label_counts_by_bayes():
    clear, clean, given, noise = opinions()
    chances = clear.astype(np.float32)
    seen = given_label(chances, noise, given)
    expected = chances[7] * noise[:, given[7]]
    np.testing.assert_allclose(seen[7], expected / expected.sum(), rtol=1e-4)
    assert (seen.argmax(axis=1) == clean).mean() > (chances.argmax(axis=1) == clean).mean()
    hidden = given.copy()
    hidden[:5] = -1
    np.testing.assert_allclose(given_label(chances, noise, hidden)[:5], chances[:5], rtol=1e-5)


@pytest.mark.parametrize("power", [0.5, 2.0])
def test_a_blunt_or_sharp_opinion_is_set_right(power):
    clear = opinions()[0].astype(np.float32)
    bent = clear**power
    bent /= bent.sum(axis=1, keepdims=True)
    guide = clear.copy()
    guide[:10] = np.nan
    assert np.abs(tempered(bent, guide) - clear).mean() < 0.2 * np.abs(bent - clear).mean()
