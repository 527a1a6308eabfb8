"""Colours that stay apart."""

from __future__ import annotations

import re
from itertools import combinations, pairwise

import pytest

from pages.components.palette import DECISIONS, NEUTRAL, SCORE_RAMP, class_colours

# Dichromats' confusion as matrices on linear RGB (Viénot, Brettel and Mollon, 1999).
DEUTERAN = ((0.29275, 0.70725, 0.0), (0.29275, 0.70725, 0.0), (-0.02234, 0.02234, 1.0))
PROTAN = ((0.11238, 0.88762, 0.0), (0.11238, 0.88762, 0.0), (0.00401, -0.00401, 1.0))


def linear(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]


def seen(colour, matrix):
    rgb = linear(colour)
    return [
        max(0.0, sum(a * b for a, b in zip(row, rgb, strict=True))) ** (1 / 2.2) for row in matrix
    ]


def distance(a, b, matrix):
    return sum((x - y) ** 2 for x, y in zip(seen(a, matrix), seen(b, matrix), strict=True)) ** 0.5


@pytest.mark.parametrize("count", [0, 1, 7, 10, 60, 1000])
def test_every_class_gets_a_valid_colour(count):
    colours = class_colours(count)
    assert len(colours) == count
    assert all(re.fullmatch("#[0-9A-F]{6}", colour) for colour in colours)


def test_a_class_keeps_its_colour_when_classes_are_added():
    assert class_colours(40)[:12] == class_colours(12)


@pytest.mark.parametrize("matrix", [DEUTERAN, PROTAN], ids=["deuteran", "protan"])
@pytest.mark.parametrize("colours", [class_colours(7), list(DECISIONS.values())])
def test_dichromats_can_tell_them_apart(colours, matrix):
    assert min(distance(a, b, matrix) for a, b in combinations(colours, 2)) > 0.1


@pytest.mark.parametrize("matrix", [DEUTERAN, PROTAN], ids=["deuteran", "protan"])
def test_the_score_ramp_gets_lighter_at_every_step_for_every_eye(matrix):
    def lightness(rgb):
        return sum(
            weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), rgb, strict=True)
        )

    plain = [lightness(linear(colour)) for colour in SCORE_RAMP]
    weak = [lightness([part**2.2 for part in seen(colour, matrix)]) for colour in SCORE_RAMP]
    for steps in (plain, weak):
        assert steps == sorted(steps)
        assert steps[-1] > 20 * steps[0]
    apart = [distance(a, b, matrix) for a, b in pairwise(SCORE_RAMP)]
    assert min(apart) > 0.1


def test_what_is_unknown_looks_like_no_class():
    assert NEUTRAL not in class_colours(60)
