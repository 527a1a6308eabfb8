"""Charts by class: what they say, and that names stay text."""

from __future__ import annotations

import numpy as np
import pandas as pd

from air_core.facts import ClassNoise
from air_core.noise import NoiseEstimate
from pages.components.class_charts import class_balance, noise_bars
from pages.components.noise_panel import basis, in_words, mixups

HOSTILE = "<img src=x onerror=alert(1)> & a name that is far too long"


def test_the_balance_shows_given_and_current_labels_in_class_order():
    figure = class_balance(["cat", HOSTILE], np.array([10, 20]), np.array([12, 17]))
    given, current = figure.data
    assert given.x.tolist() == [10, 20]
    assert current.x.tolist() == [12, 17]
    assert list(given.y) == [0, 1]
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1], "the first on top"
    assert current.marker.pattern.shape == "/", "not by colour alone"
    assert len(class_balance(["cat"], np.array([3])).data) == 1


def test_names_are_text_in_the_ticks():
    figure = class_balance(["cat", HOSTILE], np.array([10, 20]))
    assert "<" not in "".join(figure.layout.yaxis.ticktext)
    assert figure.layout.yaxis.ticktext[1].startswith("&lt;img")
    assert "<" not in "".join(figure.data[0].customdata)
    noise = noise_bars([HOSTILE], np.array([0.1]), np.array([0.0]), np.array([0.3]))
    assert "<" not in noise.data[0].customdata[0]


def test_whiskers_reach_from_limit_to_limit():
    rates, low, high = np.array([0.2, 0.5]), np.array([0.1, 0.5]), np.array([0.4, 0.5])
    (bars,) = noise_bars(["a", "b"], rates, low, high).data
    np.testing.assert_allclose(rates + bars.error_x.array, high)
    np.testing.assert_allclose(rates - bars.error_x.arrayminus, low)


def test_words_round_outwards_and_say_what_they_rest_on():
    assert in_words(ClassNoise(50, 0.1, 0.05, 0.2, 0, "model")) == (
        "About 2 to 10 of 50 labels look wrong (5 % to 20 %)."
    )
    assert "every one is reviewed" in in_words(ClassNoise(9, 0, 0, 0, 9, "reviews"))
    assert "nothing but the draw" in basis(ClassNoise(9, 0, 0, 0, 9, "random sample"))


def test_mixups_name_the_most_frequent_pairs_first():
    matrix = np.array([[0.9, 0.1], [0.3, 0.7]])
    found = mixups(
        ("cat", "dog"),
        NoiseEstimate(
            sizes=np.array([100, 10]), transition=matrix, low=matrix * 0.5, high=matrix * 1.2,
            overall=(0.1, 0.1, 0.1), wrong=np.zeros(110), latent=np.zeros(2),
            confident=np.zeros(2),
        ),
    )  # fmt: skip
    expected = pd.DataFrame(
        {
            "Given": ["cat", "dog"], "Likely": ["dog", "cat"], "Labels": [10, 3],
            "At least": [5, 1], "At most": [12, 4],
        }
    )  # fmt: skip
    pd.testing.assert_frame_equal(found.reset_index(drop=True), expected, check_dtype=False)
