"""A detector beyond the audit's is run from the compare page and is then everywhere."""

from air_core import pipeline
from air_core.workspace import Workspace
from pages import recipes, resources
from pages.jobs import registry


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
    assert pipeline.rank_detected(Workspace.open(audited), "knn") is not None
