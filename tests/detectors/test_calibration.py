"""What a given label adds to an opinion, and opinions that are too blunt or too sharp."""

import numpy as np
import pytest

from air_core.detectors.calibration import among_others, given_label, tempered
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


def seen_and_hidden():
    clear, _, given, noise = opinions()
    given[:5] = -1
    return given_label(clear.astype(np.float32), noise, given), given


@pytest.mark.parametrize("power", [0.5, 2.0])
def test_another_opinion_is_made_as_sure_of_the_other_classes_as_the_first(power):
    first, given = seen_and_hidden()
    bent = first**power
    shared = among_others(bent / bent.sum(axis=1, keepdims=True), first, given)
    assert np.abs(shared - first).mean() < 0.1 * np.abs(bent - first).mean()


def test_the_given_label_keeps_its_chance_and_the_other_opinion_shares_out_the_rest():
    first, given = seen_and_hidden()
    rows = np.arange(len(given))
    other = first[:, ::-1].copy()
    shared = among_others(other, first, given)
    np.testing.assert_allclose(shared.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(shared[rows, given][5:], first[rows, given][5:])
    np.testing.assert_array_equal(shared[:5], first[:5])
    for chances in (shared, other):
        chances[rows[5:], given[5:]] = 0
    told = (np.arange(len(given)) > 4) & (other.max(axis=1) > 1e-4) & (shared.max(axis=1) > 1e-4)
    np.testing.assert_array_equal(shared.argmax(axis=1)[told], other.argmax(axis=1)[told])


def test_one_that_is_sure_of_the_given_label_leaves_nothing_to_share():
    sure = np.array([[1.0, 0.0, 0.0]] * 3, np.float32)
    found = among_others(np.full((3, 3), 1 / 3, np.float32), sure, np.array([0, 0, -1]))
    np.testing.assert_array_equal(found, sure)
