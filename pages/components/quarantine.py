"""Images that were set aside: which, why, and the list to take away."""

from __future__ import annotations

from collections import Counter

import pandas as pd
import streamlit as st

from air_core.formats.csv_text import table_text
from air_core.workspace import Workspace
from pages.components.markdown import literal

_REASONS = 3


def draw_quarantine(workspace: Workspace) -> None:
    """Draw what was set aside, folded away; nothing where there is nothing."""
    aside = workspace.quarantined
    if not aside:
        return
    title = f"{len(aside):,} image{'s' * (len(aside) > 1)} could not be used"
    with st.expander(title, icon=":material/report:"):
        counted = Counter(image.reason for image in aside).most_common(_REASONS)
        st.markdown("\n".join(f"- {count:,} × {literal(reason)}" for reason, count in counted))
        rows = [(image.path, image.reason) for image in aside]
        st.dataframe(
            pd.DataFrame(rows, columns=["File", "Why"]), hide_index=True, width="stretch",
            height=min(320, 38 + 36 * len(rows)),
        )  # fmt: skip
        st.download_button(
            "Download the list",
            table_text(("path", "reason"), rows).encode("utf-8", "surrogatepass"),
            file_name="quarantined.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
        st.caption("Mend the files and open the same source again; what is sound joins in.")
