"""The map under the pointer: from a lasso to the grid, and frames while it moves."""

from __future__ import annotations

import math
import statistics
import time
from pathlib import Path
from typing import Any

from benchmarks.ui_browser import Server, given_or_own, settled

WAIT = 60_000  # ms for what is to come at all
MOVING = 3.0  # s of one drag, and of turning the wheel

# Components live in shadow roots of their own.
DEEP = """
window.airDeep = (selector) => {
  for (const node of document.querySelectorAll("*")) {
    const found = node.shadowRoot?.querySelector(selector);
    if (found) return found;
  }
  return document.querySelector(selector);
};
"""
# Every frame after the pointer is let go: are the tiles others than before, and is the first
# picture there? The timeout runs after that frame is painted.
_WATCH = """
() => {
  const watch = (window.airBench = {});
  const tiles = () => [...(window.airDeep(".air-grid .tiles")?.querySelectorAll(".tile") ?? [])];
  const ids = (list) => list.map((tile) => tile.dataset.id).join();
  const before = ids(tiles());
  const look = () => {
    const list = tiles();
    const [first] = list;
    if (first && ids(list) !== before) {
      const at = () => performance.now() - watch.from;
      if (!watch.tiles) setTimeout(() => { watch.tiles ??= at(); });
      const picture = first.querySelector("img");
      if (picture.complete && picture.naturalWidth) {
        setTimeout(() => { watch.pictures = at(); });
        return;
      }
    }
    requestAnimationFrame(look);
  };
  addEventListener("pointerup", () => { watch.from = performance.now(); look(); },
    { capture: true, once: true });
}
"""
# Frames that the browser showed and, of these, frames whose points were painted anew.
_COUNT = """
() => {
  const count = (window.airFrames = { shown: 0, painted: 0, costs: [], from: performance.now() });
  const map = window.airDeep(".map");
  count.watch = new MutationObserver(() => {
    count.painted += 1;
    count.costs.push(Number(map.dataset.paint));
  });
  count.watch.observe(map, { attributeFilter: ["data-paint"] });
  const frame = () => { count.shown += 1; count.next = requestAnimationFrame(frame); };
  count.next = requestAnimationFrame(frame);
}
"""
_COUNTED = """
() => {
  const { shown, painted, costs, from, next, watch } = window.airFrames;
  cancelAnimationFrame(next);
  watch.disconnect();
  const seconds = (performance.now() - from) / 1000;
  return { shown: shown / seconds, painted: painted / seconds, costs };
}
"""


def measure(audit: Path, browser: Any = None, *, lassos: int = 5) -> dict[str, Any]:
    """Lasso, move and zoom the map of a workspace in a browser.

    Parameters
    ----------
    audit : Path
        A workspace with a map and fits, such as ``ui_workspace.make(folder, n,
        projections=True)`` makes; nothing is decided in it.
    browser : playwright Browser, optional
        One of its own by default.
    lassos : int

    Returns
    -------
    dict
        ``points``; ``lasso_ms``, from letting go of the pointer to the frame that shows the tiles
        of the selection, and ``lasso_pictures_ms``, to the one that shows the first picture: both
        the median over the lassos, ``lasso_worst_ms`` the most; ``first_lasso_ms`` with the grid
        still to be made; ``selected``, how many images each took; ``paint_ms``, what painting all
        points takes; ``move_fps`` and ``zoom_fps``, frames shown a second, and
        ``move_painted_fps`` and ``zoom_painted_fps``, those with all points painted anew.
    """
    with given_or_own(browser) as opened, Server(audit) as server:
        context = opened.new_context(viewport={"width": 1440, "height": 900})
        context.add_init_script(DEEP)
        context.set_default_timeout(WAIT)
        page = context.new_page()
        page.goto(f"{server.url}/explore")
        page.locator(".map[data-paint]").wait_for()
        settled(page)
        shown = str(page.locator(".status").inner_text())
        frame = page.locator("canvas.over").bounding_box()
        page.locator("[data-tool=lasso]").click()
        rows = [lasso(page, frame, number) for number in range(lassos + 1)]
        page.locator("[data-act=clear]").click()
        page.locator("[data-tool=pan]").click()
        settled(page)
        moved = _frames(page, frame, _drag)
        zoomed = _frames(page, frame, _wheel)
        context.close()
    first, *rows = rows  # the first has no grid yet to show its images in
    return {
        "points": _number(shown),
        "lassos": lassos,
        "lasso_ms": statistics.median(row["tiles"] for row in rows),
        "lasso_worst_ms": max(row["tiles"] for row in rows),
        "lasso_pictures_ms": statistics.median(row["pictures"] for row in rows),
        "first_lasso_ms": first["tiles"],
        "selected": [row["selected"] for row in rows],
        "paint_ms": statistics.median(moved["costs"] + zoomed["costs"]),
        "move_fps": moved["shown"],
        "move_painted_fps": moved["painted"],
        "zoom_fps": zoomed["shown"],
        "zoom_painted_fps": zoomed["painted"],
    }


def lasso(page: Any, frame: dict[str, float], number: int) -> dict[str, Any]:
    """Draw an ellipse, each time elsewhere and of another size; milliseconds, and how many it took.

    Parameters
    ----------
    page : playwright Page
        The map, with :data:`DEEP` in it and the lasso as its tool.
    frame : dict
        Place and size of the map on the page.
    number : int
    """
    angle = 2.4 * number
    middle = (
        frame["x"] + frame["width"] * (0.5 + 0.12 * math.cos(angle)),
        frame["y"] + frame["height"] * (0.5 + 0.12 * math.sin(angle)),
    )
    radii = ((0.18 + 0.03 * (number % 4)) * frame["width"], 0.25 * frame["height"])
    page.mouse.move(middle[0] + radii[0], middle[1])
    page.mouse.down()
    for step in range(1, 41):
        turn = 2 * math.pi * step / 41
        page.mouse.move(
            middle[0] + radii[0] * math.cos(turn), middle[1] + radii[1] * math.sin(turn)
        )
    page.evaluate(_WATCH)
    page.mouse.up()
    page.wait_for_function("() => window.airBench.pictures", polling=50)
    row = dict(page.evaluate("() => window.airBench"))
    settled(page)
    chosen = page.locator(".status").inner_text().split(" · ")[-1]
    return row | {"selected": _number(chosen)}


def _number(text: str) -> int:
    """The number that a text begins with."""
    return int(text.split()[0].replace(",", ""))


def _frames(page: Any, frame: dict[str, float], moving: Any) -> dict[str, Any]:
    page.mouse.move(frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2)
    page.evaluate(_COUNT)
    moving(page, frame)
    counted = dict(page.evaluate(_COUNTED))
    page.locator("[data-act=fit]").click()
    page.wait_for_timeout(300)
    return counted


def _drag(page: Any, frame: dict[str, float]) -> None:
    page.mouse.down()
    started = time.perf_counter()
    while (passed := time.perf_counter() - started) < MOVING:
        page.mouse.move(
            frame["x"] + frame["width"] * (0.5 + 0.2 * math.sin(2 * passed)),
            frame["y"] + frame["height"] * (0.5 + 0.2 * math.sin(3 * passed)),
        )
        time.sleep(1 / 60)
    page.mouse.up()


def _wheel(page: Any, _: dict[str, float]) -> None:
    started = time.perf_counter()
    while (passed := time.perf_counter() - started) < MOVING:
        page.mouse.wheel(0, -40 if passed < MOVING / 2 else 40)
        time.sleep(1 / 60)


if __name__ == "__main__":
    import argparse
    import json

    parser = argparse.ArgumentParser(description=measure.__doc__)
    parser.add_argument("audit", type=Path)
    print(json.dumps(measure(**vars(parser.parse_args())), indent=1))
