"""Looking, selecting and deciding in bulk: keyboard, rubber band, large picture, filters."""

from __future__ import annotations

import time

import pytest

from air_core.labels import Decision
from air_core.workspace import Workspace
from tests.e2e.conftest import settled, stored
from tests.e2e.reviewing import choose, expect_saved, open_review, press

expect = pytest.importorskip("playwright.sync_api").expect


def selected(page) -> list[str]:
    """Item ids that are selected, in the order shown."""
    return page.locator(".tile[aria-selected='true']").evaluate_all(
        "tiles => tiles.map(tile => tile.dataset.id)"
    )


def shown_now(page) -> list[str]:
    return page.locator(".tile").evaluate_all("tiles => tiles.map(tile => tile.dataset.id)")


def test_bulk_relabel_names_the_count_before_it_happens(page, server, audit):
    shown = open_review(page, server)
    press(page, ["Shift+ArrowRight"] * 3)
    page.locator(".tile").nth(6).click(modifiers=["Control"])
    expect(page.locator(".count")).to_have_text(f"5 of {len(shown)} selected")
    expect(page.get_by_role("button", name="Exclude 5")).to_be_visible()
    page.keyboard.press("l")
    expect(page.locator(".picker .title")).to_have_text("Relabel 5 images as …")
    page.keyboard.type("coa")
    expect(page.locator(".picker .what")).to_have_text("Enter: relabel 5 images as Coat")
    page.keyboard.press("Enter")
    events = stored(audit, 5)
    assert {event.item_id for event in events} == {*shown[:4], shown[6]}
    assert {event.new_label for event in events} == {"Coat"}
    assert len({event.batch_id for event in events}) == 1

    page.keyboard.press("u")
    assert [event.action for event in stored(audit, 10)[5:]] == ["undo"] * 5
    page.keyboard.press("Shift+U")
    stored(audit, 15)
    assert len(Workspace.open(audit).reviewed()) == 5

    # A key that decides about many asks first, and says what becomes of them.
    page.keyboard.press("Control+a")
    page.keyboard.press("x")
    asked = page.get_by_role("dialog", name="Decide on many images")
    expect(asked).to_contain_text(f"Exclude {len(shown)} images?")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    expect(asked).to_contain_text(f"Accept {len(shown)} suggestions?")
    expect(asked).to_contain_text("→ Dress")
    assert len(stored(audit, 15)) == 15, "nothing has happened yet"
    page.keyboard.press("Enter")
    assert len(stored(audit, 15 + len(shown))) == 15 + len(shown)
    expect_saved(page)


def test_another_reviewers_newer_decision_is_shown_and_chosen(page, server, audit):
    shown = open_review(page, server)
    workspace = Workspace.open(audit)
    theirs = [Decision(item, "relabel", "Coat") for item in shown[:3]]
    workspace.decide(theirs, reviewer="béla")
    workspace.close()
    press(page, ["k", "x", "n", "k"])  # this page still shows all of them as undecided
    events = stored(audit, 4)
    assert [(event.item_id, event.action) for event in events[3:]] == [(shown[3], "keep")]
    bar = page.locator(".conflicts")
    expect(bar).to_contain_text("béla changed 3 images while you decided on them.")
    expect(page.locator(".tile .badge").first).to_have_text("⚠ béla: → Coat")
    expect_saved(page)

    # It outlives a reload, and is decided image by image or for all.
    page.reload()
    page.locator(".tile").first.click()
    expect(bar).to_contain_text("Changed by béla meanwhile: → Coat. You: kept.")
    page.get_by_role("button", name="Accept theirs").click()
    expect(page.locator(".tile .badge").first).to_have_text("→ Coat")
    page.locator(".tile").nth(8).click()
    page.get_by_role("button", name="Overwrite with mine (2)").click()
    events = stored(audit, 6)
    assert [(e.item_id, e.action, e.old_label) for e in events[4:]] == [
        (shown[1], "exclude", "Coat"),
        (shown[2], "unsure", "Coat"),
    ]
    expect(bar).to_be_hidden()
    assert len(stored(audit, 6)) == 6, "accepting theirs stores nothing"


def test_selection_zoom_help_and_focus_by_keyboard(page, untouched):
    shown = open_review(page, untouched)
    focused = page.locator(".tile[tabindex='0']")
    expect(focused).to_have_count(1)
    press(page, ["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"])
    expect(focused).to_have_attribute("data-id", shown[0])
    press(page, ["End"])
    expect(focused).to_have_attribute("data-id", shown[-1])
    press(page, ["Home", "Control+a"])
    assert selected(page) == shown
    press(page, ["Escape"])
    assert selected(page) == []
    press(page, [" "])
    expect(page.get_by_role("dialog", name="Large picture")).to_be_visible()
    expect(page.locator(".zoom dl")).to_contain_text("images/")
    press(page, ["ArrowRight"])
    expect(page.locator(".zoom .title")).to_have_text(f"Image 2 of {len(shown)}")
    page.get_by_role("button", name="Next image").click()
    expect(page.locator(".zoom .title")).to_have_text(f"Image 3 of {len(shown)}")
    press(page, ["Escape", "?"])
    sheet = page.get_by_role("dialog", name="Keyboard help")
    expect(sheet).to_contain_text("accept the suggested label")
    expect(sheet).to_contain_text("Ankle boot")
    press(page, ["Escape"])
    expect(focused).to_be_focused()


def test_a_range_is_selected_with_shift_and_click(page, untouched):
    shown = open_review(page, untouched)
    page.locator(".tile").nth(2).click()
    page.locator(".tile").nth(9).click(modifiers=["Shift"])
    assert selected(page) == shown[2:10]
    page.locator(".tile").nth(5).click(modifiers=["Shift"])
    assert selected(page) == shown[2:6], "the range begins where it began"
    page.locator(".tile").nth(20).click(modifiers=["Control"])
    assert selected(page) == [*shown[2:6], shown[20]]


def test_a_rubber_band_selects_what_it_touches(page, untouched):
    shown = open_review(page, untouched)
    columns = page.locator(".tiles").evaluate(
        "list => getComputedStyle(list).gridTemplateColumns.split(' ').length"
    )

    def boxes(*numbers: int) -> list[dict[str, float]]:
        # What was never in view only guesses its height.
        for number in numbers:
            page.locator(".tile").nth(number).scroll_into_view_if_needed()
        settled(page)
        return [page.locator(".tile").nth(number).bounding_box() for number in numbers]

    def drag(first: int, last: int, keys=()) -> None:
        begin, end = boxes(first, last)
        for key in keys:
            page.keyboard.down(key)
        page.mouse.move(begin["x"] + 30, begin["y"] + 30)
        page.mouse.down()
        page.mouse.move(end["x"] + 40, end["y"] + 20, steps=6)
        page.mouse.up()
        for key in keys:
            page.keyboard.up(key)

    drag(1, columns + 3)
    touched = [*shown[1:4], *shown[columns + 1 : columns + 4]]
    assert selected(page) == touched
    expect(page.locator(".count")).to_have_text(f"6 of {len(shown)} selected")
    drag(2 * columns, 2 * columns + 1, keys=["Control"])
    assert selected(page) == sorted(
        [*touched, *shown[2 * columns : 2 * columns + 2]], key=shown.index
    )
    # A click with an unsteady hand is a click.
    (box,) = boxes(2)
    page.mouse.move(box["x"] + 30, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 33, box["y"] + 31)
    page.mouse.up()
    assert selected(page) == [shown[2]]
    # At the edge the list scrolls, and takes along what comes into view.
    (box,), edge = boxes(0), page.locator(".tiles").bounding_box()
    page.mouse.move(box["x"] + 30, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, edge["y"] + edge["height"] + 60, steps=5)
    page.wait_for_function("() => document.activeElement", timeout=1000)
    time.sleep(1)
    page.mouse.up()
    assert len(selected(page)) > 6
    assert page.locator(".tiles").evaluate("list => list.scrollTop") > 200


def test_the_picture_grows_where_the_pointer_rests(page, untouched):
    open_review(page, untouched)
    card = page.locator(".preview")
    page.locator(".tile").nth(4).hover()
    expect(card).to_be_visible()
    expect(card).to_contain_text("images/")
    page.mouse.move(5, 5)
    expect(card).to_be_hidden()
    page.get_by_role("button", name="Large picture where the pointer rests").click()
    page.locator(".tile").nth(5).hover()
    page.wait_for_timeout(800)
    expect(card).to_be_hidden()


def test_other_components_hear_which_image_has_the_focus(page, untouched):
    shown = open_review(page, untouched)
    page.evaluate(
        "document.addEventListener('air-audit:focus', event => (window.heard = event.detail))"
    )
    press(page, ["ArrowRight"])
    dataset = Workspace.open(untouched.workspace).dataset
    wanted = {"grid": "review-grid", "id": dataset.row_of(shown[1]), "item": shown[1]}
    assert page.evaluate("window.heard") == wanted
    assert page.evaluate("window.airAuditFocus") == wanted
    page.get_by_role("link", name="History").click()
    page.wait_for_function("() => window.airAuditFocus.id === null")


def test_keys_of_the_grid_do_not_reach_streamlit(page, untouched):
    open_review(page, untouched)
    press(page, ["c", "r"])
    time.sleep(0.5)
    expect(page.get_by_text("Clear caches")).to_have_count(0)
    expect(page.locator("[data-testid=stStatusWidget]")).to_have_count(0)


def test_pages_are_turned_by_key_and_the_end_of_one_is_told(page, server, audit):
    open_review(page, server)
    choose(page, "Show", "All images")
    choose(page, "Images a page", "60 a page")
    page.locator(".tile").first.click()
    first = shown_now(page)
    assert len(first) == 60
    expect(page.locator(".end")).to_be_hidden()
    press(page, ["End", "k"])
    expect(page.get_by_text("That was the last image of this page.")).to_be_visible()
    page.get_by_role("button", name="Next page ]").click()
    expect(page.get_by_text("61 to 120 of 300")).to_be_visible()
    expect(page.locator(".tile").first).to_be_focused()
    assert not set(shown_now(page)) & set(first)
    press(page, ["[", "["])
    expect(page.get_by_text("1 to 60 of 300")).to_be_visible()
    expect_saved(page)


def test_what_an_undo_brings_back_into_a_filtered_list_gets_the_focus(page, server, audit):
    shown = open_review(page, server)
    page.get_by_role("button", name="Filters").click()
    choose(page, "Decision", "Not reviewed")
    page.keyboard.press("Escape")
    page.locator(".tile").nth(1).click()
    press(page, ["k", "x"])
    expect(page.locator(".tile")).to_have_count(len(shown) - 2)
    expect(page.locator(".tile").nth(1)).to_be_focused()
    assert shown_now(page)[:2] == [shown[0], shown[3]]
    press(page, ["u"])
    expect(page.locator(".tile")).to_have_count(len(shown) - 1)
    expect(page.locator(f".tile[data-id='{shown[2]}']")).to_be_focused()


def test_filters_and_orders(page, server, audit):
    shown = open_review(page, server)
    press(page, ["k", "x"])
    expect_saved(page)
    choose(page, "Given class", "Coat")
    coats = shown_now(page)
    assert 0 < len(coats) < len(shown)
    assert set(page.locator(".tile .given").all_inner_texts()) == {"Coat"}
    choose(page, "Order", "Best first")
    assert shown_now(page) == coats[::-1]
    choose(page, "Given class", "All classes")
    choose(page, "Order", "Worst first")
    page.get_by_role("button", name="Filters").click()
    choose(page, "Decision", "Kept")
    expect(page.locator(".tile")).to_have_count(1)
    expect(page.get_by_role("button", name="Filters · 1")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_label("Search").fill("no such file")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No image passes these filters.")).to_be_visible()
    page.get_by_role("button", name="Clear all filters").last.click()
    settled(page)
    assert shown_now(page) == shown
    page.get_by_label("Search").fill("DRES")
    page.keyboard.press("Enter")
    settled(page)
    labels = page.locator(".tile").evaluate_all(
        "tiles => tiles.map(tile => tile.getAttribute('aria-label'))"
    )
    assert labels
    assert all("Dress" in label for label in labels)
