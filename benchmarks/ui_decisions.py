"""Decisions at the speed of a keyboard: none lost, and painted before the eye asks."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

from air_core.workspace import Workspace
from benchmarks.ui_browser import Server, settled

BURST = 20
WAIT = 120_000  # ms for a page to come at all, on a machine that does other work
_KEYS = ("Enter", "k", "x", "n", "3")
_ACTIONS = ("relabel", "keep", "exclude", "unsure", "relabel")

# From the input to the first frame that shows a change of this tile, as the browser tells time.
_WATCH = """
(tile) => {
  const watch = (window.airBenchWatch = {});
  const input = () => (watch.from ??= performance.now());
  for (const kind of ["keydown", "pointerdown"])
    addEventListener(kind, input, { capture: true, once: true });
  new MutationObserver((changes, observer) => {
    if (watch.from === undefined) return;
    observer.disconnect();
    requestAnimationFrame(() => setTimeout(() => (watch.to = performance.now())));
  }).observe(tile, { attributes: true, childList: true, subtree: true });
}
"""
_ELAPSED = "() => window.airBenchWatch.to && window.airBenchWatch.to - window.airBenchWatch.from"


def burst(browser: Any, audit: Path, *, restart: bool) -> dict[str, Any]:
    """Press 20 keys within a second; count what the store holds, and whether in order.

    Parameters
    ----------
    browser : playwright Browser
    audit : Path
        A workspace without decisions; gets 20.
    restart : bool
        Kill the server after the tenth key, start it again and reload the page at the end.
    """
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(WAIT)
    with Server(audit) as server:
        page = context.new_page()
        page.goto(f"{server.url}/review")
        page.locator(".tile").first.wait_for()
        settled(page)
        page.locator(".tile").first.click()
        shown = page.locator(".tile").evaluate_all("tiles => tiles.map(tile => tile.dataset.id)")
        started = time.perf_counter()
        for number in range(BURST):
            if restart and number == BURST // 2:
                server.stop()
            page.keyboard.press(_KEYS[number % len(_KEYS)])
        seconds = time.perf_counter() - started
        if restart:
            server.start()
            page.reload()
            page.locator(".tile").first.wait_for()
        events = _stored(audit, BURST)
        context.close()
    return {
        "pressed": BURST,
        "seconds": seconds,
        "stored": len(events),
        "in_order": [e.item_id for e in events] == shown[:BURST]
        and [e.action for e in events] == list(_ACTIONS) * (BURST // len(_ACTIONS)),
    }


def _stored(audit: Path, at_least: int, seconds: float = 60) -> list[Any]:
    deadline = time.monotonic() + seconds
    while True:
        workspace = Workspace.open(audit)
        events = workspace.labels.history()
        workspace.close()
        if len(events) >= at_least or time.monotonic() > deadline:
            return events
        time.sleep(0.1)


def painted(
    browser: Any, audit: Path, *, thumbnails: int = 1000, times: int = 15
) -> dict[str, Any]:
    """Milliseconds from a click or key on a tile to the frame that shows it.

    Parameters
    ----------
    browser : playwright Browser
    audit : Path
        A workspace with at least as many images; gets decisions.
    thumbnails : int
        Tiles on the page.
    times : int
        Clicks, and as many keys.
    """
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(WAIT)
    with Server(audit) as server:
        page = context.new_page()
        page.goto(f"{server.url}/review")
        page.locator(".tile").first.wait_for()
        _choose(page, "Show", "All images")
        _choose(page, "Images a page", f"{thumbnails} a page")
        page.locator(".tile").nth(thumbnails - 1).wait_for(state="attached")
        settled(page)
        count = page.locator(".tile").count()
        clicks, keys, stored = [], [], []
        for number in range(times):
            tile = page.locator(".tile").nth(number)
            tile.evaluate(_WATCH)
            tile.click()
            clicks.append(_elapsed(page))
            tile.evaluate(_WATCH)
            began = time.perf_counter()
            page.keyboard.press("k")
            keys.append(_elapsed(page))
            page.locator(".unsaved:empty").first.wait_for(state="attached")
            stored.append(1000 * (time.perf_counter() - began))
        context.close()
    return {
        "thumbnails": count,
        "click_ms": statistics.median(clicks),
        "click_worst_ms": max(clicks),
        "key_ms": statistics.median(keys),
        "key_worst_ms": max(keys),
        "stored_ms": statistics.median(stored),
    }


def _elapsed(page: Any) -> float:
    return float(page.wait_for_function(_ELAPSED).json_value())


def _choose(page: Any, label: str, option: str) -> None:
    page.get_by_role("combobox", name=label).first.click()
    page.get_by_role("option", name=option, exact=True).click()
    settled(page)
