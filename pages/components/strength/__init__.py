"""The λ_g slider: logarithmic, with the path's sparkline above it and the values that matter below.

While the thumb moves, the browser fetches the tiles for one λ_g after another from
:mod:`pages.live_routes` and hands them to the grid: one request is in flight at a time, of moves
only the newest is kept, and no page runs. When the thumb is let go, and for everything else, it
tells Python by numbered messages, which wait until Python has acknowledged the one in flight::

    asked = read_asked(KEY, after)        # what the person did, oldest first
    strength_slider(key=KEY, ack=asked[-1].number if asked else after, …)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import streamlit as st

from pages.components.lifetime import browser_module

__all__ = ["KEY", "TOPS", "Asked", "Mark", "Mode", "Moved", "Offer", "read_asked",
           "strength_slider"]  # fmt: skip

KEY = "air-strength"
TOPS = (50, 100, 200, 500, 1000)
"""How many of the worst flagged images may be compared with those at the pinned value."""

Mode = Literal["live", "refit"]
Kind = Literal["move", "fit", "pin", "unpin", "top", "show", "mode", "solve"]

_ASSETS = Path(__file__).parent
_mount = st.components.v2.component(
    "air_audit_strength",
    html=(_ASSETS / "strength.html").read_text("utf-8"),
    css=(_ASSETS / "strength.css").read_text("utf-8"),
    js=browser_module(
        _ASSETS / f"{part}.js" for part in ("scale", "sender", "preview", "strength", "paint")
    ),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that a person did with the slider.

    Parameters
    ----------
    number : int
        Ascends within a session.
    kind : str
        ``move`` (with scale and released), ``fit`` (back to the fit's own value), ``pin``,
        ``unpin``, ``top``, ``show`` (with which), ``mode``, ``solve`` (the path).
    """

    number: int
    kind: Kind
    scale: float = 0.0
    released: bool = False
    which: Literal["entered", "left"] = "entered"
    top: int = 0
    mode: Mode = "live"


@dataclass(frozen=True, slots=True)
class Mark:
    """A value below the track, and why it is there; one that is ``fixed`` cannot be jumped to."""

    scale: float
    text: str
    fixed: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """What stands in the sparkline's place while there is no path."""

    button: str
    why: str
    running: bool


@dataclass(frozen=True, slots=True)
class Moved:
    """How the worst images differ from those at the pinned value."""

    scale: float
    text: str
    entered: int
    left: int
    top: int
    tops: tuple[int, ...] = TOPS


def strength_slider(
    *,
    key: str,
    grid: str,
    ack: int,
    scale: float,
    fit: float,
    low: float,
    high: float,
    marks: Sequence[Mark],
    mode: Mode,
    solver: str,
    source: str,
    flagged: int,
    at_fit: bool,
    path: Mapping[str, Sequence[float]] | None = None,
    offer: Offer | None = None,
    pin: Moved | None = None,
    rows: str = "",
    refining: bool = False,
    busy: str = "",
    on_ask: Callable[[], None] | None = None,
) -> None:
    """Draw the slider.

    Parameters
    ----------
    key : str
        Identity of the slider; see :func:`read_asked`.
    grid : str
        Key of the grid that shows the ranking.
    ack : int
        Number of the last thing asked that the page shows.
    scale, fit : float
        λ_g shown and λ_g of the fit, as multiples of 1/p.
    low, high : float
        Ends of the track as powers of ten.
    marks : sequence of Mark
    mode : {"live", "refit"}
        What moving it does.
    solver : str
        Of the fit, as people read it.
    source : str
        Where the ranking comes from, in a few words.
    flagged : int
        Images flagged by the ranking shown.
    at_fit : bool
        Whether the ranking of the fit itself is shown.
    path : mapping, optional
        ``scales`` and ``flagged``, ascending.
    offer : Offer, optional
    pin : Moved, optional
    rows : str
        Address of the tiles at any λ_g; empty where there are none.
    refining : bool
        A better answer is being computed: it can be waited for at that address.
    busy : str
        Why it cannot be moved now; empty if it can.
    on_ask : callable, optional
        Called before the rerun that a message causes.
    """
    _mount(
        key=key,
        data={
            "grid": grid, "rows": rows, "ack": ack,
            "scale": scale, "fit": fit, "low": low, "high": high,
            "marks": [asdict(mark) for mark in marks],
            "mode": mode, "solver": solver, "source": source, "flagged": flagged,
            "at_fit": at_fit, "path": None if path is None else dict(path),
            "offer": None if offer is None else asdict(offer),
            "pin": None if pin is None else asdict(pin), "refining": refining, "busy": busy,
        },
        default={"asked": []},
        on_asked_change=on_ask or (lambda: None),
    )  # fmt: skip


def read_asked(key: str, after: int = 0) -> tuple[Asked, ...]:
    """What the browser has sent beyond a number, oldest first; what makes no sense is left out."""
    state = st.session_state.get(key)
    raw = state.get("asked") if isinstance(state, Mapping) else None
    entries = raw if isinstance(raw, list) else []
    found = (_asked(entry) for entry in entries if isinstance(entry, Mapping))
    return tuple(one for one in found if one is not None and one.number > after)


def _asked(entry: Mapping[str, Any]) -> Asked | None:
    match entry:
        case {"n": int(number), "kind": "move", "scale": int() | float() as scale}:
            # Python's comparisons are false for NaN.
            if not 1e-6 <= scale <= 1e9:
                return None
            return Asked(number, "move", float(scale), entry.get("released") is True)
        case {"n": int(number), "kind": "show", "which": ("entered" | "left") as which}:
            return Asked(number, "show", which=which)
        case {"n": int(number), "kind": "top", "top": int(top)} if top in TOPS:
            return Asked(number, "top", top=top)
        case {"n": int(number), "kind": "mode", "mode": mode} if mode in get_args(Mode):
            return Asked(number, "mode", mode=mode)
        case {"n": int(number), "kind": ("fit" | "pin" | "unpin" | "solve") as kind}:
            return Asked(number, kind)
    return None
