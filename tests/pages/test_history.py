"""The trail: empty, filtered, one event taken back."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from air_core.labels import Decision
from air_core.workspace import Workspace

PAGE = "../../pages/history.py"


def run(page: AppTest | None = None) -> AppTest:
    page = (AppTest.from_file(PAGE, default_timeout=30) if page is None else page).run()
    assert not page.exception
    return page


@pytest.fixture
def decided(audited) -> Workspace:
    """Three decisions by two reviewers."""
    workspace = Workspace.open(audited)
    items, names = workspace.dataset.item_ids, workspace.dataset.class_names
    for item, decision, who in (
        (0, {"action": "relabel", "label": names[3]}, "ana"),
        (1, {"action": "keep"}, "bo"),
        (2, {"action": "exclude", "reason": "two things in one"}, "ana"),
    ):
        workspace.decide([Decision(str(items[item]), **decision)], reviewer=who)
    return workspace


def test_without_a_workspace_it_says_what_to_do(nothing_open):
    assert run().subheader[0].value == "No workspace is open"


def test_before_any_decision_it_leads_to_the_review(audited):
    assert [button.label for button in run().button] == ["Review the most suspicious images"]


def test_every_event_is_listed_newest_first(decided):
    table = run().dataframe[0].value
    assert table["action"].tolist() == ["✕ exclude", "✓ keep", "→ relabel"]
    assert table["reason"].tolist()[0] == "two things in one"
    assert set(table["state"]) == {"in force"}


def test_filters_narrow_the_trail(decided):
    page = run()
    page.multiselect[0].set_value(["bo"]).run()
    assert page.dataframe[0].value["reviewer"].tolist() == ["bo"]
    page.text_input[0].set_value("no such file").run()
    assert not page.dataframe
    assert "No event passes" in page.info[0].value


def test_an_undone_event_stays_and_is_marked(decided):
    event = decided.labels.history()[0]
    decided.labels.undo(event.event_id, reviewer="bo")
    page = run()
    states = page.dataframe[0].value["state"].tolist()
    assert states == ["done", "in force", "in force", f"undone by #{event.event_id + 3}"]
    page.toggle[0].set_value(True).run()
    assert page.dataframe[0].value["state"].tolist() == ["in force", "in force"]
