"""The review page: empty, not audited, ready."""

from __future__ import annotations

import time

from streamlit.testing.v1 import AppTest

from air_core import pipeline
from air_core.labels import Decision
from air_core.labels.assignments import Handout
from air_core.workspace import Workspace
from pages import state
from pages.components import tiles
from pages.jobs import registry

PAGE = "../../pages/review.py"


def run() -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=30).run()
    assert not page.exception
    return page


def test_without_a_workspace_it_names_the_commands(nothing_open):
    page = run()
    assert page.subheader[0].value == "No workspace is open"
    assert [code.value for code in page.code] == [
        "air-audit demo",
        "air-audit open IMAGES --workspace AUDIT\nair-audit ui AUDIT",
    ]


def test_a_damaged_workspace_is_one_line(imported):
    (imported / "workspace.json").write_text("{")
    page = run()
    assert len(page.error) == 1
    assert "Traceback" not in page.error[0].value


def test_before_the_audit_it_offers_to_start_one(imported, monkeypatch):
    monkeypatch.setattr(pipeline, "audit", lambda workspace, progress: progress(1, 2, "features"))
    monkeypatch.setattr(pipeline, "rank", lambda workspace, progress: None)
    page = run()
    page.button[0].click().run()
    job = registry.find(imported.resolve(), "audit")
    assert job is not None
    deadline = time.monotonic() + 5
    while job.live and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (job.state, job.note) == ("done", "features")


def test_it_shows_the_flagged_images_and_how_far_the_review_is(audited):
    workspace = Workspace.open(audited)
    ranking = pipeline.rank(workspace)
    flagged = int(ranking.flagged.sum())
    page = run()
    assert page.title[0].value == "Review"
    (progress,) = page.get("progress")
    assert progress.proto.text == f"Reviewed **0** of **{flagged}** flagged images"
    assert page.selectbox(key="review-scope").value == "flagged"
    assert "review-grid" in [part.key for part in page.get("bidi_component")]


def test_a_selection_is_named_and_can_be_cleared(audited):
    workspace = Workspace.open(audited)
    page = AppTest.from_file(PAGE, default_timeout=30)
    page.session_state["air.selection"] = tuple(workspace.dataset.item_ids[:3].tolist())
    page.session_state["air.selection_from"] = "the map"
    page.run()
    assert any("Showing the 3 selected from the map" in text.value for text in page.markdown)
    next(b for b in page.button if b.label == "Clear the selection").click().run()
    assert not page.exception
    assert not any("selected from" in text.value for text in page.markdown)


def test_every_detector_can_be_chosen(audited):
    page = run()
    for detector in pipeline.DETECTORS:
        page.selectbox(key="review-detector").set_value(detector).run()
        assert not page.exception


def test_what_waits_in_the_queue_is_offered_and_judged_without_knowing_the_others(
    audited, monkeypatch
):
    workspace = Workspace.open(audited)
    items = [str(item) for item in workspace.dataset.item_ids[[3, 7, 9]]]
    workspace.decide([Decision(item, "exclude") for item in items], reviewer="ben")
    turns = Handout([(item, "ana") for item in items[:2]])
    workspace.labels.assign(turns, task="second", by="lea")
    monkeypatch.setattr(state, "reviewer", lambda: "ana")
    drawn: dict[str, str | None] = {}
    draw = tiles.tiles

    def seen(*args, **how):
        made = draw(*args, **how)
        drawn.update({item.item_id: item.decision for item in made})
        return made

    page = AppTest.from_file(PAGE, default_timeout=30)
    monkeypatch.setattr(tiles, "tiles", seen)
    page.run()
    assert not page.exception
    (button,) = (one for one in page.button if one.label == "Review my queue")
    drawn.clear()
    page = button.click().run()
    assert not page.exception
    assert drawn == dict.fromkeys(items[:2])
    assert not [one for one in page.button if one.label == "Review my queue"]
    workspace.decide([Decision(items[0], "keep")], reviewer="ana")
    drawn.clear()
    page.run()
    assert drawn[items[0]] == "keep", "what one has said oneself is shown"


def test_the_consensus_comes_first_once_it_was_asked_and_air_is_one_click_away(audited):
    workspace = Workspace.open(audited)
    before = run()
    assert before.selectbox(key="review-detector").value == "air-margin"
    ranking = pipeline.rank(workspace)
    assert ranking.detector == "consensus"
    page = run()
    assert page.selectbox(key="review-detector").value == "consensus"
    (button,) = [one for one in page.button if one.label == "Rank by AIR and move λ_g"]
    button.click().run()
    (detector,) = [one for one in page.selectbox if one.label == "Detector"]
    assert detector.value == "air-margin"
    assert not page.exception
