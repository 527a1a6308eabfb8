"""What the stopping rule says in one line."""

from __future__ import annotations

import pytest

from air_core.stopping import ErrorsLeft, Progress
from pages.components.stopping import in_words


def progress(reviewed=0, errors=0, left=None, curve=()):
    return Progress(
        images=1000, reviewed=reviewed, errors=errors, curve=curve, blocks=(), left=left
    )


def left(estimator, estimate, low, high):
    return ErrorsLeft(estimator, estimate, low, high, 0.95, sampled=100, found=4, left=900)


LONG = tuple((n, n // 4) for n in range(1, 201))


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (progress(), "When to stop"),
        (progress(1000, 90), "All reviewed"),
        (
            progress(4, 3, left("tail rate", 700.0, 0, 990), ((1, 1), (2, 2), (3, 3), (4, 3))),
            "3 of 4 wrong · at most 990 left · go on",
        ),
        (
            progress(200, 50, left("tail rate", 1.0, 0, 1250), LONG),
            "25 in 100 wrong · at most 1,250 left · go on",
        ),
        (
            progress(200, 50, left("tail rate", 1.0, 0, 10), LONG),
            "25 in 100 wrong · at most 10 left · may stop",
        ),
        (
            progress(100, 4, left("random sample", 36.4, 12, 95)),
            "about 36 left (12–95) · go on",
        ),
    ],
)
def test_the_line(found, line):
    assert in_words(found, 0.01) == line
