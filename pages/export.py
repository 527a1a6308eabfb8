"""Preview the cleaned labels and take them away."""

from __future__ import annotations

import streamlit as st

st.title("Export")
