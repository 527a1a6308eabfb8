"""What a reviewer does in the grid."""

from __future__ import annotations

import time

import pytest

from tests.e2e.conftest import settled

expect = pytest.importorskip("playwright.sync_api").expect
expect.set_options(timeout=20_000)  # on a machine that does other work


def open_review(page, server) -> list[str]:
    """Go to the review and focus the first tile; return the item ids shown, in order."""
    page.goto(f"{server.url}/review")
    page.locator(".tile").first.click()
    return page.locator(".tile").evaluate_all("tiles => tiles.map(tile => tile.dataset.id)")


def press(page, keys) -> None:
    """Press keys one after another."""
    for key in keys:
        page.keyboard.press(key)
        time.sleep(0.01)


def burst(page, keys) -> None:
    """Press keys as fast as the browser takes them, with no wait for anything in between."""
    page.locator(".tiles").evaluate(
        """(list, keys) => {
            for (const key of keys) {
                const on = list.querySelector(".tile[tabindex='0']");
                const how = { key, bubbles: true, composed: true };
                on.dispatchEvent(new KeyboardEvent("keydown", how));
            }
        }""",
        keys,
    )


def choose(page, label: str, option: str) -> None:
    """Choose in one of the controls above the list."""
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=option, exact=True).click()
    settled(page)


def expect_saved(page) -> None:
    """Everything has reached the store, and the page knows."""
    expect(page.locator(".unsaved")).to_be_empty()
