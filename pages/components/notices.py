"""What a page shows while there is nothing to show."""

from __future__ import annotations

import streamlit as st


def empty(title: str, text: str, *, icon: str, action: str = "", page: str = "") -> bool:
    """Draw an empty state: what is missing, why, and one way on.

    Parameters
    ----------
    title, text : str
        Plain words; Markdown.
    icon : str
        A Material symbol, ``":material/map:"``.
    action, page : str
        Words on the button, and the page it opens if it opens one.

    Returns
    -------
    bool
        Whether the button was pressed.
    """
    with st.container(border=True, horizontal_alignment="center", key="air-empty"):
        st.markdown(f"## {icon}", text_alignment="center", width="content")
        st.markdown(f"**{title}**", text_alignment="center", width="content")
        st.markdown(text, text_alignment="center", width="content")
        pressed = bool(action) and st.button(action, type="primary")
        if pressed and page:
            st.switch_page(page)
    return pressed
