"""Entry of the interface: ``streamlit run app.py``, or ``air-audit ui WORKSPACE``."""

from __future__ import annotations

import sys
from pathlib import Path

# Both in the repository and inside an installed wheel, `pages` lies beside this file.
_HERE = str(Path(__file__).resolve().parent)
if _HERE not in sys.path:
    sys.path.insert(0, _HERE)

import streamlit as st  # noqa: E402
from starlette.middleware import Middleware  # noqa: E402

from pages.gate import Gate  # noqa: E402
from pages.routes import ROUTES  # noqa: E402
from pages.warm import begin  # noqa: E402

app = st.App("pages/main.py", routes=ROUTES, middleware=[Middleware(Gate)])
begin()
