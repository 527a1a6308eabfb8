"""A table of counts whose cells are buttons: each opens the images it counts.

Streamlit component (v2); a real ``<table>`` with headers, so that a screen reader can name a cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

__all__ = ["Cell", "cell_table"]

_FOLDER = Path(__file__).parent
_mount = st.components.v2.component(
    "air_audit_cells",
    html='<div class="cells" tabindex="0" role="region"></div>',
    css=(_FOLDER / "cells.css").read_text("utf-8"),
    js=(_FOLDER / "cells.js").read_text("utf-8"),
)


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell that was pressed; indices into the table's rows and columns."""

    row: int
    column: int


def cell_table(
    rows: Sequence[str],
    columns: Sequence[str],
    counts: NDArray[np.integer[Any]],
    *,
    key: str,
    caption: str,
    corner: str = "",
    square: bool = False,
) -> Cell | None:
    """Draw the table.

    Parameters
    ----------
    rows, columns : sequence of str
        Names; shown as text.
    counts : ndarray of shape (len(rows), len(columns)), dtype integer
    key : str
    caption : str
        What the table counts, for screen readers and as its heading.
    corner : str
        What rows and columns are, such as "given ↓ suggested →".
    square : bool
        Rows and columns are the same classes: the diagonal is where they agree.

    Returns
    -------
    Cell or None
        The cell that was pressed just now.
    """
    drawn = _mount(
        key=key,
        data={
            "rows": list(rows),
            "columns": list(columns),
            "counts": counts.tolist(),
            "caption": caption,
            "corner": corner,
            "square": square,
        },
        on_cell_change=_nothing,
    )
    return _cell(drawn.get("cell"), len(rows), len(columns))


def _cell(sent: Any, rows: int, columns: int) -> Cell | None:
    """What the browser sent, if it is a cell of this table."""
    if not isinstance(sent, (list, tuple)) or len(sent) != 2:
        return None
    if not all(isinstance(part, int) for part in sent):
        return None
    row, column = sent
    return Cell(row, column) if 0 <= row < rows and 0 <= column < columns else None


def _nothing() -> None:
    """Streamlit offers only those triggers that have a callback."""
