"""What one table or figure of the paper became here, and how it is kept."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from air_core.atomic import atomic_write
from air_core.bench import Report

Row = dict[str, Any]
_PERCENT = re.compile(r"(?<=\d)%")  # as the paper's figures are written: 61.5 %


@dataclass(frozen=True, slots=True)
class Comparison:
    """A figure of the paper beside ours."""

    what: str
    paper: str
    ours: str
    why: str


@dataclass(slots=True)
class Section(Report):
    """A report's part for one WHAT: tables, targets, figures, and what they came from.

    Parameters
    ----------
    title : str
    text : list of str
        Paragraphs.
    settings : dict
        Plain values by name, in words that a reader knows.
    comparisons : list of Comparison
    captions : dict of str to str
        By the figure's name.
    csvs : dict of str to list of rows
        The numbers of each figure, by its name.
    cost : dict
        Seconds and processor seconds of all parts, and how many were there already.
    """

    title: str = ""
    text: list[str] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    comparisons: list[Comparison] = field(default_factory=list)
    captions: dict[str, str] = field(default_factory=dict)
    csvs: dict[str, list[Row]] = field(default_factory=dict)
    cost: dict[str, float] = field(default_factory=dict)

    def compare(self, what: str, *, paper: str, ours: str, why: str) -> None:
        """Put a figure of the paper beside ours, with the reason for the difference."""
        spaced = (_PERCENT.sub(" %", text) for text in (what, paper, ours, why))
        self.comparisons.append(Comparison(*spaced))

    def draw(self, name: str, figure: Figure, caption: str, rows: Sequence[Row]) -> None:
        """Add a figure and the numbers it shows."""
        self.figures[name] = png(figure)
        self.captions[name] = caption
        self.csvs[name] = list(rows)

    def as_dict(self) -> dict[str, Any]:
        """The section as plain values; its figures and CSV files stay apart."""
        return {
            **super(Section, self).as_dict(),
            "title": self.title,
            "text": self.text,
            "settings": self.settings,
            "comparisons": [asdict(row) for row in self.comparisons],
            "captions": self.captions,
            "cost": self.cost,
        }

    def write(self, folder: Path) -> None:
        """Keep the section: ``section.json``, and a PNG and a CSV file for each figure."""
        folder.mkdir(parents=True, exist_ok=True)
        content = {f"{name}.png": data for name, data in self.figures.items()}
        content |= {f"{name}.csv": _csv(rows) for name, rows in self.csvs.items()}
        content |= {f"{_file_name(name)}.csv": _csv(rows) for name, rows in self.tables.items()}
        # Last: a section is there when all of it is.
        content["section.json"] = json.dumps(self.as_dict(), indent=1, ensure_ascii=False).encode()
        for name, data in content.items():
            with atomic_write(folder / name) as file:
                file.write(data)


def read_section(folder: Path) -> dict[str, Any] | None:
    """What :meth:`Section.write` left, or None."""
    try:
        found: dict[str, Any] = json.loads((folder / "section.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found


def png(figure: Figure) -> bytes:
    """A figure as PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    return pd.DataFrame(list(rows)).to_csv(index=False).encode()


def _file_name(table: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in table.lower()).strip("-")
