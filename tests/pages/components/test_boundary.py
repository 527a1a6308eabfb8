"""The lines on the map run where half of the images nearby are of a class, and nowhere else."""

from __future__ import annotations

import numpy as np

from pages.components.map.boundary import Boundary, half_lines


def cloud(n=20_000, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (n, 2)).astype(np.float32)


def test_two_halves_are_parted_by_one_line_between_them():
    xy = cloud()
    lines = half_lines(xy, xy[:, 0] > 0.2)
    inner = np.concatenate(lines)
    inner = inner[np.abs(inner[:, 1]) < 0.9]
    assert np.abs(inner[:, 0] - 0.2).max() < 0.04
    assert np.ptp(inner[:, 1]) > 1.7


def test_a_mixture_below_half_is_on_one_side():
    xy = cloud()
    few = np.random.default_rng(1).random(len(xy)) < 0.2
    assert half_lines(xy, few) == ()


def test_all_none_and_a_single_place_have_no_line():
    xy = cloud(50)
    assert half_lines(xy, np.zeros(50, bool)) == half_lines(xy, np.ones(50, bool)) == ()
    assert half_lines(np.zeros((4, 2), np.float32), np.array([True, True, True, False])) == ()


def test_the_browser_gets_plain_numbers():
    line = np.array([[0.12345, 1.0], [2.0, 3.0], [4.0, 5.0]], np.float32)
    made = Boundary("AIR", (line,), dashed=True).described()
    assert made == {"title": "AIR", "dashed": True, "lines": [[0.123, 1.0, 2.0, 3.0, 4.0, 5.0]]}
