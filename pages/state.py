"""What one browser session remembers, typed; every key of ``st.session_state`` lives here."""

from __future__ import annotations

import getpass
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import streamlit as st

from pages import access
from pages.components.strength.dial import Dial
from pages.decisions import Receipts

_REVIEWER = "air.reviewer"
_SELECTION = "air.selection"
_SELECTION_FROM = "air.selection_from"
_RECEIPTS = "air.receipts"
_OPENING = "air.opening"
_DIAL = "air.dial"
_CONTROLS = "air.controls"
_DRAWN = "air.drawn"


def reviewer() -> str:
    """Name that decisions of this session are signed with.

    The verified one where people log in; else what they say, their system's name to begin with.
    """
    verified = access.verified_name()
    if verified is not None:
        return verified
    if not st.session_state.get(_REVIEWER):
        st.session_state[_REVIEWER] = _login_name()
    return str(st.session_state[_REVIEWER])


def set_reviewer(name: str) -> None:
    """Sign from now on as ``name``; an empty name restores the login name."""
    st.session_state[_REVIEWER] = name.strip() or _login_name()


def selection() -> tuple[str, ...]:
    """Item ids chosen on the map or in a comparison; empty if none are."""
    return tuple(st.session_state.get(_SELECTION, ()))


def selection_origin() -> str:
    """Where the selection was made, for people: "the map"."""
    return str(st.session_state.get(_SELECTION_FROM, ""))


def set_selection(item_ids: Iterable[str], origin: str) -> None:
    """Share a selection with the other pages.

    Parameters
    ----------
    item_ids : iterable of str
        Kept in this order.
    origin : str
        Where it was made, as it completes "showing 12 images from …".
    """
    st.session_state[_SELECTION] = tuple(item_ids)
    st.session_state[_SELECTION_FROM] = origin


def clear_selection() -> None:
    """Show everything again."""
    set_selection((), "")


def opening() -> Path | None:
    """The workspace that this session waits to see, once its import is done."""
    waited: Path | None = st.session_state.get(_OPENING)
    return waited


def set_opening(folder: Path | None) -> None:
    """Wait to see a workspace, or no longer."""
    st.session_state[_OPENING] = folder


def receipts() -> Receipts:
    """What this session's grids were told about their operations."""
    if _RECEIPTS not in st.session_state:
        st.session_state[_RECEIPTS] = Receipts()
    kept: Receipts = st.session_state[_RECEIPTS]
    return kept


def dial() -> Dial:
    """How this session has set λ_g; it is told by being changed."""
    if _DIAL not in st.session_state:
        st.session_state[_DIAL] = Dial()
    kept: Dial = st.session_state[_DIAL]
    return kept


def lambda_scale() -> float | None:
    """λ_g chosen on the slider, as a multiple of 1/p; None for that of the fit."""
    return dial().scale


def control_key(name: str) -> str:
    """Key of a control that Python sets at times: a new one each time it does.

    With whatever it sends, a decision for one, the browser sends what all of its controls say, also
    before it has heard that Python set one; and while a popover is closed it hears nothing of those
    in it. What an old control says counts for nothing, unless its ``on_change`` acts on it: that
    has to look whether its key is still the one in use.
    """
    turn, _ = _control(name)
    return f"{name}-{turn}" if turn else name


def control_start(name: str, default: Any) -> Any:
    """What that control begins with: what it was set to, or else ``default``.

    To be given to the control in every run: the browser may not have seen the first one.
    """
    _, value = _control(name)
    return default if value is None else value


def control_value(name: str, default: Any) -> Any:
    """What that control says; before it is drawn, what it begins with."""
    return st.session_state.get(control_key(name), control_start(name, default))


def set_control(name: str, value: Any) -> None:
    """Set that control, before it is drawn."""
    turn, _ = _control(name)
    st.session_state[_CONTROLS] = {
        **st.session_state.get(_CONTROLS, {}),
        name: (turn + 1, value),
    }


def renew_control(name: str) -> None:
    """Begin that control anew, with the default that it is drawn with."""
    set_control(name, None)


def _control(name: str) -> tuple[int, Any]:
    found: tuple[int, Any] = st.session_state.get(_CONTROLS, {}).get(name, (0, None))
    return found


def arrive(page: str, *, from_the_top: Iterable[str]) -> None:
    """Say which page is drawn; whoever comes from another one finds these controls at 1."""
    if st.session_state.get(_DRAWN) == page:
        return
    st.session_state[_DRAWN] = page
    for name in from_the_top:
        set_control(name, 1)


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container without a passwd entry
        return "reviewer"
