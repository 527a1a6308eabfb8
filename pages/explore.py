"""The map of all images: look for clusters, lasso a region, review what is in it."""

from __future__ import annotations

import streamlit as st

st.title("Explore")
