"""What comes between a look and a decision: another ranking, another workspace, another server."""

from __future__ import annotations

import shutil

import pytest

from air_core.labels import Decision
from air_core.workspace import Workspace
from tests.e2e.conftest import Server, settled, stored
from tests.e2e.reviewing import expect_saved, open_review, press

expect = pytest.importorskip("playwright.sync_api").expect

# As the λ_g slider hands the grid what it got for a new place of the thumb.
ANOTHER_RANKING = """
document.dispatchEvent(new CustomEvent("air-audit:rows", { detail: {
  grid: "review-grid", items: [],
  basis: { reviewer: "zoe", detector: "svm-margin", run_id: "another run", lambda_g: 2 },
} }))
"""


def test_the_class_picker_relabels_what_it_was_opened_on(page, server, audit):
    shown = open_review(page, server)
    page.keyboard.press("l")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.evaluate(ANOTHER_RANKING)
    page.keyboard.type("Coat")
    page.keyboard.press("Enter")
    (event,) = stored(audit, 1)
    assert (event.item_id, event.new_label) == (shown[0], "Coat")
    assert (event.detector, event.lambda_g is not None) == ("air-margin", True)
    assert event.run_id != "another run"


def test_a_bulk_action_records_the_ranking_that_it_asked_about(page, server, audit):
    shown = open_review(page, server)
    page.locator(".tile").nth(24).click(modifiers=["Shift"])
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("Accept 25 suggestions?")
    page.evaluate(ANOTHER_RANKING)
    page.keyboard.press("Enter")
    events = stored(audit, 25)
    assert {event.item_id for event in events} == set(shown[:25])
    assert {event.detector for event in events} == {"air-margin"}
    assert {event.run_id for event in events} != {"another run"}


def test_insisting_later_keeps_what_led_to_the_decision(page, server, audit):
    shown = open_review(page, server)
    workspace = Workspace.open(audit)
    workspace.decide([Decision(shown[0], "relabel", "Coat")], reviewer="béla")
    workspace.close()
    press(page, ["x"])
    expect(page.locator(".conflicts")).to_contain_text("béla")
    expect_saved(page)
    page.evaluate(ANOTHER_RANKING)
    page.get_by_role("button", name="Overwrite with mine").click()
    event = stored(audit, 2)[1]
    assert (event.item_id, event.action, event.reviewer) == (shown[0], "exclude", "zoe")
    assert (event.detector, event.suggested_label is not None) == ("air-margin", True)
    assert event.run_id != "another run"


def test_what_was_decided_in_one_workspace_never_reaches_another(page, server, audit, tmp_path):
    other = shutil.copytree(audit, tmp_path / "other")
    open_review(page, server)
    press(page, ["k", "x"])
    stored(audit, 2)
    expect_saved(page)
    server.stop()
    # The same images at the same address: a browser that was left open sends its state again.
    with Server(other, server.port):
        expect(page.get_by_text("other", exact=True).first).to_be_visible(timeout=120_000)
        settled(page)
        press(page, ["ArrowRight", "n"])
        page.locator(".tile").nth(5).click()
        press(page, ["n"])
        events = stored(other, 1, seconds=120)
        assert {event.action for event in events} == {"unsure"}
    assert len(stored(audit, 2)) == 2
