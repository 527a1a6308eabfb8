"""Why is this flagged? The panel follows the focus, explains, and never blocks the keyboard."""

from __future__ import annotations

import re

import pytest

from air_core import pipeline
from air_core.workspace import Workspace
from tests.e2e.conftest import HOSTILE

expect = pytest.importorskip("playwright.sync_api").expect
PANEL = ".air-why"
LOADED = "image => !image.hidden && image.naturalWidth > 0"


def open_review(page, server) -> list[str]:
    page.goto(f"{server.url}/review")
    page.locator(".tile").first.click()
    return page.locator(".tile").evaluate_all("tiles => tiles.map(tile => tile.dataset.id)")


def expect_about(page, item) -> None:
    expect(page.locator(PANEL)).to_have_attribute("data-item", item)
    expect(page.locator(PANEL)).to_have_attribute("data-busy", "no")


def wait_for_heat(page) -> str:
    """Wait until regions are laid over the image; return their address."""
    heat = page.locator(f"{PANEL} .heat")
    expect(heat).to_be_visible()
    page.wait_for_function(LOADED, arg=heat.element_handle())
    return heat.get_attribute("src")


def test_it_follows_the_keyboard_with_both_classes_and_their_regions(page, untouched):
    shown = open_review(page, untouched)
    ranking = pipeline.rank((workspace := Workspace.open(untouched.workspace)), "air-margin")
    names = workspace.dataset.class_names
    panel = page.locator(PANEL)
    for step in range(2):
        expect_about(page, shown[step])
        row = workspace.dataset.row_of(shown[step])
        given = names[ranking.given_labels[row]]
        suggested = names[ranking.suggested_labels[row]]
        expect(panel.locator(".said")).to_contain_text(f"Labelled {given}.")
        expect(panel.locator(".said")).to_contain_text(f"the model would say {suggested} with")
        radios = panel.get_by_role("radio")
        expect(radios).to_have_text([f"given{given}", f"suggested{suggested}", "No regions"])
        of_suggested = wait_for_heat(page)
        expect(panel.locator(".legend")).to_contain_text(f"speaks for {suggested}")
        page.keyboard.press("ArrowRight")
    expect_about(page, shown[2])
    panel.get_by_role("radio", checked=True).focus()
    page.keyboard.press("ArrowLeft")
    expect(panel.locator(".legend")).to_contain_text("speaks for")
    assert wait_for_heat(page) != of_suggested
    expect(panel.locator(".classes button[aria-pressed=true]")).to_have_attribute(
        "data-role", re.compile("given|both")
    )
    page.keyboard.press("ArrowLeft")
    expect(panel.locator(".heat")).to_be_hidden()


def test_held_arrow_keys_cost_few_questions_and_end_at_the_right_image(page, untouched):
    shown = open_review(page, untouched)
    expect_about(page, shown[0])
    asked = []
    page.on(
        "request", lambda request: asked.append(request.url) if "/air/why/" in request.url else 0
    )
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    expect_about(page, shown[20])
    assert len(asked) <= 6
    assert f"/air/why/{shown[20]}" in asked[-1]


def test_evidence_in_words_for_those_who_do_not_see_it(page, untouched):
    shown = open_review(page, untouched)
    expect_about(page, shown[0])
    panel = page.get_by_role("region", name="Why is this flagged?")
    expect(
        panel.get_by_role("img", name=re.compile(r"^Activation: .* at epoch 1, .*Median"))
    ).to_be_visible()
    rows = panel.get_by_role("row")
    fitted = [name for name in pipeline.DETECTORS if not name.startswith("refined")]
    expect(rows).to_have_count(1 + len(fitted))
    expect(panel.locator("tr[aria-current]")).to_contain_text("AIR margin")
    first = panel.locator(".near button").nth(1)
    expect(first).to_have_attribute("aria-label", re.compile(r"^Neighbour 1, .*alike, open large$"))


def test_a_neighbour_opens_large_beside_the_image(page, untouched):
    shown = open_review(page, untouched)
    expect_about(page, shown[0])
    page.locator(f"{PANEL} .near li button").first.click()
    dialog = page.get_by_role("dialog", name="Compare with a neighbour")
    expect(dialog.locator(".other b")).to_contain_text("Neighbour 1:")
    page.wait_for_function(LOADED, arg=dialog.locator(".other img").element_handle())
    page.keyboard.press("ArrowRight")
    expect(dialog.locator(".other b")).to_contain_text("Neighbour 2:")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.locator(f"{PANEL} .near li button").nth(1)).to_be_focused()


def test_an_image_and_its_neighbours_can_be_reviewed_together(page, untouched):
    shown = open_review(page, untouched)
    expect_about(page, shown[0])
    page.get_by_role("button", name="Review these").click()
    expect(page.get_by_text("selected from an image and its neighbours")).to_be_visible()
    expect(page.locator(".tile")).to_have_count(11)
    page.get_by_role("button", name="Clear the selection").click()
    expect(page.locator(".tile")).to_have_count(len(shown))


def test_it_folds_away_and_stays_so(page, untouched):
    shown = open_review(page, untouched)
    expect_about(page, shown[0])
    page.get_by_role("button", name="Fold this panel away").click()
    expect(page.locator(f"{PANEL} .body")).to_be_hidden()
    page.reload()
    page.locator(".tile").first.wait_for()
    unfold = page.get_by_role("button", name="Show why an image is flagged")
    expect(unfold).to_be_visible()
    expect(page.locator(f"{PANEL} .body")).to_be_hidden()
    narrow = page.locator(PANEL).element_handle()
    page.wait_for_function("panel => panel.getBoundingClientRect().width < 60", arg=narrow)
    unfold.click()
    expect_about(page, shown[0])


def test_without_an_answer_it_says_so_and_asks_again(page, untouched):
    page.route("**/air/why/**", lambda route: route.abort())
    shown = open_review(page, untouched)
    expect(page.locator(PANEL).get_by_role("alert")).to_contain_text(
        "The server cannot be reached."
    )
    page.unroute("**/air/why/**")
    page.get_by_role("button", name="Try again").click()
    expect_about(page, shown[0])


def test_names_from_files_are_text(page, untouched):
    workspace = Workspace.open(untouched.workspace)
    ranking = pipeline.rank(workspace, "air-margin")
    hostile = workspace.dataset.class_names.index(HOSTILE)
    shown = open_review(page, untouched)
    at = next(
        i
        for i, item in enumerate(shown)
        if hostile
        in (
            ranking.given_labels[workspace.dataset.row_of(item)],
            ranking.suggested_labels[workspace.dataset.row_of(item)],
        )
    )
    page.locator(".tile").nth(at).click()
    expect_about(page, shown[at])
    expect(page.locator(f"{PANEL} .said")).to_contain_text(HOSTILE)
    wait_for_heat(page)
    assert page.evaluate("window.wasRun") is None
