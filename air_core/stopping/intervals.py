"""Exact limits for the errors in a population of which a part was judged."""

from __future__ import annotations

from bisect import bisect_left


def errors_interval(
    population: int, sample: int, found: int, *, unsure: int = 0, confidence: float = 0.95
) -> tuple[int, int]:
    """Exact limits for the errors in a population of which a random sample was judged.

    The hypergeometric distribution is inverted at equal tails, as Clopper and Pearson do with the
    binomial one: whatever the truth is, the limits hold it with at least this confidence.

    Parameters
    ----------
    population, sample, found : int
        Items, items judged, errors among them.
    unsure : int
        Items of the sample that may or may not be errors; they widen the interval.
    confidence : float

    Returns
    -------
    low, high : int
        Errors in the whole population, those found included.

    Examples
    --------
    >>> errors_interval(1000, 100, 0), errors_interval(1000, 1000, 7)
    ((0, 34), (7, 7))
    """
    alpha = (1 - confidence) / 2
    return (
        _low(population, sample, found, alpha),
        _high(population, sample, found + unsure, alpha),
    )


def _low(population: int, sample: int, found: int, alpha: float) -> int:
    """Fewest errors under which finding so many, or more, is likelier than ``alpha``."""
    from scipy.stats import hypergeom

    def at_least(errors: int) -> float:
        return float(hypergeom.sf(found - 1, population, errors, sample))

    possible = range(found, population - (sample - found) + 1)
    return possible[bisect_left(possible, alpha, key=at_least)]


def _high(population: int, sample: int, found: int, alpha: float) -> int:
    """Most errors under which finding so few, or fewer, is likelier than ``alpha``."""
    from scipy.stats import hypergeom

    def falling(errors: int) -> float:
        return -float(hypergeom.cdf(found, population, errors, sample))

    possible = range(found, population - (sample - found) + 1)
    return possible[bisect_left(possible, -alpha, key=falling) - 1]


def tail_rate(
    left: int, judged: int, errors: int, *, confidence: float = 0.95
) -> tuple[float, int]:
    """Errors among the items left, if they are no worse than those judged last.

    Parameters
    ----------
    left : int
        Items not judged.
    judged, errors : int
        Of the items judged last.
    confidence : float

    Returns
    -------
    estimate : float
    high : int
        Were the items left as bad as those judged last, these would be a random sample of both
        together; where they are better, the limit is too high.
    """
    high = _high(left + judged, judged, errors, 1 - confidence) - errors
    return left * errors / judged, high
