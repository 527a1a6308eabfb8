"""A large workspace as a person sees it: opened, filtered, ordered, lassoed, exported."""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from air_core.workspace import Workspace
from benchmarks.ui_browser import Server, given_or_own, settled
from benchmarks.ui_map import DEEP, lasso

WAIT = 120_000  # ms for what is to come at all
EXPORT_WAIT = 600_000
ROUNDS = 3

# From the press of a button to the frame that shows other tiles, the first with its picture. The
# observer of the page sees what the component draws, which lies in a shadow root.
_WATCH = """
() => {
  const watch = (window.airGrid = {});
  const tiles = () => [...(window.airDeep(".air-grid .tiles")?.querySelectorAll(".tile") ?? [])];
  const ids = () => tiles().slice(0, 60).map((tile) => tile.dataset.id).join();
  const before = ids();
  const look = () => {
    const [first] = tiles();
    const picture = first?.querySelector("img");
    if (first && ids() !== before && picture?.complete && picture.naturalWidth)
      setTimeout(() => { watch.ms = performance.now() - watch.from; });
    else requestAnimationFrame(look);
  };
  addEventListener("pointerdown", () => { watch.from = performance.now(); }, { capture: true });
  addEventListener("keydown", () => { watch.from = performance.now(); }, { capture: true });
  look();
}
"""
_MS = "() => window.airGrid.ms"


def measure(audit: Path, browser: Any = None) -> dict[str, Any]:
    """Look at a workspace in a browser, on a server that has just begun.

    Parameters
    ----------
    audit : Path
        A workspace with fits and a map, such as ``ui_workspace.make(folder, n,
        projections=True)`` makes; nothing is decided in it.
    browser : playwright Browser, optional
        One of its own by default.

    Returns
    -------
    dict
        In milliseconds, medians where there are several: ``open`` (address of the overview to its
        numbers, the workspace unopened before), ``first_grid`` (the click on Review to its first
        pictures), ``change`` (a list of what was chosen, and how long the grid took to show the
        first picture of another page), ``map`` (the click on Explore to its points painted),
        ``lasso`` and ``selected``, ``export`` (the click on Export to what will change drawn),
        ``export_file`` (asking for the labels to their file); ``server_gib``, the most memory that
        the server held.
    """
    found: dict[str, Any] = {}
    shutil.rmtree(audit / "exports", ignore_errors=True)  # an archive of before is no measure
    names = Workspace.open(audit).dataset.class_names
    with given_or_own(browser) as opened, Server(audit) as server:
        context = opened.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
        context.add_init_script(DEEP)
        context.set_default_timeout(WAIT)
        page = context.new_page()
        found["open"] = _timed(
            lambda: page.goto(server.url), page.locator("[data-testid=stMetric]").nth(4)
        )
        settled(page)
        found["first_grid"] = _until_other(page, _press(page, "Review"))
        settled(page)
        found["change"] = _changes(page, names[len(names) // 2])
        found["map"] = _timed(_press(page, "Explore"), page.locator(".map[data-paint]"))
        settled(page)
        page.locator("[data-tool=lasso]").click()
        frame = page.locator("canvas.over").bounding_box()
        rows = [lasso(page, frame, number) for number in range(ROUNDS + 1)]
        found["first_lasso"] = rows[0]["tiles"]
        found["lasso"] = statistics.median(row["tiles"] for row in rows[1:])
        found["selected"] = [row["selected"] for row in rows[1:]]
        found["export"] = _timed(
            _press(page, "Export"), page.get_by_role("heading", name="What will change")
        )
        settled(page)
        found["export_file"] = _export(page)
        found["server_gib"] = _peak(server) / 2**30
        context.close()
    return found


def _timed(do: Callable[[], Any], there: Any) -> float:
    began = time.perf_counter()
    do()
    there.wait_for()
    return 1000 * (time.perf_counter() - began)


def _press(page: Any, name: str) -> Callable[[], Any]:
    return lambda: page.get_by_role("link", name=name, exact=True).first.click()


def _until_other(page: Any, do: Callable[[], Any]) -> float:
    page.evaluate(_WATCH)
    do()
    return float(page.wait_for_function(_MS, polling=20).json_value())


def _changes(page: Any, class_name: str) -> list[dict[str, Any]]:
    """What was chosen on the review page, and the milliseconds until the grid had followed."""
    chosen = [
        ("Order", "Best first"),
        ("Show", "All images"),
        ("Order", "Path"),
        ("Order", "Surest suggestion"),
        ("Order", "Most disputed"),
        ("Given class", class_name),
        ("Given class", "All classes"),
        ("Order", "Best first"),
        ("Show", "Flagged"),
        ("Order", "Worst first"),
    ]
    made = []
    for label, option in chosen * 2:
        page.get_by_role("combobox", name=label).first.click()
        page.keyboard.type(option)  # of many options the list shows a few
        entry = page.get_by_role("option", name=option, exact=True)
        entry.wait_for()
        made.append({"chosen": f"{label}: {option}", "ms": _until_other(page, entry.click)})
        settled(page)
    for text in ("00421", class_name):
        search = page.get_by_placeholder("path or label")
        search.fill(text)
        made.append({"chosen": f"Search: {text}", "ms": _until_other(page, _enter(search))})
        settled(page)
    return made


def _enter(field: Any) -> Callable[[], Any]:
    return lambda: field.press("Enter")


def _export(page: Any) -> float:
    """From asking for the labels to the file that can be kept, built in the background."""
    build = page.get_by_role("button", name="Build the archive")
    taken = page.locator("[data-testid=stDownloadButton] button", has_text="Download")
    began = time.perf_counter()
    if build.count():
        build.click()
        taken.first.wait_for(timeout=EXPORT_WAIT)
    with page.expect_download() as download:
        taken.first.click()
    download.value.path()
    return 1000 * (time.perf_counter() - began)


def _peak(server: Server) -> float:
    """The most bytes that the server's processes held, mapped files included."""
    total = 0.0
    for process in server.processes():
        with suppress(psutil.Error, OSError):
            total += _high_water(process.pid)
    return total


def _high_water(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return 1024 * float(line.split()[1])
    return 0.0


if __name__ == "__main__":
    import argparse
    import json

    parser = argparse.ArgumentParser(description=measure.__doc__)
    parser.add_argument("audit", type=Path)
    print(json.dumps(measure(**vars(parser.parse_args())), indent=1))
