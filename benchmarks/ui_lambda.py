"""λ_g under the thumb: grid updates a second while it is dragged, and the time to the last one."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

from air_core.dataset import Dataset
from air_core.fitting import (
    Opinion,
    PathRun,
    Refiner,
    can_refine,
    rank_opinion,
    read_path,
    stored_path,
)
from air_core.fitting.live import top_flagged
from air_core.workspace import Workspace
from benchmarks.ui_browser import Server, given_or_own, settled

DETECTOR = "air-margin"
SHOWN = 60  # tiles that are compared
SECONDS, MOVES = 3.0, 90  # of one drag: a mouse tells its place some 30 times a second
WAIT = 20.0  # for the last update, refinement included

# Times at which the frame was painted that shows another order of the tiles, with that order.
_WATCH = """
(list) => {
  const watch = (window.airBenchDrag = { updates: [] });
  const ids = () => [...list.children].slice(0, SHOWN).map((tile) => tile.dataset.id).join();
  let shown = ids();
  watch.observer?.disconnect();
  watch.observer = new MutationObserver(() => {
    const now = ids();
    if (now === shown) return;
    shown = now;
    requestAnimationFrame(() => setTimeout(() => watch.updates.push([performance.now(), now])));
  });
  watch.observer.observe(list, { childList: true });
  watch.first = shown;
  addEventListener("pointerdown", () => { watch.from = performance.now(); }, { capture: true });
  addEventListener("pointerup", () => { watch.to = performance.now(); }, { capture: true });
}
""".replace("SHOWN", str(SHOWN))
_SEEN = "() => { const { updates, first, from, to } = window.airBenchDrag;"
_SEEN += " return { updates, first, from, to }; }"


def measure(audit: Path, browser: Any = None, *, drags: int = 5) -> dict[str, Any]:
    """Drag λ_g to and fro in a browser.

    Parameters
    ----------
    audit : Path
        A workspace with fits and a complete path, such as
        ``ui_workspace.make(folder, n, path=True)`` makes; nothing is decided in it.
    browser : playwright Browser, optional
        One of its own by default.
    drags : int

    Returns
    -------
    dict
        ``images``; medians over the drags of ``updates_per_s`` (grids in another order, painted
        between pressing and letting go), ``final_ms`` (from letting go to the frame that shows
        the ranking at that λ_g, read from the path or solved) and ``refined_ms`` (to the solved
        one, where it differs); ``final_worst_ms``; ``first_refined_ms``, with the features
        prepared for it; ``agreement``, the share of the first 60 tiles that reading between two
        values of the path has in common with the exact solution.
    """
    workspace = Workspace.open(audit)
    run = stored_path(workspace)
    if run is None or not run.complete:
        raise ValueError(f"Expected a complete path in {audit}, got none: make it with path=True.")
    expected = _Expected(workspace, run)
    rows = []
    with given_or_own(browser) as opened, Server(audit) as server:
        context = opened.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        page.goto(f"{server.url}/review")
        page.locator(".tile").first.wait_for()
        settled(page)
        for number in range(drags + 1):
            rows.append(_drag(page, expected, rightwards=number % 2 == 0))
        context.close()
    workspace.close()
    first, *rows = rows  # the first prepares what the others find ready
    return {
        "images": len(workspace.dataset),
        "drags": drags,
        "updates_per_s": statistics.median(row["updates_per_s"] for row in rows),
        "updates_per_s_worst": min(row["updates_per_s"] for row in rows),
        "final_ms": statistics.median(row["final_ms"] for row in rows),
        "final_worst_ms": max(row["final_ms"] for row in rows),
        "refined_ms": statistics.median(row["refined_ms"] for row in rows),
        "first_refined_ms": first["refined_ms"],
        "agreement": statistics.mean(row["agreement"] for row in rows),
    }


class _Expected:
    """The tiles that the grid must end with at a λ_g."""

    def __init__(self, workspace: Workspace, run: PathRun) -> None:
        self._dataset: Dataset = workspace.dataset
        self._run = run
        self._refiner = Refiner(workspace, run) if can_refine(workspace) else None

    def at(self, scale: float) -> tuple[str, str]:
        """As read from the path, and as solved; the same where nothing is solved."""
        read = read_path(self._run, self._dataset, scale)
        exact = read if read.exact or self._refiner is None else self._refiner.solve(scale)
        return self._ids(read), self._ids(exact)

    def _ids(self, opinion: Opinion) -> str:
        ranking = rank_opinion(opinion, DETECTOR, self._dataset)
        return ",".join(self._dataset.item_ids[top_flagged(ranking, SHOWN)].tolist())


def _drag(page: Any, expected: _Expected, *, rightwards: bool) -> dict[str, float]:
    """One drag over the middle of the track; milliseconds by the browser's clock."""
    slider = page.locator(".strength .slider")
    page.locator(".air-grid .tiles").evaluate(_WATCH)
    box = slider.bounding_box()
    y = box["y"] + box["height"] / 2
    begin, end = (0.30, 0.83) if rightwards else (0.83, 0.31)
    page.mouse.move(box["x"] + box["width"] * begin, y)
    page.mouse.down()
    started = time.perf_counter()
    for number in range(1, MOVES + 1):
        at = begin + (end - begin) * number / MOVES
        page.mouse.move(box["x"] + box["width"] * at, y)
        time.sleep(max(0.0, started + SECONDS * number / MOVES - time.perf_counter()))
    page.mouse.up()
    scale = 10 ** float(slider.evaluate("slider => slider.value"))
    read, exact = expected.at(scale)
    seen, final, refined = _wait(page, {read, exact}, exact)
    held = [at for at, _ in seen["updates"] if seen["from"] <= at <= seen["to"]]
    same = set(read.split(",")) & set(exact.split(","))
    return {
        "updates_per_s": 1000 * len(held) / (seen["to"] - seen["from"]),
        "final_ms": max(0.0, final - seen["to"]),
        "refined_ms": max(0.0, refined - seen["to"]),
        "agreement": len(same) / max(1, len(exact.split(","))),
    }


def _wait(page: Any, wanted: set[str], exact: str) -> tuple[dict[str, Any], float, float]:
    """What was seen, and when the first wanted grid and the exact one came to stay."""
    deadline = time.perf_counter() + WAIT
    while time.perf_counter() < deadline:
        seen = page.evaluate(_SEEN)
        shown = [(seen["from"], seen["first"]), *seen["updates"]]
        if shown[-1][1] == exact:
            stay = len(shown)
            while stay and shown[stay - 1][1] in wanted:
                stay -= 1
            return seen, shown[stay][0], shown[-1][0]
        page.wait_for_timeout(100)
    raise TimeoutError(f"Expected the ranking at the final λ_g within {WAIT:g} s of letting go.")


if __name__ == "__main__":
    import argparse
    import json

    parser = argparse.ArgumentParser(description="Drag λ_g to and fro in a browser.")
    parser.add_argument("audit", type=Path)
    parser.add_argument("--drags", type=int, default=5)
    options = parser.parse_args()
    print(json.dumps(measure(options.audit, drags=options.drags), indent=1))
