"""Histograms split right, and figures carry the numbers they were given."""

from __future__ import annotations

import numpy as np

from pages.components.figures import (
    activation_histogram,
    rate_curves,
    separation_curve,
    shares,
)


def test_shares_are_of_each_group_over_common_bins():
    values = np.array([0.0, 0.1, 0.2, 0.9, 1.0, 1.0])
    wrong = values < 0.5
    edges, (right_share, wrong_share) = shares(values, (~wrong, wrong), bins=10)
    assert len(edges) == 11
    assert edges[0] == 0.0
    assert edges[-1] == 1.0
    np.testing.assert_allclose([right_share.sum(), wrong_share.sum()], 1.0)
    assert right_share[:5].sum() == 0
    assert wrong_share[5:].sum() == 0


def test_an_empty_group_and_equal_values_are_drawn_as_nothing_and_one_bar():
    values = np.full(4, 2.0)
    _, (everything, nothing) = shares(values, (np.ones(4, bool), np.zeros(4, bool)))
    assert np.count_nonzero(everything) == 1
    assert not nothing.any()


def test_no_values_at_all_still_give_a_figure():
    none = np.zeros(0, bool)
    assert len(activation_histogram(np.zeros(0), none, none, ("a", "b")).data) == 2


def test_unlabelled_images_stay_out_of_the_histogram():
    values = np.array([1.0, np.nan, 2.0])
    figure = activation_histogram(
        values, np.array([True, False, False]), np.array([False, False, True]), ("a", "b")
    )
    assert all(np.isfinite(trace.y).all() and np.isfinite(trace.x).all() for trace in figure.data)


def test_the_curve_draws_the_svm_as_a_level():
    figure = separation_curve([1, 4], [0.6, 0.9], 0.7)
    assert list(figure.data[1].y) == [0.7, 0.7]
    assert len(separation_curve([1, 4], [0.6, 0.9], float("nan")).data) == 1


def test_the_line_beside_rates_says_what_it_is():
    one = (np.array([0.0, 1.0]), np.array([0.5, 1.0]))
    about = {"line": ((0, 1), (0, 1)), "title": "t", "x": "x", "y": "y"}
    assert rate_curves({"AIR": one}, **about).data[-1].name == "Chance"
    named = rate_curves({"AIR": one}, line_name="As sure as right", **about)
    assert [trace.name for trace in named.data] == ["AIR", "As sure as right"]
