"""The map in a browser: compute, move, point, lasso, filter, and hand the selection on."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from air_core import pipeline
from air_core.projection import MapSettings
from air_core.workspace import Workspace
from benchmarks import ui_workspace
from tests.e2e.conftest import HOSTILE, settled

expect = pytest.importorskip("playwright.sync_api").expect
STATUS = ".status"
# What takes a blink takes seconds where other work has the processors.
expect.set_options(timeout=20_000)


class Map:
    """The open map, with what is known of its points."""

    def __init__(self, page, server) -> None:
        self.page = page
        page.goto(f"{server.url}/explore")
        self.wait()
        workspace = Workspace.open(server.workspace)
        self.dataset = workspace.dataset
        self.ranking = pipeline.rank(workspace, "air-margin")
        self.xy = pipeline.load_projection(workspace)
        workspace.close()

    def wait(self) -> None:
        self.page.locator(".map[data-paint]").wait_for(timeout=60_000)
        settled(self.page)

    @property
    def box(self) -> dict[str, float]:
        return self.page.locator("canvas.over").bounding_box()

    @property
    def view(self) -> tuple[float, ...]:
        return tuple(map(float, self.page.locator(".map").get_attribute("data-view").split(",")))

    def at(self, row: int) -> tuple[float, float]:
        """Where on the screen an image lies."""
        k, tx, ty = self.view
        x, y = map(float, self.xy[row])
        return self.box["x"] + x * k + tx, self.box["y"] + ty - y * k

    def places(self) -> np.ndarray:
        """Where on the stage all images lie, as shares of its width and height."""
        k, tx, ty = self.view
        x, y = self.xy[:, 0] * k + tx, ty - self.xy[:, 1] * k
        return np.column_stack([x / self.box["width"], y / self.box["height"]])

    def within(self, low: tuple[float, float], high: tuple[float, float]) -> np.ndarray:
        return ((self.places() > low) & (self.places() < high)).all(axis=1)

    def draw(self, corners: list[tuple[float, float]], key: str | None = None) -> None:
        """Drag along corners given as shares of width and height, with a key held down."""
        if key:
            self.page.keyboard.down(key)
        for number, (x, y) in enumerate(corners):
            box = self.box
            self.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
            if not number:
                self.page.mouse.down()
        self.page.mouse.up()
        if key:
            self.page.keyboard.up(key)

    def lasso(self, radius: float = 0.3, key: str | None = None) -> None:
        turns = [step / 24 * 2 * math.pi for step in range(25)]
        self.draw([(0.5 + radius * math.cos(t), 0.5 + radius * math.sin(t)) for t in turns], key)

    def selects(self, count: int | None = None) -> int:
        status = self.page.locator(STATUS)
        wanted = re.compile(r"[\d,]+ selected" if count is None else rf" {count:,} selected")
        expect(status).to_have_text(re.compile(f".*{wanted.pattern}"))
        return int(re.search(r"([\d,]+) selected", status.inner_text()).group(1).replace(",", ""))


def test_the_map_is_computed_on_demand_can_be_cancelled_and_appears_by_itself(page, server):
    page.goto(f"{server.url}/explore")
    page.get_by_role("button", name="Compute the t-SNE map").click()
    expect(page.get_by_text("being computed")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("was cancelled")).to_be_visible()
    page.get_by_role("button", name="Compute the t-SNE map").click()
    page.locator(".map[data-paint]").wait_for(timeout=120_000)
    expect(page.locator(STATUS)).to_have_text("300 images")


def test_a_lasso_selects_what_it_encloses_and_the_review_shows_exactly_that(page, untouched):
    shown = Map(page, untouched)
    page.get_by_role("button", name="Lasso").click()
    shown.lasso()
    count = shown.selects()
    inside = ((shown.places() - 0.5) ** 2).sum(axis=1) < 0.3**2
    assert 0 < count < 300
    assert abs(count - int(inside.sum())) <= 6  # an ellipse of 24 corners
    flagged = page.get_by_role("heading", name=f"{count} selected")
    expect(flagged).to_be_visible()
    assert page.locator(".tile").count() == min(count, 120)
    page.get_by_role("button", name=f"Review these {count} images").click()
    expect(page.get_by_text("selected from the map")).to_be_visible()
    page.get_by_role("link", name="Explore").click()
    shown.wait()
    assert shown.selects() == count
    page.get_by_role("link", name="Review").click()
    page.get_by_role("button", name="Clear the selection").click()
    expect(page.get_by_text("selected from the map")).to_have_count(0)
    page.get_by_role("link", name="Explore").click()
    shown.wait()
    expect(page.locator(STATUS)).to_have_text("300 images")


def test_box_shift_and_alt_make_add_and_remove(page, untouched):
    shown = Map(page, untouched)
    page.get_by_role("button", name="Box").click()
    shown.draw([(0.02, 0.02), (0.5, 0.98)])
    left = shown.within((0.02, 0.02), (0.5, 0.98))
    shown.selects(int(left.sum()))
    shown.draw([(0.5, 0.02), (0.98, 0.5)], "Shift")
    more = left | shown.within((0.5, 0.02), (0.98, 0.5))
    shown.selects(int(more.sum()))
    shown.draw([(0.02, 0.5), (0.98, 0.98)], "Alt")
    shown.selects(int((more & ~shown.within((0.02, 0.5), (0.98, 0.98))).sum()))
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(page.locator(STATUS)).to_have_text("300 images")


def test_pointing_shows_the_image_as_text_and_a_press_selects_it(page, untouched):
    shown = Map(page, untouched)
    hostile = shown.dataset.class_names.index(HOSTILE)
    labels = shown.dataset.given_labels
    page.locator(".legend .entry", has_text=HOSTILE).first.click(modifiers=["Alt"])
    expect(page.locator(STATUS)).to_have_text(f"{int((labels == hostile).sum())} of 300 shown")
    # One that lies apart, so that it is surely the one nearest to the pointer.
    mine = np.flatnonzero(labels == hostile)
    apart = [np.sort(((shown.xy[mine] - shown.xy[row]) ** 2).sum(axis=1))[1] for row in mine]
    row = int(mine[np.argmax(apart)])
    page.mouse.move(*shown.at(row))
    tip = page.locator(".tip")
    expect(tip).to_be_visible()
    expect(tip.locator(".names")).to_contain_text(HOSTILE)
    expect(tip.locator(".facts")).to_contain_text(f"score {shown.ranking.scores[row]:.3f}")
    picture = tip.locator("img").element_handle()
    page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=picture)
    page.mouse.down()
    page.mouse.up()
    shown.selects(1)
    item = str(shown.dataset.item_ids[row])
    expect(page.locator(".tile")).to_have_attribute("data-id", item)
    assert page.evaluate("window.wasRun") is None


def test_dragging_moves_and_the_wheel_zooms_about_the_pointer(page, untouched):
    shown = Map(page, untouched)
    k, tx, ty = shown.view
    shown.draw([(0.5, 0.5), (0.6, 0.4)])
    page.wait_for_function(
        "([map, view]) => map.dataset.view !== view",
        arg=[page.locator(".map").element_handle(), f"{k},{tx},{ty}"],
    )
    moved = shown.view
    assert moved[0] == k
    assert moved[1] - tx == pytest.approx(0.1 * shown.box["width"], abs=2)
    assert moved[2] - ty == pytest.approx(-0.1 * shown.box["height"], abs=2)
    row = 7
    x, y = shown.at(row)
    page.mouse.move(x, y)
    page.mouse.wheel(0, -400)
    page.wait_for_timeout(400)
    assert shown.view[0] > 1.5 * k
    assert shown.at(row) == pytest.approx((x, y), abs=2)
    page.get_by_role("button", name="Fit").click()
    page.wait_for_timeout(300)
    assert shown.view == pytest.approx((k, tx, ty), abs=1e-6)


def test_a_hidden_class_is_neither_drawn_nor_selected(page, untouched):
    shown = Map(page, untouched)
    labels, flagged = shown.dataset.given_labels, shown.ranking.flagged
    entry = page.locator(".legend .entry", has_text=shown.dataset.class_names[0]).first
    entry.click()
    expect(entry).to_have_attribute("aria-pressed", "false")
    page.locator(".legend .entry", has_text="Not flagged").click()
    left = int((flagged & (labels != 0)).sum())
    expect(page.locator(STATUS)).to_have_text(f"{left} of 300 shown")
    page.get_by_role("button", name="Select shown").click()
    shown.selects(left)
    # Another colouring keeps the filter and says so.
    page.locator(".by select").select_option("decision")
    page.get_by_role("button", name="show all").click()
    expect(page.locator(STATUS)).to_contain_text("300 images")


def test_everything_can_be_done_with_the_keyboard(page, untouched):
    shown = Map(page, untouched)
    page.locator("canvas.over").focus()
    page.keyboard.press("a")
    shown.selects(300)
    page.keyboard.press("Escape")
    expect(page.locator(STATUS)).to_have_text("300 images")
    # Zoomed in and moved so that an image lies in the middle: its tip is there, Enter selects it.
    for _ in range(5):
        page.keyboard.press("+")
    for _ in range(60):
        if page.locator(".tip").is_visible():
            break
        middle = shown.box["x"] + shown.box["width"] / 2, shown.box["y"] + shown.box["height"] / 2
        away = np.array([shown.at(row) for row in range(300)]) - middle
        dx, dy = away[np.argmin((away**2).sum(axis=1))]
        across = "ArrowRight" if dx > 0 else "ArrowLeft"
        page.keyboard.press(across if abs(dx) > abs(dy) else "ArrowDown" if dy > 0 else "ArrowUp")
        page.wait_for_timeout(120)
    expect(page.locator(".tip")).to_be_visible()
    expect(page.locator(".map .spoken")).to_contain_text("score")
    page.keyboard.press("Enter")
    shown.selects(1)
    page.keyboard.press("Shift+A")
    assert 1 <= shown.selects() < 300
    page.keyboard.press("s")
    shown.selects(300)
    # Streamlit keeps C and R for itself; on the map they do nothing.
    page.keyboard.press("c")
    page.keyboard.press("r")
    expect(page.get_by_role("dialog")).to_have_count(0)
    # The legend is one stop a group; arrows move in it, O shows one class only.
    first = page.locator(".legend .group").last.locator(".entry").first
    first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("o")
    one = int((shown.dataset.given_labels == 1).sum())
    expect(page.locator(STATUS)).to_contain_text(f"{one} of 300 shown")


def test_every_colouring_has_its_legend(page, untouched):
    shown = Map(page, untouched)
    select = page.locator(".by select")
    values = select.locator("option").evaluate_all("all => all.map(option => option.value)")
    assert values == ["given", "suggested", "score", "decision", "detectors", "apart"]
    for value in values:
        select.select_option(value)
        counts = page.locator(".legend .group").last.locator(".count").all_inner_texts()
        assert sum(int(count.replace(",", "")) for count in counts) == 300, value
    expect(page.locator(".legend .ramp")).to_be_visible()
    assert shown.view == shown.view


def test_many_classes_can_be_searched_and_maps_chosen(page, start, tmp_path):
    audit = ui_workspace.make(tmp_path, 600, classes=60, p=48, projections=True)
    shown = Map(page, start(audit))
    rows = page.locator(".legend .group").last.locator(".row:visible")
    assert rows.count() == 60
    page.get_by_role("searchbox", name="Find in Given label").fill("017")
    expect(rows).to_have_count(1)
    rows.locator(".entry").click(modifiers=["Alt"])
    one = int((shown.dataset.given_labels == 17).sum())
    expect(page.locator(STATUS)).to_have_text(f"{one} of 600 shown")
    before = page.locator(".map").get_attribute("data-view")
    page.get_by_role("combobox", name="Map").click()
    page.get_by_role("option", name=MapSettings("umap").title).click()
    page.wait_for_function(
        "([map, view]) => map.dataset.view !== view",
        arg=[page.locator(".map").element_handle(), before],
    )
    expect(page.locator(STATUS)).to_have_text(f"{one} of 600 shown")
