"""λ_g in a browser: dragged, set by keys, pinned, made live; and what decisions then record."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from air_core.fitting import (
    Refiner,
    entered_left,
    fit_path,
    rank_opinion,
    read_path,
    stored_path,
)
from air_core.fitting.live import top_flagged
from air_core.workspace import Workspace
from benchmarks.ui_workspace import make
from tests.e2e.conftest import Server, settled, stored

expect = pytest.importorskip("playwright.sync_api").expect

PATIENCE = 30_000  # milliseconds: solving and drawing on a busy machine
# Small problems gain nothing from threads, and on a busy machine they wait for each other.
ONE_THREAD = {"OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module", autouse=True)
def patience():
    expect.set_options(timeout=PATIENCE)
    yield
    expect.set_options(timeout=5_000)


@pytest.fixture(scope="module")
def live_audit(tmp_path_factory) -> Path:
    """One for all tests here; the first of them solves its path, the last fits it again."""
    return make(tmp_path_factory.mktemp("strength"), 400, classes=4, p=32)


@pytest.fixture(scope="module")
def live_server(live_audit):
    running = Server(live_audit, environment=ONE_THREAD).start()
    yield running
    running.stop()


def open_review(page, server):
    page.goto(f"{server.url}/review")
    page.locator(".tile").first.wait_for()
    settled(page)
    return page


@pytest.fixture
def review(page, live_audit, live_server):
    workspace = Workspace.open(live_audit)
    fit_path(workspace, device="cpu")
    workspace.close()
    return open_review(page, live_server)


def tiles(page) -> list[str]:
    return page.locator(".tile").evaluate_all("tiles => tiles.map(tile => tile.dataset.id)")


def ranking(audit: Path, scale: float, *, exact: bool):
    workspace = Workspace.open(audit)
    run, dataset = stored_path(workspace), workspace.dataset
    opinion = read_path(run, dataset, scale)
    if exact and not opinion.exact:
        opinion = Refiner(workspace, run).solve(scale)
    return rank_opinion(opinion, "air-margin", dataset), run


def ids(by, rows) -> list[str]:
    return by.item_ids[rows].tolist()


def drag(page, begin: float, end: float, moves: int = 20) -> float:
    """Drag the thumb over parts of the track; return λ_g where it was let go."""
    slider = page.locator(".strength .slider")
    box = slider.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * begin, y)
    page.mouse.down()
    for number in range(1, moves + 1):
        page.mouse.move(box["x"] + box["width"] * (begin + (end - begin) * number / moves), y)
        page.wait_for_timeout(25)
    page.mouse.up()
    return 10 ** float(slider.evaluate("slider => slider.value"))


def test_making_it_live_is_a_job(page, live_server):
    open_review(page, live_server)
    live = page.get_by_role("radio", name="Live, exact")
    expect(live).to_be_disabled()
    page.get_by_role("button", name="Make λ_g live").click()
    expect(page.get_by_text("Solving the λ_g path").first).to_be_visible()
    ended = page.locator("[role=radio][data-mode=live][aria-checked=true]").or_(
        page.get_by_text(re.compile("failed\\.|was cut off"))
    )
    with suppress(AssertionError):  # the next line says why
        expect(ended.first).to_be_visible(timeout=4 * PATIENCE)
    assert live.get_attribute("aria-checked") == "true", page.locator("body").inner_text()


def test_a_drag_ranks_the_grid_anew_and_decisions_record_what_they_were_made_under(
    review, live_audit
):
    page, before = review, tiles(review)
    expect(page.locator(".strength .source")).to_have_text("SADMM fit")
    page.locator(".air-grid .tiles").evaluate(
        "list => { window.orders = new Set(); new MutationObserver(() =>"
        " window.orders.add([...list.children].map(tile => tile.dataset.id).join()))"
        ".observe(list, { childList: true }); }"
    )
    scale = drag(page, 0.3, 0.77)
    exact, run = ranking(live_audit, scale, exact=True)
    expect(page.locator(".strength .source")).to_have_text("exact solver")
    assert page.evaluate("window.orders.size") >= 3, "the grid did not follow"
    assert tiles(page) == ids(exact, top_flagged(exact, 120)) != before
    flagged = f"{int(exact.flagged.sum()):,}"
    expect(page.locator(".strength .flagged")).to_have_text(f"{flagged} flagged")
    expect(page.get_by_text(f"Reviewed 0 of {flagged}")).to_be_visible()
    page.locator(".tile").first.click()
    page.keyboard.press("k")
    (event,) = stored(live_audit, 1)
    assert (event.run_id, event.detector) == (run.run_id, "air-margin")
    assert event.lambda_g == pytest.approx(scale / run.coef.shape[1])
    assert event.score == pytest.approx(float(exact.scores.min()), abs=1e-3)
    assert event.feature_digest == run.feature_digest


def test_keys_move_it_and_escape_returns_to_the_fit(review, live_audit):
    page, slider = review, review.locator(".strength .slider")
    fitted = tiles(page)
    slider.focus()
    for key in ("PageDown", "PageDown", "ArrowLeft", "ArrowDown", "ArrowUp", "PageUp"):
        page.keyboard.press(key)
    scale = 10**0.88
    expect(slider).to_have_attribute(
        "aria-valuetext",
        f"λ_g 7.59× 1/p, {at(live_audit, scale)}",
    )
    expect(page.locator(".strength .source")).to_have_text("exact solver")
    exact, _ = ranking(live_audit, scale, exact=True)
    assert tiles(page) == ids(exact, top_flagged(exact, 120))
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    low, high = (float(slider.get_attribute(name)) for name in ("min", "max"))
    assert float(slider.input_value()) == pytest.approx(high)
    page.keyboard.press("Home")
    assert float(slider.input_value()) == pytest.approx(low)
    page.keyboard.press("Escape")
    expect(page.locator(".strength .source")).to_have_text("SADMM fit")
    assert tiles(page) == fitted
    number = page.locator(".strength .number")
    number.fill("4")
    number.press("Enter")
    expect(slider).to_have_attribute(
        "aria-valuetext",
        f"λ_g 4× 1/p, {at(live_audit, 4.0)}",
    )
    page.locator(".strength .mark", has_text="paper").click()
    expect(number).to_have_value("10")


def at(audit: Path, scale: float) -> str:
    return f"{int(ranking(audit, scale, exact=True)[0].flagged.sum()):,} flagged"


def test_pin_tells_what_entered_and_left_and_shows_it(review, live_audit):
    page = review
    pinned = drag(page, 0.6, 0.3, moves=6)
    expect(page.locator(".strength .source")).to_have_text("exact solver")
    page.get_by_role("button", name="Pin").click()
    expect(page.locator(".strength .since")).to_contain_text("Pinned at")
    page.get_by_label("How many of the worst").select_option("50")
    now = drag(page, 0.3, 0.8, moves=6)
    expect(page.locator(".strength .source")).to_have_text("exact solver")
    before, after = (ranking(live_audit, scale, exact=True)[0] for scale in (pinned, now))
    entered, left = entered_left(before, after, 50)
    shown = page.locator(".strength .moved")
    expect(shown.get_by_role("button", name=f"{len(entered)} entered")).to_be_visible()
    expect(shown.get_by_role("button", name=f"{len(left)} left")).to_be_visible()
    shown.get_by_role("button", name="entered").click()
    expect(
        page.get_by_text(f"Showing the {len(entered)} selected from what entered")
    ).to_be_visible()
    expect(page.locator(".tile")).to_have_count(len(entered))
    assert tiles(page) == ids(after, entered)
    page.get_by_role("button", name="Unpin").click()
    expect(shown).to_be_hidden()


def test_letting_go_fits_again_where_that_was_chosen(review):
    page = review
    page.get_by_role("radio", name="Refit, SADMM").click()
    expect(page.get_by_role("radio", name="Live, exact")).to_have_attribute("aria-checked", "false")
    settled(page)
    scale = drag(page, 0.3, 0.5, moves=5)
    fitted = np.format_float_positional(float(f"{scale:.3g}"), trim="-")
    mark = page.locator(".strength .mark").filter(has_text=re.compile("^fit "))
    expect(mark).to_have_text(f"fit {fitted}×", timeout=10 * PATIENCE)
    expect(page.locator(".strength .source")).to_have_text("SADMM fit")
