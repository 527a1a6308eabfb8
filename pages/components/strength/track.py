"""What stands on and around the track of the slider, in numbers and words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from air_core.fitting import PathRun
from pages.components.strength import Mark, Offer

PAPER = 10.0
"""The paper's λ_g, as a multiple of 1/p."""

LEAST, MOST = -1.0, 2.0  # powers of ten on the track while there is no path


def times(scale: float) -> str:
    """A multiple of 1/p for people.

    Examples
    --------
    >>> times(12.589), times(2253.9)
    ('12.6×', '2,250×')
    """
    rounded = float(f"{scale:.3g}")
    return f"{rounded:,g}×" if rounded < 1e6 else f"{rounded:.3g}×"


def ends(run: PathRun | None, fit_scale: float) -> tuple[float, float]:
    """Powers of ten at which the track begins and ends, on hundredths of a decade."""
    held = [PAPER, fit_scale]
    if run is None:
        held += [10**LEAST, 10**MOST]
    else:
        held += [float(run.scales[-1]), run.lambda_max]
    low, high = math.log10(min(held)), math.log10(max(held))
    return math.floor(100 * low + 1e-6) / 100, math.ceil(100 * high - 1e-6) / 100


def marks(run: PathRun | None, fit_scale: float, flagged: int | None = None) -> list[Mark]:
    """The values that people look for.

    The paper's, the fit's, where all weights are zero, and, of a fit that is not exact, where the
    exact solver flags about as many images: stopping SADMM early acts like a larger λ_g.

    Parameters
    ----------
    run : PathRun or None
    fit_scale : float
    flagged : int, optional
        Images that the fit flags, if it is not exact.
    """
    if math.isclose(fit_scale, PAPER):
        found = [Mark(PAPER, f"paper and fit {times(PAPER)}")]
    else:
        found = [Mark(PAPER, f"paper {times(PAPER)}"), Mark(fit_scale, f"fit {times(fit_scale)}")]
    if run is not None and flagged:
        alike = min(run.points, key=lambda point: abs(point.flagged - flagged)).lambda_scale
        why = f"Here the exact solver flags about as many images as the fit, {flagged:,}"
        found.append(Mark(alike, f"like the fit {times(alike)}", why=why))
    if run is not None:
        found.append(
            Mark(
                run.lambda_max,
                f"all silent {times(run.lambda_max)}",
                fixed=True,
                why="From here on all weights are zero",
            )
        )
    return found


def curve(run: PathRun) -> Mapping[str, Sequence[float]]:
    """Flagged images along the path, ascending in λ_g."""
    points = run.points[::-1]
    return {"scales": [p.lambda_scale for p in points], "flagged": [p.flagged for p in points]}


def offer(run: PathRun | None, *, total: int, other: bool, running: bool, seconds: float) -> Offer:
    """How to make λ_g live.

    Parameters
    ----------
    run : PathRun or None
        What was solved before it was cancelled.
    total : int
        Values that the path will have; 0 where nobody knows yet.
    other : bool
        Whether there is a path of something else.
    running : bool
        Whether it is being solved.
    seconds : float
        About how long it takes.
    """
    if running:
        return Offer("Solving the λ_g path …", "λ_g becomes live when it is solved.", True)
    if run is not None:
        return Offer(
            f"Go on solving · {in_words(seconds)}",
            f"Stopped after {len(run.points)} of {total} values.",
            False,
        )
    why = "Solves the model exactly at some 25 values, once; then the grid follows the slider."
    if other:
        why = "The path that is stored is of other features, labels or groups."
    return Offer(f"Make λ_g live · {in_words(seconds)}", why, False)


def in_words(seconds: float) -> str:
    """A time that is only guessed.

    Examples
    --------
    >>> in_words(3), in_words(40), in_words(300)
    ('a few seconds', 'about 40 s', 'about 5 min')
    """
    if seconds < 8:
        return "a few seconds"
    if seconds < 90:
        return f"about {round(seconds, -1):.0f} s"
    return f"about {seconds / 60:.0f} min" if seconds < 5400 else f"about {seconds / 3600:.0f} h"
