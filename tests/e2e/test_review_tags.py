"""Images that may have several labels: tags are given and taken one by one."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from PIL import Image

from air_core import pipeline
from air_core.workspace import Workspace
from tests.e2e.conftest import settled, stored
from tests.e2e.reviewing import expect_saved
from tests.pages.conftest import picture

expect = pytest.importorskip("playwright.sync_api").expect

KINDS = ("disc", "stripe", "no;ise")
"""The last one has the sign in its name that parts tags where people read them."""


@pytest.fixture
def tagged(tmp_path):
    rng = np.random.default_rng(3)
    rows = []
    for i in range(36):
        kinds = [k for k in range(3) if (i % 7 + 1) >> k & 1]
        parts = [picture(k, rng) for k in (kinds + kinds)[:2]]
        Image.fromarray(np.concatenate(parts, axis=1)).save(tmp_path / f"{i:02}.png")
        tags = ["disc"] if i == 5 else [KINDS[k] for k in kinds]
        rows.append((f"{i:02}.png", json.dumps(tags)))
    with (tmp_path / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "tags"), *rows])
    workspace = pipeline.open_source(
        tmp_path / "labels.csv", tmp_path / "audit", separator=";", label_column="tags"
    )
    pipeline.audit(workspace, device="cpu")
    workspace.close()
    return tmp_path / "audit"


def test_tags_are_switched_one_by_one_and_the_others_stay(page, start, tagged):
    server = start(tagged)
    page.goto(f"{server.url}/review")
    page.get_by_role("combobox", name="Show").click()
    page.get_by_role("option", name="All images").click()
    settled(page)
    page.locator(".tile").first.click()
    shown = page.locator(".tile").evaluate_all("tiles => tiles.map(tile => tile.dataset.id)")
    dataset = Workspace.open(tagged).dataset
    given = [set(json.loads(dataset.given_text(dataset.row_of(item)))) for item in shown]
    names = list(dataset.class_names)

    page.keyboard.press(str(names.index("stripe") + 1))
    (event,) = stored(tagged, 1)
    assert set(json.loads(event.new_label)) == given[0] ^ {"stripe"}
    # Twice on one image before the first is back: the second builds on what is shown.
    page.locator(".tile").nth(1).click()
    page.keyboard.press(str(names.index("no;ise") + 1))
    page.locator(".tile").nth(1).click()
    page.keyboard.press(str(names.index("disc") + 1))
    event = stored(tagged, 3)[-1]
    assert set(json.loads(event.new_label)) == given[1] ^ {"no;ise", "disc"}
    expect_saved(page)

    # In bulk: what is not touched stays as it is on each image.
    page.locator(".tile").nth(2).click()
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("l")
    page.keyboard.type("str")
    page.keyboard.press("Enter")
    everywhere = all("stripe" in tags for tags in given[2:5])
    expect(page.locator(".picker .box").first).to_have_text("" if everywhere else "✓")
    page.keyboard.press("Control+Enter")
    events = stored(tagged, 6)[3:]
    assert [event.item_id for event in events] == shown[2:5]
    for event, tags in zip(events, given[2:5], strict=True):
        wanted = tags - {"stripe"} if everywhere else tags | {"stripe"}
        assert set(json.loads(event.new_label)) == wanted
    expect_saved(page)
