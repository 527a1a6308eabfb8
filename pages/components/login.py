"""The way in, and who has come in."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from pages import access, state
from pages.components.markdown import literal


def door() -> Callable[[], None] | None:
    """What to draw in the place of every page; None for those who may come in.

    Nothing of the audit is read before.
    """
    found = access.login()
    if found is None:
        return None
    who = access.identity()
    if who is not None and who.allowed:
        return None
    return partial(_draw, found, who)


def _draw(found: access.Login, who: access.Identity | None) -> None:
    st.space("large")
    _, middle, _ = st.columns([1, 1.2, 1])
    with middle, st.container(border=True, key="air-login"):
        if found.problem:
            st.title("Nobody can log in yet")
            st.error(found.problem, icon=":material/key_off:")
            st.caption("This is for whoever runs the server. Until then nothing is shown.")
            return
        if who is not None:
            st.title("You may not open this audit")
            st.markdown(
                f"You are logged in as **{literal(who.name)}**. Ask whoever runs this server to "
                "let you in, or log in as somebody else."
            )
            if st.button("Log out", icon=":material/logout:"):
                st.logout()
            return
        st.title("Log in to review")
        st.markdown(
            "Your decisions are signed with the name that your provider has verified, and kept "
            "in a trail that nobody can change."
        )
        for provider in found.providers:
            title = f"Log in with {provider}" if provider else "Log in"
            if st.button(title, type="primary", icon=":material/login:", width="stretch"):
                st.login(provider or None)


def draw_reviewer() -> None:
    """Say who reviews: the verified name, or one that can be changed."""
    name, verified = state.reviewer(), access.identity() is not None
    icon = ":material/verified_user:" if verified else ":material/person:"
    with st.popover(literal(name), icon=icon, type="tertiary"):
        if verified:
            st.markdown(f"Logged in as **{literal(name)}**. Decisions are signed with this name.")
            if st.button("Log out", icon=":material/logout:"):
                st.logout()
            return
        chosen = st.text_input("Decisions are signed with", value=name)
        if chosen.strip() != name:
            state.set_reviewer(chosen)
            st.rerun()
