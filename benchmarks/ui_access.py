"""What axe-core says of every page: can everybody use it?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.ui_browser import settled

PAGES = ("", "explore", "review", "compare", "history", "export")
GRAVE = ("serious", "critical")


def violations(browser: Any, url: str, *, scheme: str = "light") -> Iterator[dict[str, Any]]:
    """What breaks a rule of WCAG 2 A or AA, or a good practice, on each page.

    Parameters
    ----------
    browser : playwright Browser
    url : str
        Address of a running interface.
    scheme : {"light", "dark"}

    Yields
    ------
    dict
        ``page``, ``rule``, ``impact`` and ``elements``: a rule that one or more elements break.
    """
    from axe_playwright_python.sync_playwright import Axe

    axe = Axe()
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    for name in PAGES:
        page.goto(f"{url}/{name}")
        settled(page)
        for found in axe.run(page).response["violations"]:
            yield {
                "page": name or "overview",
                "scheme": scheme,
                "rule": found["id"],
                "impact": found["impact"],
                "elements": [node["html"][:160] for node in found["nodes"]],
            }
    context.close()
