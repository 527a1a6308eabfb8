"""The History page: empty, the trail, undo, agreement, conflicts, progress, errors."""

from __future__ import annotations

import sqlite3

import pytest
from streamlit.testing.v1 import AppTest

from air_core.labels import Decision
from air_core.workspace import Workspace

PAGE = "../../pages/history.py"


def run(page: AppTest | None = None) -> AppTest:
    page = (AppTest.from_file(PAGE, default_timeout=30) if page is None else page).run()
    assert not page.exception
    return page


def view(name: str) -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=30)
    page.session_state["history-view"] = name
    return run(page)


def button(page: AppTest, label: str):
    return next(found for found in page.button if found.label.startswith(label))


def said(page: AppTest) -> str:
    kinds = (page.markdown, page.caption, page.info, page.success)
    return "\n".join(element.value for kind in kinds for element in kind)


@pytest.fixture
def decided(audited) -> Workspace:
    """Three decisions by two reviewers, who differ about the first image."""
    workspace = Workspace.open(audited)
    items, names = workspace.dataset.item_ids, workspace.dataset.class_names
    for item, decision, who in (
        (0, {"action": "relabel", "label": names[3]}, "ana"),
        (0, {"action": "keep", "reason": "round"}, "bo"),
        (2, {"action": "exclude", "reason": "two things in one"}, "ana"),
    ):
        workspace.decide([Decision(str(items[item]), **decision)], reviewer=who)
    return workspace


def test_without_a_workspace_it_says_what_to_do(nothing_open):
    assert run().subheader[0].value == "No workspace is open"


def test_before_any_decision_it_leads_to_the_review(audited):
    assert [button.label for button in run().button] == ["Review the most suspicious images"]


def test_a_log_that_is_damaged_is_said(decided):
    decided.close()
    with sqlite3.connect(decided.root / "labels.sqlite") as connection:
        connection.execute("DROP TRIGGER label_head_no_delete")
        connection.execute("DELETE FROM label_head")
    connection.close()
    page = run()
    assert "(label_head) is missing" in page.error[0].value


def test_the_trail_counts_its_events(decided):
    page = run()
    assert "3 events, newest first; 2 decisions in force" in said(page)
    page.text_input(key="history-text").set_value("no such file").run()
    assert "No event passes" in page.info[0].value
    button(page, "Show every event").click().run()
    assert "3 events, newest first" in said(page)


def test_filters_are_counted(decided):
    page = run()
    page.multiselect(key="history-reviewers").set_value(["bo"]).run()
    assert "1 of 3 events" in said(page)
    page.selectbox(key="history-kind").set_value("undos").run()
    assert "No event passes" in page.info[0].value


def test_undo_and_redo_of_the_reviewers_own(decided, monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "ana")
    page = run()
    assert button(page, "Redo").disabled
    button(page, "Undo my last").click().run()
    assert decided.labels.history()[-1].undoes == 3
    assert not button(page, "Redo").disabled
    button(page, "Redo").click().run()
    assert decided.labels.history()[-1].undoes == 4
    assert len(decided.reviewed()) == 2


def test_everything_that_passes_the_filters_is_chosen_at_once(audited):
    workspace = Workspace.open(audited)
    items = [str(item) for item in workspace.dataset.item_ids]
    for who in ("ana", "bo", "cy"):
        workspace.decide([Decision(item, "exclude") for item in items], reviewer=who)
    page = run()
    page.multiselect(key="history-reviewers").set_value(["ana", "bo", "cy"]).run()
    page.checkbox[0].set_value(True).run()
    assert page.checkbox[0].label == "Choose all 120, on every page"
    assert not button(page, "Undo 120 …").disabled
    assert "120 events chosen" in said(page)
    # Other filters, another choice.
    page.multiselect(key="history-reviewers").set_value(["ana", "bo"]).run()
    assert "80 of 120 events" in said(page)


def test_agreement_is_a_sentence_and_a_table(decided):
    page = view("agreement")
    assert "gave the same verdict on **0%** of 1 image" in said(page)
    assert "too few to rely on" in said(page)
    assert page.dataframe[0].value["who"].tolist() == ["ana and bo"]
    assert "disc" in page.dataframe[1].value["class"].tolist()


def test_without_doubles_it_says_how_to_get_some(audited):
    workspace = Workspace.open(audited)
    items = [str(item) for item in workspace.dataset.item_ids[:4]]
    workspace.decide([Decision(item, "keep") for item in items], reviewer="ana")
    page = view("agreement")
    assert "No image has the verdicts of two reviewers" in page.info[0].value
    page.text_input[0].set_value("bo")
    page.number_input[0].set_value(3)
    button(page, "Ask").click().run()
    assert [task.task for task in workspace.labels.assignments()] == ["second"] * 3


def test_a_conflict_is_settled_as_a_chained_event(decided):
    page = view("conflicts")
    assert "**ana** says" in said(page)
    assert "round" in said(page)
    assert "AIR margin suggests" in said(page)
    options = page.radio[0].options
    assert [option.partition(" (")[2] for option in options[:2]] == ["1 of 2 say so)"] * 2
    assert options[2:] == ["Leave it out", "Another label", "I cannot tell; leave it open"]
    assert button(page, "Settle").disabled
    page.radio[0].set_value(page.radio[0].options[1]).run()
    button(page, "Settle").click().run()
    asked, event = decided.labels.events()[3:]
    assert (asked.action, asked.task, asked.reviewer) == ("assign", "adjudication", event.reviewer)
    assert (event.action, event.reason) != ("unsure", "")
    assert decided.labels.verify().problems == ()
    assert "Every conflict is settled" in page.success[0].value
    assert page.dataframe[0].value["by"].tolist() == [event.reviewer]


def test_unsure_leaves_it_open_and_another_label_settles_it(decided):
    page = view("conflicts")
    page.radio[0].set_value("I cannot tell; leave it open").run()
    button(page, "Settle").click().run()
    assert decided.labels.history()[-1].action == "unsure"
    assert "was asked to settle it and is unsure" in said(page)
    page.radio[0].set_value("Another label").run()
    assert button(page, "Settle").disabled
    page.selectbox[1].set_value("noise").run()
    button(page, "Settle").click().run()
    assert decided.labels.history()[-1].new_label == "noise"
    assert str(decided.reviews().conflicts[0].settled) == "noise"


def test_a_vote_that_changed_meanwhile_stops_the_settlement(decided):
    page = view("conflicts")
    page.radio[0].set_value("Leave it out").run()
    item = decided.reviews().conflicts[0].item_id
    decided.decide([Decision(item, "relabel", label="noise")], reviewer="ana")
    button(page, "Settle").click().run()
    assert "has changed since it was last seen" in page.error[0].value
    assert [event.action for event in decided.labels.events()][3:] == ["relabel"]
    # Now that the new vote has been seen, the answer counts.
    page.radio[0].set_value("Leave it out").run()
    button(page, "Settle").click().run()
    assert decided.labels.history()[-1].action == "exclude"


def test_without_conflicts_it_says_so(audited):
    workspace = Workspace.open(audited)
    workspace.decide([Decision(str(workspace.dataset.item_ids[0]), "keep")], reviewer="ana")
    assert "Reviewers do not differ" in view("conflicts").info[0].value


def test_progress_shows_the_rate_the_rest_and_what_is_open(decided):
    page = view("progress")
    metrics = {metric.label: metric.value for metric in page.metric}
    assert (metrics["Reviewed"], metrics["Errors confirmed"]) == ("2", "1")
    assert metrics["Errors left"].startswith("≤ ")
    assert "Reviewers differ about 1 images" in said(page)
