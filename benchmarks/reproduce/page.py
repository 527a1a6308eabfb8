"""The report: one HTML file with every figure inside it, no scripts and nothing from elsewhere."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from air_core.atomic import atomic_write
from air_core.bench import environment
from benchmarks.reproduce.context import Context
from benchmarks.reproduce.section import read_section

ORDER = ("table1", "fig1", "fig2", "fig3", "fig4", "fig5", "fig6", "e2e")
LONGEST = 60


def write_page(context: Context) -> Path:
    """Write ``report.html`` from the sections that lie in the folder of results."""
    found = [(name, read_section(context.out / name)) for name in ORDER]
    sections = [
        {"name": name, **section, "pictures": list(_pictures(context.out / name, section))}
        for name, section in found
        if section is not None
    ]
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"value": shown, "minutes": minutes}
    page = made.get_template("page.html").render(
        now=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        features=context.described(),
        environment=environment(),
        sections=sections,
        missing=[name for name, section in found if section is None],
        seconds=sum(section["cost"]["seconds"] for section in sections),
        cpu_seconds=sum(section["cost"]["cpu_seconds"] for section in sections),
        longest=LONGEST,
    )
    path = context.out / "report.html"
    with atomic_write(path) as file:
        file.write(page.encode("utf-8", "replace"))
    return path


def _pictures(folder: Path, section: dict[str, Any]) -> Iterator[dict[str, str]]:
    for name, caption in section["captions"].items():
        data = base64.b64encode((folder / f"{name}.png").read_bytes()).decode()
        yield {
            "name": name,
            "caption": caption,
            "source": f"data:image/png;base64,{data}",
            "csv": f"{folder.name}/{name}.csv",
        }


def shown(value: Any) -> str:
    """A cell of a table.

    Examples
    --------
    >>> shown(0.98765432), shown(12.0), shown(True), shown(None), shown("a")
    ('0.9877', '12', 'yes', '–', 'a')
    """
    if value is None or value != value:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def minutes(seconds: float) -> str:
    """A time for people.

    Examples
    --------
    >>> minutes(75), minutes(5.2)
    ('1 min 15 s', '5 s')
    """
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"
