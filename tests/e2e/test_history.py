"""History in a browser: a range is undone after a question, a conflict is settled."""

from __future__ import annotations

import pytest

from air_core import pipeline
from air_core.labels import Decision
from air_core.workspace import Workspace
from tests.e2e.conftest import settled, stored

expect = pytest.importorskip("playwright.sync_api").expect
SLOW = 30_000  # milliseconds that a busy machine may take


@pytest.fixture
def decided(audit):
    """Ana relabels the five worst images and leaves one out; ben keeps the label of the first."""
    workspace = Workspace.open(audit)
    ranking = pipeline.rank(workspace, "air-margin")
    items = [str(ranking.item_ids[row]) for row in ranking.order[:6]]
    for number, item in enumerate(items):
        row = workspace.dataset.row_of(item)
        name = workspace.dataset.class_names[ranking.suggested_labels[row]]
        led = {"detector": ranking.detector, "score": float(ranking.scores[row]), "lambda_g": 0.01}
        decision = Decision(item, "relabel", name, **led)
        if number == 5:
            decision = Decision(item, "exclude", reason="two things at once", **led)
        workspace.decide([decision], reviewer="ana")
    workspace.decide([Decision(items[0], "keep")], reviewer="ben")
    workspace.close()
    return audit


def open_trail(page, server):
    page.goto(f"{server.url}/history")
    page.locator(".events tbody tr").first.wait_for()
    settled(page)
    return page.locator(".events tbody input")


def test_a_range_is_undone_after_a_question_and_brought_back(page, decided, server):
    boxes = open_trail(page, server)
    # Newest first: ben's, then ana's from the last to the first.
    boxes.nth(1).click()
    boxes.nth(3).click(modifiers=["Shift"])
    page.get_by_role("button", name="Undo 3 …").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("3 decisions will be taken back")
    expect(dialog).to_contain_text("3 of them are by ana, not by you")
    expect(dialog).to_contain_text("3 images change their labels")
    assert len(stored(decided, 7)) == 7, "so far nothing is done"
    dialog.get_by_role("button", name="Take back 3 events").click()
    events = stored(decided, 10)
    assert sorted(event.undoes for event in events[7:]) == [4, 5, 6]
    assert len({event.batch_id for event in events[7:]}) == 1
    expect(page.get_by_text("10 events, newest first;")).to_be_visible(timeout=SLOW)
    expect(page.locator(".events tbody input:checked")).to_have_count(0)
    page.get_by_role("button", name="Redo", exact=True).click()
    assert len(stored(decided, 13)) == 13
    workspace = Workspace.open(decided)
    assert len(workspace.reviewed()) == 6
    assert workspace.labels.verify().problems == ()
    workspace.close()


def test_a_conflict_is_settled_with_the_picture_in_view(page, decided, server):
    open_trail(page, server)
    page.get_by_role("radio", name="Conflicts (1)").click()
    expect(page.get_by_text("ana says")).to_be_visible(timeout=SLOW)
    picture = page.locator("[data-testid=stImage] img")
    picture.wait_for()
    assert picture.evaluate("img => img.naturalWidth") > 0
    page.get_by_text("1 of 2 say so", exact=False).first.click()
    page.get_by_label("Reason").fill("seen from the side")
    page.get_by_role("button", name="Settle").click()
    expect(page.get_by_text("Every conflict is settled")).to_be_visible(timeout=SLOW)
    workspace = Workspace.open(decided)
    asked, event = workspace.labels.events()[7:]
    assert (asked.action, asked.task) == ("assign", "adjudication")
    assert (event.reviewer, event.reason) == (asked.reviewer, "seen from the side")
    (conflict,) = workspace.reviews().conflicts
    assert conflict.adjudication == event
    assert workspace.labels.verify().problems == ()
    workspace.close()


def test_the_trail_is_used_by_keyboard_and_opens_its_images(page, decided, server):
    page.set_viewport_size({"width": 1024, "height": 768})
    boxes = open_trail(page, server)
    assert page.locator(".events").evaluate("box => box.scrollWidth - box.clientWidth") <= 0
    boxes.nth(0).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowDown")
    expect(page.get_by_text("2 events chosen")).to_be_visible(timeout=SLOW)
    assert [box.is_checked() for box in boxes.all()[:4]] == [False, True, True, False]
    expect(boxes.nth(2)).to_be_focused()
    page.get_by_role("button", name="Open 2 images in Review").click()
    expect(page.get_by_text("Showing the 2 selected from the history")).to_be_visible(timeout=SLOW)
