"""``air-audit bench ui``: the interface as a person sees it, in a real browser."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from air_core import pipeline
from air_core.bench import Report
from air_core.installation import sample_source, workspaces_folder
from air_core.labels import Decision
from air_core.progress import ProgressCallback, silent
from air_core.workspace import Workspace
from benchmarks import ui_lambda, ui_map, ui_workspace
from benchmarks.ui_access import GRAVE, PAGES, violations
from benchmarks.ui_browser import Server, open_browser
from benchmarks.ui_decisions import BURST, burst, painted

SECTIONS = ("decisions", "painted", "strength", "lasso", "start", "access")
STRENGTH_SIZES = (10_000, 50_000)
MAP_POINTS = 200_000


def run(
    report: Report,
    data: Path,
    *,
    progress: ProgressCallback = silent,
    only: tuple[str, ...] = (),
) -> None:
    """Fill the report; ``only`` names some of :data:`SECTIONS`.

    Workspaces are made once, below ``AIR_AUDIT_HOME/bench/ui``; decisions go to copies of them.
    """
    chosen = [name for name in SECTIONS if not only or name in only]
    with open_browser() as browser:
        for number, name in enumerate(chosen):
            progress(number, len(chosen), f"bench ui: {name}")
            globals()[f"_{name}"](report, data, browser)
    progress(len(chosen), len(chosen), "bench ui")


def _made(n: int, data: Path, **parts: bool) -> Path:
    """A workspace of n images with the features and the noise of CIFAR-10N."""
    return ui_workspace.make(workspaces_folder() / "bench" / "ui" / f"{n}", n, data=data, **parts)


@contextmanager
def _sample() -> Iterator[Path]:
    """The sample, audited and with its map; a copy that may be decided in."""
    source = sample_source()
    # A workspace belongs to its source, and there may be several copies of this program.
    name = hashlib.sha256(str(source).encode()).hexdigest()[:8]
    kept = workspaces_folder() / "bench" / "ui" / f"sample-{name}"
    workspace = pipeline.open_source(source, kept)
    pipeline.audit(workspace)
    pipeline.project(workspace)
    workspace.close()
    with tempfile.TemporaryDirectory() as folder:
        yield Path(shutil.copytree(kept, Path(folder) / "sample"))


def _decisions(report: Report, data: Path, browser: Any) -> None:
    for restart in (False, True):
        with _sample() as audit:
            row = burst(browser, audit, restart=restart)
        what = "server restarted midway, page reloaded" if restart else "no disturbance"
        report.add("20 decisions at the speed of a keyboard", disturbance=what, **row)
        kept = row["stored"] if row["in_order"] else 0
        report.expect(f"decisions stored in order of {BURST}, {what}", kept, ">=", BURST)
        if not restart:
            report.expect(f"seconds in which {BURST} keys were pressed", row["seconds"], "<=", 1)


def _painted(report: Report, data: Path, browser: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        audit = ui_workspace.make(Path(folder), 10_000, data=data)
        row = painted(browser, audit)
    report.add("click and key → painted", **row)
    report.expect("thumbnails on the page", row["thumbnails"], ">=", 1000)
    report.expect("click → painted, ms, median", row["click_ms"], "<=", 250)
    report.expect("key → painted, ms, median", row["key_ms"], "<=", 250)


def _strength(report: Report, data: Path, browser: Any) -> None:
    for n in STRENGTH_SIZES:
        row = ui_lambda.measure(_made(n, data, path=True), browser)
        report.add("λ_g dragged", **row)
        report.expect(f"λ_g drag, {n:,} images: updates/s", row["updates_per_s"], ">=", 5)
        report.expect(f"λ_g drag, {n:,} images: ms to the final grid", row["final_ms"], "<=", 300)


def _lasso(report: Report, data: Path, browser: Any) -> None:
    row = ui_map.measure(_made(MAP_POINTS, data, projections=True), browser)
    report.add("lasso on the map", **row)
    report.expect("points on the map", row["points"], ">=", MAP_POINTS)
    report.expect("lasso → grid, ms, median", row["lasso_ms"], "<=", 300)


def _start(report: Report, data: Path, browser: Any) -> None:
    """From the command to the first ranked grid, everything computed before."""
    with _sample() as audit:
        started = time.perf_counter()
        with Server(audit) as server:
            page = browser.new_page()
            page.goto(f"{server.url}/review")
            page.locator(".tile img").first.wait_for()
            seconds = time.perf_counter() - started
            page.close()
    report.add("cold start", seconds=seconds, images=1200)
    report.expect("command → first ranked grid, seconds", seconds, "<=", 10)


def _access(report: Report, data: Path, browser: Any) -> None:
    found = []
    with _sample() as audit:
        _decide_some(audit)
        with Server(audit) as server:
            for scheme in ("light", "dark"):
                found += list(violations(browser, server.url, scheme=scheme))
    for row in found:
        report.add("axe", **row | {"elements": len(row["elements"])})
    impacts = Counter(row["impact"] for row in found)
    report.add("axe, rules broken by impact", pages=len(PAGES), schemes=2, **impacts)
    grave = sum(impacts[impact] for impact in GRAVE)
    report.expect("axe: serious or critical, all pages, light and dark", grave, "<=", 0)


def _decide_some(audit: Path) -> None:
    """Pages with something on them break other rules than empty ones."""
    workspace = Workspace.open(audit)
    ranking = pipeline.rank(workspace, "air-margin")
    for number, row in enumerate(ranking.order[:24]):
        item, suggested = str(ranking.item_ids[row]), int(ranking.suggested_labels[row])
        names = workspace.dataset.class_names
        choice = (
            Decision(item, "relabel", names[suggested]) if number % 2 else Decision(item, "keep")
        )
        workspace.decide([choice], reviewer=("ana", "ben")[number % 2])
    workspace.close()
