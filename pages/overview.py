"""What is in the audit, how far it is and what to do next."""

from __future__ import annotations

import streamlit as st

st.title("Overview")
