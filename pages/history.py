"""The audit trail: every decision, who made it and why, and undo of any one."""

from __future__ import annotations

import streamlit as st

st.title("History")
