"""A detector beyond the audit's is run from the compare page and is then everywhere."""

import time
from pathlib import Path

import numpy as np
from streamlit.testing.v1 import AppTest

from air_core import pipeline
from air_core.labels import Decision
from air_core.workspace import Workspace
from pages import recipes, resources
from pages.jobs import registry

PAGES = Path(__file__).parents[2] / "pages"
REVIEW, COMPARE = str(PAGES / "review.py"), str(PAGES / "compare.py")


def test_a_detector_that_was_run_is_offered_with_the_audits(audited):
    assert list(resources.detectors()) == list(pipeline.DETECTORS)
    assert resources.ranking("knn") is None
    workspace = Workspace.open(audited)
    pipeline.rank(workspace, "knn")
    assert list(resources.detectors()) == [*pipeline.DETECTORS, "knn"]
    found = resources.ranking("knn")
    assert found is not None
    assert found.detector == "knn"


def test_its_job_leaves_a_ranking(audited):
    workspace = Workspace.open(audited)
    recipe = registry._recipes[recipes.DETECT]
    recipe(workspace.root, {"detector": "knn"}, lambda done, total, note: None)
    assert pipeline.latest_fit(Workspace.open(audited), "detector.knn") is not None


def test_it_learns_from_what_reviewers_changed_and_goes_back(audited):
    workspace = Workspace.open(audited)
    pipeline.rank(workspace, "consensus")
    page = AppTest.from_file(REVIEW, default_timeout=60).run()
    assert "learn-reviews" not in buttons(page)
    wrong = str(workspace.dataset.item_ids[3])
    decision = Decision(wrong, "relabel", label="noise")
    workspace.labels.record([decision], reviewer="ana", old_labels={wrong: "disc"})
    page = page.run()
    assert buttons(page)["learn-reviews"].label == "Learn from 1 changed label"
    before = resources.ranking("consensus").scores
    buttons(page)["learn-reviews"].click().run()
    finished(audited)
    page = page.run()
    assert resources.fit("detector.consensus").notes["corrections"] == 1
    assert (resources.ranking("consensus").scores != before).any()
    assert "Learnt from 1 changed label." in [said.value for said in page.caption]
    compare = AppTest.from_file(COMPARE, default_timeout=60)
    compare.session_state["compare-detector-a"] = "consensus"
    said = [caption.value for caption in compare.run().caption]
    assert any("Learnt from changed labels: Consensus." in text for text in said)
    other = Decision(wrong, "relabel", label="stripe")
    workspace.labels.record([other], reviewer="ana", old_labels={wrong: "disc"})
    page = page.run()
    assert buttons(page)["learn-reviews"].label == "Learn from 1 changed label as decided now"
    pipeline.ranking_made(workspace)
    assert pipeline.latest_fit(workspace, "detector.consensus").notes["corrections"] == 1
    buttons(page)["learn-given"].click().run()
    finished(audited)
    np.testing.assert_array_equal(resources.ranking("consensus").scores, before)


def buttons(page):
    assert not page.exception
    return {button.key: button for button in page.button}


def finished(folder):
    job = registry.find(folder.resolve(), recipes.DETECT)
    deadline = time.monotonic() + 60
    while job.live and time.monotonic() < deadline:
        time.sleep(0.02)
    assert job.state == "done", job.note
