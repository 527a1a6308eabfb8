"""The main job in a browser: see, decide, undo, export; and nothing is ever lost."""

from __future__ import annotations

import csv
import re
import sqlite3
import time
from pathlib import Path

import pytest

from air_core import pipeline
from air_core.labels import Decision
from air_core.workspace import Workspace
from tests.e2e.conftest import HOSTILE, settled, stored
from tests.e2e.reviewing import burst, expect_saved, open_review, press
from tests.e2e.slow_line import SlowLine

expect = pytest.importorskip("playwright.sync_api").expect


def test_a_deep_link_shows_frame_page_and_ranked_images(page, untouched):
    shown = open_review(page, untouched)
    expect(page.get_by_role("link", name="Explore")).to_be_visible()
    expect(page.get_by_role("heading", name="Review")).to_be_visible()
    expect(page.get_by_text("300 images · 10 classes")).to_be_visible()
    workspace = Workspace.open(untouched.workspace)
    ranking = pipeline.rank(workspace, "air-margin")
    flagged = ranking.order[ranking.flagged[ranking.order]]
    assert shown == workspace.dataset.item_ids[flagged].tolist()[:120]
    first = page.locator(".tile img").first
    page.wait_for_function("image => image.naturalWidth > 0", arg=first.element_handle())
    label = page.locator(".tile").first.get_attribute("aria-label")
    assert label.startswith(f"Image 1 of {len(shown)}, given ")
    assert "suggested" in label


def test_a_deep_link_without_a_workspace_shows_frame_and_commands(page, start):
    page.goto(f"{start(None).url}/review")
    expect(page.get_by_role("link", name="Explore")).to_be_visible()
    expect(page.get_by_text("No workspace is open").first).to_be_visible()
    expect(page.get_by_text("air-audit demo")).to_be_visible()


def test_a_burst_of_20_keys_is_20_decisions_and_the_export_has_exactly_those(
    page, server, audit, sample_audit
):
    shown = open_review(page, server)
    keys = ["Enter", "k", "x", "n", "3"] * 4
    suggested = page.locator(".tile .suggested").all_inner_texts()
    press(page, keys)
    events = stored(audit, 20)
    assert [event.item_id for event in events] == shown[:20]
    actions = ["relabel", "keep", "exclude", "unsure", "relabel"] * 4
    assert [event.action for event in events] == actions
    names = Workspace.open(audit).dataset.class_names
    for number, event in enumerate(events):
        if keys[number] == "Enter":
            assert f"→ {event.new_label}" == suggested[number]
        if keys[number] == "3":
            assert event.new_label == names[2]
        assert (event.detector, event.lambda_g is not None) == ("air-margin", True)
    expect_saved(page)
    expect(page.get_by_text("Reviewed 20 of")).to_be_visible()

    page.keyboard.press("u")
    undo = stored(audit, 21)[-1]
    assert (undo.action, undo.undoes) == ("undo", events[-1].event_id)
    expect(page.get_by_text("Reviewed 19 of")).to_be_visible()
    expect(page.locator(f".tile[data-id='{events[-1].item_id}'] .badge")).to_be_hidden()

    page.get_by_role("link", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the labels").click()
    with Path(download.value.path()).open(newline="", encoding="utf-8") as file:
        cleaned = dict(csv.reader(file))
    with (sample_audit / "labels.csv").open(newline="", encoding="utf-8") as file:
        wanted = dict(csv.reader(file))
    dataset = Workspace.open(audit).dataset
    for event in events[:-1]:
        path = dataset.paths[dataset.row_of(event.item_id)]
        if event.action == "relabel":
            wanted[path] = event.new_label
        elif event.action == "exclude":
            del wanted[path]
    assert cleaned == wanted


def test_reloading_amid_a_burst_loses_nothing(page, server, audit):
    shown = open_review(page, server)
    # Another program holds the log, so that nothing can be stored for now.
    lock = sqlite3.connect(audit / "labels.sqlite", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    press(page, ["k"] * 8)
    expect(page.locator(".unsaved")).to_have_text("unsaved: 8")
    page.reload()
    lock.execute("ROLLBACK")
    lock.close()
    events = stored(audit, 8)
    assert [event.item_id for event in events] == shown[:8]
    page.locator(".tile").first.wait_for()
    expect_saved(page)
    time.sleep(1)
    assert len(stored(audit, 8)) == 8, "sent twice, stored once"
    expect(page.locator(".tile .badge:not([hidden])")).to_have_count(8)


def waiting(page) -> int:
    """How many queues of decisions the browser still holds."""
    return page.evaluate(
        "Object.keys(sessionStorage).filter(key => key.endsWith(':review-grid')).length"
    )


def asks_before_leaving(page) -> bool:
    return page.evaluate(
        """() => {
            const leave = new Event("beforeunload", { cancelable: true });
            window.dispatchEvent(leave);
            return leave.defaultPrevented;
        }"""
    )


@pytest.mark.parametrize("wait", [0, 100])
def test_leaving_the_page_amid_a_burst_loses_nothing(page, server, audit, wait):
    shown = open_review(page, server)
    suggested = page.locator(".tile .suggested").all_inner_texts()
    settled(page)
    burst(page, ["k"] * 5)
    page.wait_for_timeout(wait)
    page.get_by_role("link", name="History").click()
    events = stored(audit, 5)
    assert [event.item_id for event in events] == shown[:5]
    fit = pipeline.latest_fit(Workspace.open(audit), "air")
    ranking = pipeline.rank(Workspace.open(audit), "air-margin")
    scores = dict(zip(ranking.item_ids.tolist(), ranking.scores.tolist(), strict=True))
    for event, words in zip(events, suggested, strict=False):
        assert (event.detector, event.run_id) == ("air-margin", fit.run_id)
        assert event.lambda_g == fit.lambda_g
        assert event.score == pytest.approx(scores[event.item_id])
        assert f"→ {event.suggested_label}" == words
    expect(page.get_by_text("5 decisions in force")).to_be_visible()
    expect(page.locator(".air-outbox")).to_be_empty()
    assert (waiting(page), asks_before_leaving(page)) == (0, False)
    page.get_by_role("link", name="Review").click()
    expect(page.locator(".tile .badge:not([hidden])")).to_have_count(5)
    press(page, ["x"])
    assert stored(audit, 6)[-1].action == "exclude", "the queue goes on in the next grid"
    expect_saved(page)


def test_what_cannot_be_stored_is_shown_on_every_page_and_guarded(page, server, audit):
    shown = open_review(page, server)
    settled(page)
    log = sqlite3.connect(audit / "labels.sqlite", isolation_level=None)
    log.execute(
        "CREATE TRIGGER full BEFORE INSERT ON operations "
        "BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
    )
    press(page, ["k"] * 3)
    expect(page.get_by_text("the disk is full").first).to_be_visible()
    page.get_by_role("link", name="Export").click()
    expect(page.locator(".air-outbox")).to_have_text("unsaved: 3")
    expect(page.get_by_text("the disk is full").first).to_be_visible()
    assert (waiting(page), asks_before_leaving(page)) == (1, True)
    log.execute("DROP TRIGGER full")
    log.close()
    assert [event.item_id for event in stored(audit, 3)] == shown[:3]
    expect(page.locator(".air-outbox")).to_be_empty()
    expect(page.get_by_text("the disk is full")).to_have_count(0)
    assert (waiting(page), asks_before_leaving(page)) == (0, False)


def test_decisions_are_signed_by_who_made_them_also_after_a_restart(page, server, audit):
    open_review(page, server)
    page.locator("[data-testid=stPopover] button").first.click()
    page.get_by_label("Decisions are signed with").fill("béla")
    page.keyboard.press("Enter")
    expect(page.locator("[data-testid=stPopover] button").first).to_contain_text("béla")
    page.keyboard.press("Escape")
    page.locator(".tile").first.click()
    settled(page)  # nothing runs, so that Streamlit has no reason to draw the page anew by itself
    server.stop()
    press(page, ["k"] * 2)
    expect(page.locator(".unsaved")).to_have_text("unsaved: 2")
    server.start()
    assert [event.reviewer for event in stored(audit, 2, seconds=60)] == ["béla"] * 2


def test_a_server_that_is_killed_and_restarted_gets_what_was_decided_meanwhile(page, server, audit):
    shown = open_review(page, server)
    press(page, ["k"] * 5)
    stored(audit, 5)
    server.stop()
    press(page, ["x"] * 5)
    # Of the first five, some may be stored without the browser having heard of it.
    expect(page.locator(".unsaved")).to_have_text(re.compile(r"unsaved: ([5-9]|10)"))
    server.start()
    events = stored(audit, 10, seconds=60)
    assert [event.item_id for event in events] == shown[:10]
    assert [event.action for event in events] == ["keep"] * 5 + ["exclude"] * 5


def test_20_keys_in_a_second_with_a_restart_amid_them_and_a_reload(page, server, audit):
    shown = open_review(page, server)
    settled(page)
    burst(page, ["k"] * 10)
    server.stop()
    burst(page, ["x"] * 10)
    server.start()
    page.reload()
    events = stored(audit, 20, seconds=60)
    assert [event.item_id for event in events] == shown[:20]
    assert [event.action for event in events] == ["keep"] * 10 + ["exclude"] * 10
    page.locator(".tile").first.wait_for()
    expect_saved(page)
    expect(page.get_by_text("Reviewed 20 of")).to_be_visible()


def test_a_slow_line_that_breaks_loses_nothing(page, server, audit):
    line = SlowLine(server.port)
    try:
        shown = open_review(page, line)
        settled(page)
        line.delay = 0.4
        burst(page, ["k"] * 10)
        expect(page.locator(".unsaved")).to_have_text("unsaved: 10")
        page.wait_for_timeout(300)
        line.cut()
        burst(page, ["x"] * 10)
        assert page.locator(".tile .badge:not([hidden])").count() == 20, "shown at once"
        events = stored(audit, 20, seconds=60)
        assert [event.item_id for event in events] == shown[:20]
        assert [event.action for event in events] == ["keep"] * 10 + ["exclude"] * 10
        expect_saved(page)
    finally:
        line.close()


def test_two_tabs_of_one_reviewer_do_not_disturb_each_other(page, server, audit):
    shown = open_review(page, server)
    second = page.context.new_page()
    open_review(second, server)
    press(page, ["k"] * 3)
    second.locator(".tile").nth(10).click()
    press(second, ["x"] * 3)
    events = stored(audit, 6)
    assert {event.item_id for event in events} == {*shown[:3], *shown[10:13]}


def test_names_from_files_are_text_on_every_page(page, server, audit):
    workspace = Workspace.open(audit)
    dataset = workspace.dataset
    row = dataset.given_labels.tolist().index(dataset.class_names.index(HOSTILE))
    item, other = dataset.item_ids[[row, row - 1]].tolist()
    decisions = [Decision(item, "relabel", "Coat"), Decision(other, "relabel", HOSTILE)]
    workspace.decide(decisions, reviewer=HOSTILE)
    workspace.close()
    for name in ("", "explore", "review", "compare", "history", "export"):
        page.goto(f"{server.url}/{name}")
        settled(page)
        assert page.evaluate("window.wasRun") is None, name
        assert page.locator("img[src='x']").count() == 0, name
        if name == "review":
            page.get_by_role("combobox", name="Show").click()
            page.get_by_role("option", name="All images").click()
            expect(page.locator(".tile .given", has_text=HOSTILE).first).to_be_attached()
