"""Every page in both themes and both sizes: pictures for people, and nothing sticks out."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from air_core import pipeline
from air_core.labels import Decision
from air_core.workspace import Workspace
from tests.e2e.conftest import Server, settled

SCREENSHOTS = Path(__file__).parent / "screenshots"
PAGES = {"": "overview"} | {
    name: name for name in ("explore", "review", "compare", "history", "export")
}


@pytest.fixture(scope="module")
def lived_in(sample_audit, tmp_path_factory):
    """The audited sample with some decisions."""
    folder = tmp_path_factory.mktemp("looks") / "fashion"
    shutil.copytree(sample_audit / "audit", folder)
    workspace = Workspace.open(folder)
    ranking = pipeline.rank(workspace, "air-margin")
    for number, row in enumerate(ranking.order[:24]):
        item, suggested = str(ranking.item_ids[row]), int(ranking.suggested_labels[row])
        action = ("relabel", "relabel", "keep", "relabel", "exclude", "unsure")[number % 6]
        label = workspace.dataset.class_names[suggested] if action == "relabel" else None
        workspace.decide([Decision(item, action, label)], reviewer="ana" if number % 2 else "béla")
    pipeline.project(workspace)
    workspace.close()
    server = Server(folder).start()
    yield server
    server.stop()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 768)])
def test_screenshots(browser, lived_in, scheme, width, height):
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    SCREENSHOTS.mkdir(exist_ok=True)
    for path, name in PAGES.items():
        page.goto(f"{lived_in.url}/{path}")
        settled(page)
        page.screenshot(path=SCREENSHOTS / f"{name}-{scheme}-{width}.png")
        assert page.locator("[data-testid=stException]").count() == 0, name
        overflow = page.evaluate(
            "() => { const main = document.querySelector('[data-testid=stMain]');"
            " return main.scrollWidth - main.clientWidth; }"
        )
        assert overflow <= 0, f"{name} scrolls sideways at {width}"
    context.close()
