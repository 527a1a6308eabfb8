"""``air-audit reproduce``: Table 1, Figures 1–6, and the future work of the AIR paper."""

from __future__ import annotations

import importlib
from pathlib import Path

from air_core.bench import environment
from benchmarks.reproduce.context import Context as Context
from benchmarks.reproduce.page import write_page
from benchmarks.reproduce.parts import Parts
from benchmarks.reproduce.section import Section

WHATS = ("table1", "fig1", "fig2", "fig3", "fig4", "fig5", "fig6", "e2e")


def reproduce(what: str, context: Context) -> tuple[Path, list[Section]]:
    """Compute one of :data:`WHATS`, or all, and write the report of everything found so far.

    Returns
    -------
    Path
        The report.
    list of Section
        Of this run.
    """
    chosen = WHATS if what == "all" else (what,)
    sections = []
    for number, name in enumerate(chosen):
        if len(chosen) > 1:
            context.progress(number, len(chosen), "Reproducing the paper")
        sections.append(_section(name, context))
        report = write_page(context)
    if len(chosen) > 1:
        context.progress(len(chosen), len(chosen), "Reproducing the paper")
    return report, sections


def _section(name: str, context: Context) -> Section:
    module = importlib.import_module(f"benchmarks.reproduce.{name}")
    section = Section(name, environment(), title=module.TITLE)
    parts = Parts(context.out / "parts", context.progress, module.TITLE)
    module.run(context, parts, section)
    section.cost = {
        "seconds": parts.seconds,
        "cpu_seconds": parts.cpu_seconds,
        "parts": parts.done,
        "computed_now": parts.computed,
    }
    section.settings["features"] = context.described()
    section.write(context.out / name)
    return section
