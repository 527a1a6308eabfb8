"""How a session has set λ_g, as told by what was done with the slider."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pages.components.strength import Asked, Mode


@dataclass(frozen=True, slots=True)
class Pin:
    """A ranking to compare with: a λ_g as a multiple of 1/p, and the run that it is of."""

    scale: float
    run_id: str


@dataclass
class Dial:
    """What the slider was told.

    Parameters
    ----------
    scale : float or None
        λ_g shown, as a multiple of 1/p; None for the fit's own.
    released : bool
        Whether the slider was let go there: then it is worth an exact solution.
    mode : {"live", "refit"}
        What moving it shall do.
    pin : Pin or None
    top : int
        How many of the worst flagged images are compared.
    handled : int
        Number of the last thing asked that is in here.
    tokens : tuple of str
        Of the addresses where the page answers while the slider moves: now and before, since the
        browser may still ask there.
    """

    scale: float | None = None
    released: bool = True
    mode: Mode = "live"
    pin: Pin | None = None
    top: int = 200
    handled: int = 0
    tokens: tuple[str, str] = ("", "")


@dataclass
class Errands:
    """What was asked for and is more than a setting."""

    refit: float | None = None
    solve: bool = False
    pin: bool = False
    show: Literal["entered", "left"] | None = None


def turn(dial: Dial, asked: Iterable[Asked], *, live: bool) -> Errands:
    """Bring the dial up to date and say what else is to be done.

    Parameters
    ----------
    dial : Dial
        Is changed.
    asked : iterable of Asked
        Beyond ``dial.handled``, oldest first.
    live : bool
        Whether there is a path to move on.
    """
    errands = Errands()
    for one in asked:
        if one.kind == "move" and live and dial.mode == "live":
            dial.scale, dial.released = one.scale, one.released
        elif one.kind == "move" and one.released:
            errands.refit = one.scale
        elif one.kind == "fit":
            dial.scale, dial.released = None, True
        elif one.kind == "mode":
            dial.mode, dial.scale = one.mode, None
        elif one.kind == "top":
            dial.top = one.top
        elif one.kind == "pin":
            errands.pin = True
        elif one.kind == "unpin":
            dial.pin = None
        elif one.kind == "show":
            errands.show = one.which
        elif one.kind == "solve":
            errands.solve = True
        dial.handled = one.number
    return errands
