"""The first screen: nothing is open yet."""

from __future__ import annotations

import streamlit as st

from pages.components.opening import draw_opening, draw_sample, follow_imports, may_open

STEPS = (
    "## :material/troubleshoot: Rank\nThe method of *Auxiliary Image Regularization for Deep "
    "CNNs with Noisy Labels* (Azadi et al., ICLR 2016) suppresses images that disagree with "
    "their label. On this machine, without sending a picture anywhere.",
    "## :material/rate_review: Review\nOne key keeps, relabels or excludes. Nothing decided "
    "is ever lost, and anything can be undone.",
    "## :material/download: Export\nYour label file again, different in exactly the cells "
    "that you changed.",
)


def welcome() -> None:
    """Nothing is open: offer the sample, and every way to open one's own images."""
    st.title("Find the wrong labels in your images")
    st.markdown(
        "AIR Audit ranks every label by how little the other images support it, shows you the "
        "worst first, and keeps a trail of what you decide. Your files are never changed."
    )
    follow_imports()
    own, sample = st.columns([3, 2], gap="medium")
    with own, st.container(border=True, height="stretch"):
        st.header(":material/folder_open: Open your own images", anchor=False)
        draw_opening(sample=False)
    if may_open():
        with sample, st.container(border=True, height="stretch"):
            st.header(":material/science: Try the sample", anchor=False)
            draw_sample()
    for place, text in zip(st.columns(3, gap="medium"), STEPS, strict=True):
        place.markdown(text)
