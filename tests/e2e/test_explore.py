"""The map in a browser: compute it, colour, filter, lasso, hand the selection to the review."""

from __future__ import annotations

import math
import re

import pytest

from air_core.workspace import Workspace
from tests.e2e.conftest import HOSTILE

expect = pytest.importorskip("playwright.sync_api").expect
STATUS = ".status"


def open_map(page, server) -> dict[str, float]:
    """Go to the map, wait until it is painted and return where its canvas lies."""
    page.goto(f"{server.url}/explore")
    page.locator(".map[data-paint]").wait_for(timeout=60_000)
    expect(page.locator(STATUS)).to_have_text("300 images")
    return page.locator("canvas.over").bounding_box()


def lasso(page, box, radius=0.25) -> None:
    """Shift-drag an ellipse round the middle of the map."""
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.keyboard.down("Shift")
    page.mouse.move(x + radius * box["width"], y)
    page.mouse.down()
    for step in range(1, 25):
        angle = step / 24 * 2 * math.pi
        page.mouse.move(
            x + radius * box["width"] * math.cos(angle),
            y + radius * box["height"] * math.sin(angle),
        )
    page.mouse.up()
    page.keyboard.up("Shift")


def selected(page) -> int:
    status = page.locator(STATUS)
    expect(status).to_contain_text("selected")
    return int(re.search(r"([\d,]+) selected", status.inner_text()).group(1).replace(",", ""))


def test_the_map_is_computed_on_demand_and_appears_by_itself(page, server):
    page.goto(f"{server.url}/explore")
    page.get_by_role("button", name="Compute the UMAP map").click()
    expect(page.get_by_text("The UMAP map is being computed")).to_be_visible()
    page.locator(".map[data-paint]").wait_for(timeout=240_000)
    expect(page.locator(STATUS)).to_have_text("300 images")


def test_a_lasso_selects_what_it_encloses_and_the_review_shows_exactly_that(page, untouched):
    lasso(page, open_map(page, untouched))
    count = selected(page)
    assert 0 < count < 300
    expect(page.get_by_role("heading", name=f"{count} selected")).to_be_visible()
    assert page.locator(".tile").count() == min(count, 240)
    page.get_by_role("button", name=f"Review these {count} images").click()
    expect(page.get_by_text(f"Showing the {count} selected from the map")).to_be_visible()


def test_a_hidden_class_is_neither_drawn_nor_selected(page, untouched):
    open_map(page, untouched)
    dataset = Workspace.open(untouched.workspace).dataset
    hidden = int((dataset.given_labels == 0).sum())
    entry = page.locator(".legend button", has_text=dataset.class_names[0]).first
    entry.click()
    expect(entry).to_have_attribute("aria-pressed", "false")
    expect(page.locator(STATUS)).to_have_text(f"{300 - hidden} of 300 shown")
    page.get_by_role("button", name="Select in view").click()
    assert selected(page) == 300 - hidden


def test_everything_can_be_done_with_the_keyboard(page, untouched):
    open_map(page, untouched)
    page.locator("canvas.over").focus()
    page.keyboard.press("a")
    assert selected(page) == 300
    page.keyboard.press("Escape")
    expect(page.locator(STATUS)).to_have_text("300 images")
    # Which images a closer view holds depends on the map; some step leaves out some of them.
    for _ in range(4):
        page.keyboard.press("+")
        page.keyboard.press("a")
        if (some := selected(page)) < 300:
            break
    assert 0 < some < 300
    # Streamlit keeps C and R for itself; on the map they do nothing.
    page.keyboard.press("c")
    page.keyboard.press("r")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_pointing_at_an_image_shows_it_with_its_labels_as_text(page, untouched):
    box = open_map(page, untouched)
    expect(page.locator(".legend")).to_contain_text(HOSTILE)
    page.locator(".legend button", has_text=HOSTILE).first.click(modifiers=["Alt"])
    tip = page.locator(".tip")
    for step in range(60 * 40):
        page.mouse.move(
            box["x"] + box["width"] * (0.02 + 0.96 * (step % 60) / 60),
            box["y"] + box["height"] * (0.02 + 0.96 * (step // 60) / 40),
        )
        if tip.evaluate("tip => tip.classList.contains('on')"):
            break
    expect(tip.locator(".names")).to_contain_text(HOSTILE)
    picture = tip.locator("img").element_handle()
    page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=picture)
    assert page.evaluate("window.wasRun") is None


def test_colours_and_selection_survive_a_change_of_page(page, untouched):
    lasso(page, open_map(page, untouched))
    count = selected(page)
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_role("heading", name="Compare")).to_be_visible()
    page.get_by_role("link", name="Explore").click()
    assert selected(page) == count
    for name in ("suggested", "decision", "score"):
        page.locator(".by select").select_option(name)
        expect(page.locator(".map[data-paint]")).to_be_visible()
