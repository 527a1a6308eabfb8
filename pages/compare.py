"""AIR beside the SVM: the paper's Figures 3 and 4 on this dataset."""

from __future__ import annotations

import streamlit as st

st.title("Compare")
