"""The report in a browser: it loads nothing, runs nothing, and fits the window."""

from __future__ import annotations

from pathlib import Path

import pytest

from air_core import pipeline
from air_core.labels import Decision
from air_core.report import write_report
from air_core.workspace import Workspace
from tests.e2e.conftest import HOSTILE


@pytest.fixture
def report(audit: Path, tmp_path: Path) -> Path:
    """The report of an audit in which 40 images were judged, one of them as the hostile class."""
    workspace = Workspace.open(audit)
    ranking = pipeline.rank(workspace, "air-margin")
    rows = ranking.order[:40].tolist()
    items, classes = workspace.dataset.item_ids, workspace.dataset.class_names
    decisions = [
        Decision(str(items[row]), "relabel", label=classes[ranking.suggested_labels[row]])
        for row in rows[1:]
    ]
    workspace.decide(
        [Decision(str(items[rows[0]]), "relabel", label=HOSTILE, reason=HOSTILE), *decisions],
        reviewer=HOSTILE,
    )
    write_report(workspace, tmp_path / "report.html")
    workspace.close()
    return tmp_path / "report.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_loads_nothing_and_fits(browser, report, scheme):
    context = browser.new_context(viewport={"width": 1024, "height": 768}, color_scheme=scheme)
    page = context.new_page()
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(report.as_uri())
    assert [url for url in asked if not url.startswith("data:")] == [report.as_uri()]
    assert not said
    assert page.evaluate("window.wasRun") is None
    assert page.get_by_text(HOSTILE).count() > 2
    pictures = page.locator("figure img")
    assert pictures.count() == 24
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)")
    shade = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (shade == "rgb(255, 255, 255)") == (scheme == "light")
    for width in (1024, 390):
        page.set_viewport_size({"width": width, "height": 768})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
