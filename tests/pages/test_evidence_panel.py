"""The panel of evidence as the pages mount it."""

from __future__ import annotations

import json

from streamlit.testing.v1 import AppTest

from air_core.workspace import Workspace
from pages import resources
from pages.components.evidence import chosen_items
from pages.evidence_routes import version


def mounted(page: AppTest) -> dict:
    """What the browser is told."""
    (panel,) = (
        part.proto
        for part in page.get("bidi_component")
        if part.proto.component_name.endswith("air_audit_evidence")
    )
    return json.loads(panel.json)


def test_the_review_page_tells_it_what_to_explain(audited):
    page = AppTest.from_file("../../pages/review.py", default_timeout=30).run()
    assert not page.exception
    workspace = resources.require_workspace()
    told = mounted(page)
    assert told["version"] == version(workspace)
    assert told["workspace"] == resources.version(workspace)
    assert (told["grid"], told["model"], told["scale"]) == ("review-grid", "air", None)
    assert (told["wide"], told["folded"]) == (False, False)
    page.selectbox(key="review-detector").set_value("svm-margin").run()
    assert (mounted(page)["model"], mounted(page)["detector"]) == ("svm", "svm-margin")


def test_what_the_browser_chose_is_checked(audited):
    dataset = Workspace.open(audited).dataset
    known = dataset.item_ids[:2].tolist()
    assert chosen_items([known[0], "f" * 16, 3, None, [], known[1]], dataset) == known
    assert chosen_items(None, dataset) == []
    assert chosen_items("no list", dataset) == []
