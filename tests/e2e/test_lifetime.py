"""Streamlit ends a drawing that newer data overtook: the component in use must not end with it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pages.components import lifetime
from pages.components.lifetime import browser_module
from tests.e2e.conftest import settled, stored
from tests.e2e.reviewing import choose, expect_saved, open_review, press

expect = pytest.importorskip("playwright.sync_api").expect

COMPONENTS = Path(lifetime.__file__).parents[1]
PROBE = """
export default ({ parentElement, data }) => mounted(
  parentElement.querySelector("p"),
  (root) => { window.made = (window.made ?? 0) + 1; return {
    update: (component) => (root.textContent = component.data),
    close: () => (window.ended = (window.ended ?? 0) + 1),
  }; },
  { data },
);
"""


@pytest.fixture
def drawn(page, tmp_path):
    """The module in a bare page: call ``draw(data)``, which keeps what each drawing returned."""
    (tmp_path / "probe.js").write_text(PROBE, "utf-8")
    page.goto("about:blank")
    page.evaluate(
        """async (module) => {
            const at = URL.createObjectURL(new Blob([module], { type: "text/javascript" }));
            const { default: draw } = await import(at);
            document.body.innerHTML = "<div><p></p></div>";
            const parentElement = document.body.firstChild;
            window.ends = [];
            window.draw = (data) => window.ends.push(draw({ parentElement, data }));
        }""",
        browser_module([tmp_path / "probe.js"]),
    )
    return page


@pytest.mark.parametrize(
    "overtaken", ["draw(1); ends[0](); draw(2)", "draw(1); draw(2); ends[0]()"]
)
def test_a_drawing_that_was_overtaken_ends_nothing(drawn, overtaken):
    drawn.evaluate(overtaken)
    drawn.evaluate("draw(3)")
    assert drawn.evaluate("[made, window.ended ?? 0, document.body.innerText]") == [1, 0, "3"]


def test_an_instance_ends_once_when_its_nodes_have_gone(drawn):
    drawn.evaluate("draw(1); draw(2); document.body.firstChild.remove(); ends[1](); ends[0]()")
    assert drawn.evaluate("[made, ended]") == [1, 1]


def test_every_component_that_has_to_end_lives_by_this_rule():
    ruled = set()
    for module in COMPONENTS.rglob("*.js"):
        script = module.read_text("utf-8")
        if "export default" not in script:
            continue
        whole = "".join(file.read_text("utf-8") for file in module.parent.glob("*.js"))
        lasting = re.search(
            r"(document|window)\.addEventListener|new ResizeObserver|setTimeout|\n  close\(\) \{",
            whole,
        )
        assert ("return mounted(" in script) == bool(lasting), module
        ruled |= {module.parent.name} if lasting else set()
    assert ruled >= {"grid", "map", "outbox", "evidence", "strength"}


def test_a_key_decides_once_after_a_drawing_was_overtaken(page, server, audit):
    page.add_init_script(
        """window.ends = [];
        window.Blob = class extends Blob {
            constructor(parts, how) {
                const ending = (part) => part.replace(
                    "export default function (component) {",
                    `export default (component) => {
                        const end = drawnOnce(component);
                        window.ends.push([component.name, end]);
                        return end;
                    };
                    function drawnOnce(component) {`);
                super(parts.map((part) => typeof part === "string" ? ending(part) : part), how);
            }
        };"""
    )
    shown = open_review(page, server)
    # What Streamlit 1.67 does where data came twice while a module was being imported.
    page.wait_for_function("() => new Set(ends.map(([name]) => name)).size >= 4")
    ended = page.evaluate("ends.forEach(([_, end]) => end()), ends.map(([name]) => name)")
    parts = {"grid", "outbox", "strength", "evidence"}
    assert {name.removeprefix("air_audit_") for name in ended} >= parts
    press(page, ["k"])
    expect_saved(page)
    press(page, ["x"])
    expect_saved(page)
    assert [(e.item_id, e.action) for e in stored(audit, 2)] == [
        (shown[0], "keep"),
        (shown[1], "exclude"),
    ]
    expect(page.locator(".tile")).to_have_count(len(shown))
    expect(page.locator(".tile").nth(2)).to_be_focused()


class Answers:
    """What the server sends to the browser: at once, or, while ``waiting`` is a list, later."""

    def __init__(self):
        self.waiting = None
        self.asked = 0

    def pass_on(self, browser):
        server = browser.connect_to_server()
        self.ask = server.send
        browser.on_message(self.on_ask)
        self.to_browser = browser.send
        server.on_message(
            lambda m: self.to_browser(m) if self.waiting is None else self.waiting.append(m)
        )

    def on_ask(self, message):
        self.asked += 1
        self.ask(message)

    def release(self):
        waiting, self.waiting = self.waiting, None
        for message in waiting:
            self.to_browser(message)


def test_what_is_sent_before_a_page_was_turned_does_not_turn_back(page, server, audit):
    """A decision is sent again while the answer to ] is on its way, with where the pages stood."""
    answers = Answers()
    page.route_web_socket("**/_stcore/stream", answers.pass_on)
    open_review(page, server)
    choose(page, "Show", "All images")
    choose(page, "Images a page", "60 a page")
    page.locator(".tile").first.click()
    answers.waiting = []
    press(page, ["k", "]"])
    for _ in range(40):  # messages pass only while Playwright is at work
        page.wait_for_timeout(500)
        if stored(audit, 1, seconds=0):
            break
    asked = answers.asked
    page.wait_for_timeout(6_000)  # the decision has no answer yet, so it is sent again
    assert answers.asked > asked
    answers.release()
    expect_saved(page)
    expect(page.get_by_text("61 to 120 of 300")).to_be_visible()
    expect(page.get_by_test_id("stPaginationPageActive")).to_have_text("2")
    expect(page.locator(".tile").first).to_be_focused()
    press(page, ["k"])
    expect_saved(page)
    settled(page)
    expect(page.get_by_text("61 to 120 of 300")).to_be_visible()
    assert page.locator(".tile").count() == 60


def test_cleared_filters_stay_cleared_and_a_list_is_entered_at_its_top(page, server, audit):
    """Each begins anew, also with answers that come late and all at once."""
    answers = Answers()
    page.route_web_socket("**/_stcore/stream", answers.pass_on)
    open_review(page, server)
    choose(page, "Show", "All images")
    choose(page, "Given class", "Coat")
    choose(page, "Given class", "All classes")
    choose(page, "Images a page", "60 a page")
    page.locator(".tile").first.click()
    press(page, ["]"])
    expect(page.get_by_text("61 to 120 of 300")).to_be_visible()
    page.get_by_role("link", name="History").click()
    expect(page.get_by_role("heading", name="History", level=1)).to_be_visible()
    page.get_by_role("link", name="Review").click()
    expect(page.get_by_text("1 to 60 of 300")).to_be_visible()
    choose(page, "Given class", "Coat")
    coats = page.locator(".tile").count()
    page.locator(".tile").first.click()
    page.get_by_role("button", name="Filters").click()
    answers.waiting = []
    page.get_by_role("button", name="Clear all filters").click()
    page.wait_for_timeout(1_000)
    page.keyboard.press("Escape")
    page.locator(".tile").first.click()
    press(page, ["k"])
    page.wait_for_timeout(2_000)
    answers.release()
    expect_saved(page)
    settled(page)
    expect(page.get_by_role("combobox", name="Given class")).to_have_value("All classes")
    assert len(stored(audit, 1)) == 1
    assert page.locator(".tile").count() != coats
