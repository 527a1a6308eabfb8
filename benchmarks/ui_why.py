"""Why is this flagged? From an arrow key to the evidence on the next image, and to its regions."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

from air_core.evidence import CosineIndex
from benchmarks.ui_browser import Server, open_browser, settled

IMAGES = 20
WAIT = 30_000  # ms

# Time from the focus to the frame after the panel was filled, and after its regions were laid over
# the image or refused.
_WATCH = """
() => {
  const find = (selector) => [...document.querySelectorAll("*")]
    .map((node) => node.shadowRoot?.querySelector(selector)).find(Boolean);
  const watch = (window.airBenchWhy = {});
  document.addEventListener("air-audit:focus", ({ detail }) => {
    const begun = { item: detail.item, from: performance.now(), filled: null, regions: null };
    Object.assign(watch, begun);
  });
  const note = (what) => {
    const { item } = watch;
    requestAnimationFrame(() => setTimeout(() => {
      if (watch.item === item) watch[what] ??= performance.now() - watch.from;
    }));
  };
  const panel = find(".air-why");
  new MutationObserver(() => {
    if (panel.dataset.item === watch.item && panel.dataset.busy === "no") note("filled");
  }).observe(panel, { attributes: true });
  find(".heat").addEventListener("load", () => note("regions"));
}
"""


def measure(audit: Path, browser: Any = None, *, images: int = IMAGES) -> dict[str, Any]:
    """Move from image to image, each time after a pause.

    Parameters
    ----------
    audit : Path
        A workspace with fits; nothing is decided in it.
    browser : playwright Browser, optional
        One of its own by default.
    images : int

    Returns
    -------
    dict
        Medians and worst of ``filled_ms`` and ``regions_ms``; ``first_…`` are of the first image,
        for which the network is built; None where the pictures have no regions.
    """
    if browser is None:
        with open_browser() as opened:
            return measure(audit, opened, images=images)
    rows = []
    with Server(audit) as server:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{server.url}/review")
        page.locator(".tile").first.wait_for(timeout=2 * WAIT)
        settled(page)
        page.evaluate(_WATCH)
        page.locator(".tile").first.focus()
        for _ in range(images + 1):
            page.keyboard.press("ArrowRight")
            page.wait_for_function("() => window.airBenchWhy.filled !== null", timeout=WAIT)
            time.sleep(2 if not rows else 0.8)
            rows.append(page.evaluate("({ ...window.airBenchWhy })"))
        page.close()
    first, later = rows[0], rows[1:]
    found: dict[str, Any] = {}
    for name in ("filled", "regions"):
        values = [row[name] for row in later if row[name] is not None]
        found[f"first_{name}_ms"] = first[name] and round(first[name])
        found[f"{name}_ms"] = round(statistics.median(values)) if values else None
        found[f"{name}_worst_ms"] = round(max(values)) if values else None
    return found


def neighbours(n: int = 50_000, p: int = 1280, *, questions: int = 20) -> dict[str, int]:
    """Ten nearest of n images by an exact search, features in memory: medians in ms."""
    rng = np.random.default_rng(0)
    features = rng.random((n, p), dtype=np.float32)
    started = time.perf_counter()
    index = CosineIndex(features)
    built, times = time.perf_counter() - started, []
    for row in rng.integers(n, size=questions).tolist():
        started = time.perf_counter()
        index.nearest(row, 10)
        times.append(time.perf_counter() - started)
    return {
        "index_ms": round(1000 * built),
        "nearest_ms": round(1000 * statistics.median(times)),
        "nearest_worst_ms": round(1000 * max(times)),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("audit", type=Path, nargs="+")
    for folder in parser.parse_args().audit:
        print(json.dumps({"audit": folder.name} | measure(folder)))
    print(json.dumps({"images": 50_000, "features": 1280} | neighbours()))
