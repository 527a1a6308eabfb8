"""The lasso decides exactly which images lie in it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pages.components.map.selection import Lasso, apply_lasso, points_in_polygon

SQUARE = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]])


def naive(xy, polygon):
    inside = np.zeros(len(xy), dtype=bool)
    for row, (x, y) in enumerate(xy):
        for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
            if (y0 <= y) != (y1 <= y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
                inside[row] ^= True
    return inside


@settings(max_examples=60, deadline=None)
@given(st.integers(3, 14), st.integers(0, 10_000))
def test_equals_the_textbook_rule_for_any_polygon(corners, seed):
    rng = np.random.default_rng(seed)
    polygon = rng.normal(size=(corners, 2))
    xy = rng.normal(size=(200, 2)).astype(np.float32)
    np.testing.assert_array_equal(points_in_polygon(xy, polygon), naive(xy, polygon))


def test_concave_and_self_crossing_polygons_follow_the_even_odd_rule():
    bow = np.array([[0.0, 0.0], [4.0, 4.0], [4.0, 0.0], [0.0, 4.0]])
    xy = np.array([[0.5, 2.0], [3.5, 2.0], [2.0, 0.5], [2.0, 3.5]])
    assert points_in_polygon(xy, bow).tolist() == [True, True, False, False]


@pytest.mark.parametrize("polygon", [np.zeros((0, 2)), SQUARE[:2], np.zeros((5, 2))])
def test_a_lasso_without_area_selects_nothing(polygon):
    assert not points_in_polygon(np.zeros((3, 2)), polygon).any()
    assert points_in_polygon(np.zeros((0, 2)), SQUARE).shape == (0,)


def lasso(mode="replace", hidden=None):
    return Lasso.from_browser(
        {"number": 7, "polygon": SQUARE.tolist(), "mode": mode, "hidden": hidden or {}}
    )


XY = np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [9.0, 9.0]])
IDS = np.array([f"{i:016x}" for i in range(4)])
CODES = {"given": np.array([0, 1, 2, 0], np.uint8), "reviewed": np.array([True, False, True, True])}


def apply(drawn, before=(0, 0, 0, 0), codes=CODES):
    return apply_lasso(drawn, XY, IDS, codes, np.array(before, bool)).tolist()


def test_hidden_classes_are_never_selected():
    assert apply(lasso(hidden={"given": [1, 5]})) == [True, False, True, False]
    assert apply(lasso(hidden={"reviewed": [0]})) == [True, False, True, False]
    assert apply(lasso(hidden={"no such group": [0]})) == [True, True, True, False]


def test_a_lasso_replaces_adds_or_removes():
    before = (1, 0, 0, 1)
    assert apply(lasso("add"), before) == [True] * 4
    assert apply(lasso("remove"), before) == [False, False, False, True]
    assert apply(lasso(), before) == [True, True, True, False]


def test_a_pressed_image_is_selected_alone_or_with_the_others():
    def press(mode, item):
        return Lasso.from_browser(
            {"number": 1, "polygon": [], "mode": mode, "hidden": {}, "item": item}
        )

    assert apply(press("replace", IDS[3]), (1, 0, 0, 0)) == [False, False, False, True]
    assert apply(press("add", IDS[3]), (1, 0, 0, 0)) == [True, False, False, True]
    assert apply(press("remove", IDS[0]), (1, 0, 0, 1)) == [False, False, False, True]
    assert apply(press("replace", "no such item")) == [False] * 4


def test_an_empty_polygon_clears():
    empty = Lasso.from_browser({"number": 1, "polygon": [], "mode": "replace", "hidden": {}})
    assert apply(empty, (1, 1, 1, 1)) == [False] * 4


@pytest.mark.parametrize(
    "message",
    [
        None,
        {},
        "x",
        {"number": 1, "polygon": [[1, "a"]], "mode": "add", "hidden": {}},
        {"number": 1, "polygon": [[1, float("nan")]], "mode": "add", "hidden": {}},
        {"number": 1, "polygon": [[0, 0]] * 10_001, "mode": "add", "hidden": {}},
        {"number": 1, "polygon": [[0, 0]], "mode": "add", "hidden": {"given": ["x"]}},
    ],
)
def test_what_is_no_lasso_is_ignored(message):
    assert Lasso.from_browser(message) is None
