"""Names from files are text on every page, whatever they hold."""

from __future__ import annotations

import csv
import shutil

import pytest

from air_core import pipeline
from air_core.labels import Decision
from air_core.reviewers import assign_queue
from tests.e2e.conftest import Server, settled
from tests.shapes import make_source

EVIL = "<img src=x onerror=window.pwned=1>"
"""A class, a file name, a folder, a reviewer and a reason."""
MARKED = "**b** `c` $d$ :red[e] [f](javascript:window.pwned=1) www.evil.org eve@evil.org"
"""A class that Markdown would change."""

PAGES = ("", "explore", "review", "compare", "history", "export")
_DEEP = """
    function* below(node) {
      yield node;
      for (const child of [node.shadowRoot, ...node.childNodes]) if (child) yield* below(child);
    }
"""
_SEEN = f"""() => {{
    {_DEEP}
    const said = [];
    for (const node of below(document.body)) {{
      if (node.nodeType === Node.TEXT_NODE) said.push(node.data);
      for (const name of ["aria-label", "title", "alt", "placeholder", "value"])
        if (node.hasAttribute?.(name)) said.push(node.getAttribute(name));
    }}
    return said.join("\\n");
}}"""
_RUN = f"""() => {{
    {_DEEP}
    const made = [];
    for (const node of below(document.body)) {{
      if (node.nodeName === "IMG" && node.getAttribute("src") === "x") made.push(node.outerHTML);
      if (node.nodeName === "A" && /javascript:|evil/.test(node.getAttribute("href")))
        made.push(node.outerHTML);
    }}
    return [window.pwned === undefined, made];
}}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """An audit in which everything that can have a name has a bad one."""
    home = tmp_path_factory.mktemp("names")
    made = make_source(home / "made")
    with made.open(newline="") as file:
        header, *rows = csv.reader(file)
    source = home / EVIL
    source.mkdir()
    names = {"circle": EVIL, "square": MARKED}
    with (source / "labels.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for number, (path, label) in enumerate(rows):
            name = f"{number} {EVIL}.png"
            shutil.copy(made.parent / path, source / name)
            writer.writerow((name, names.get(label, label)))
        (source / f"broken {EVIL}.png").write_text("no image")
        writer.writerow((f"broken {EVIL}.png", EVIL))
    workspace = pipeline.open_source(source / "labels.csv", home / f"{EVIL} audit")
    pipeline.audit(workspace, device="cpu")
    pipeline.project(workspace)
    items = workspace.dataset.item_ids.tolist()
    worst = items[int(pipeline.rank(workspace, "air-margin").order[0])]
    assign_queue(
        workspace.reviews(), workspace.labels, items[5:7], [EVIL, "ben"], top=2, each=2, by=EVIL
    )
    for item in {*items[:4], *items[5:7]} - {worst}:
        workspace.decide(
            [Decision(item, "relabel", label=EVIL, reason=EVIL, detector=EVIL)], reviewer=EVIL
        )
        workspace.decide([Decision(item, "relabel", label=MARKED, reason=MARKED)], reviewer="ben")
    workspace.close()
    running = Server(home / f"{EVIL} audit").start()
    yield running
    running.stop()


def check(page, where, shown=EVIL):
    """Nothing was run or made of the names, and they are there to read."""
    untouched, made = page.evaluate(_RUN)
    assert untouched, where
    assert not made, where
    assert shown in page.evaluate(_SEEN), where


@pytest.fixture
def visit(page, server):
    """Open a page and check it."""
    page.set_default_timeout(90_000)

    def to(name):
        page.goto(f"{server.url}/{name}", wait_until="domcontentloaded")
        settled(page)
        check(page, name)
        return page

    return to


@pytest.mark.parametrize("name", PAGES)
def test_names_are_text(visit, name):
    visit(name)


def test_names_are_text_in_the_trail_and_its_parts(visit):
    page = visit("history")
    for view in ("Agreement", "Conflicts", "Progress"):
        page.get_by_role("radio", name=view).or_(page.get_by_role("button", name=view)).click()
        settled(page)
        check(page, view, "")
    check(page, "Progress", "Errors")


def test_names_are_text_in_the_grid_and_in_its_panels(visit):
    page = visit("review")
    page.locator(".tile").first.click()
    settled(page)
    check(page, "the evidence of an image")
    check(page, "the classes to choose", MARKED)
    page.keyboard.press("Space")
    page.wait_for_timeout(500)
    check(page, "the large picture")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.wait_for_timeout(300)
    check(page, "the sheet of keys")


def test_names_are_text_on_the_map(visit):
    page = visit("explore")
    box = page.locator("canvas").first.bounding_box()
    for across in (0.2, 0.4, 0.5, 0.6, 0.8):
        for down in (0.2, 0.4, 0.5, 0.6, 0.8):
            page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])
    page.wait_for_timeout(300)
    check(page, "a hovered point")


def test_the_check_notices(page):
    page.set_content(
        "<main></main><script>document.querySelector('main').attachShadow({mode: 'open'})"
        ".innerHTML = `<p>" + EVIL + "</p>`</script>"
    )
    page.wait_for_function("window.pwned === 1")
    assert len(page.evaluate(_RUN)[1]) == 1
    with pytest.raises(AssertionError):
        check(page, "a page that makes elements of names")
