"""Refining a workspace: what it leaves, what it learns from, what it refuses."""

import shutil

import numpy as np
import pytest

from air_core import pipeline
from air_core.errors import Cancelled, SolverError, WorkspaceError
from air_core.fitting import latest_fit, refine_features, refined_features
from air_core.fitting.refined import known_labels
from air_core.labels import Decision
from air_core.workspace import Workspace
from tests.shapes import WRONG, make_source

SETTINGS = {"rounds": 2, "epochs": 3, "views": 2, "batch_size": 12, "input_size": 64}


@pytest.fixture(scope="module")
def opened_once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("refined")
    pipeline.open_source(make_source(folder), folder / "audit").close()
    return folder / "audit"


@pytest.fixture
def workspace(opened_once, tmp_path):
    shutil.copytree(opened_once, tmp_path / "audit")
    return Workspace.open(tmp_path / "audit")


def row(workspace, path):
    return workspace.dataset.paths.index(path)


@pytest.mark.slow
def test_refined_features_and_ranking_serve_all_that_follows(workspace):
    published = pipeline.extract(workspace, device="cpu")
    refined = pipeline.refine(workspace, settings=SETTINGS, device="cpu")
    assert refined_features(workspace)
    features = pipeline.current_features(workspace)
    assert features.digest == refined.feature_digest != published.digest
    assert latest_fit(workspace, "air").feature_digest == features.digest
    assert latest_fit(workspace, "svm").feature_digest == features.digest
    ranking = pipeline.rank(workspace, pipeline.detector_name(workspace, "refined"))
    assert set(ranking.order[:6]) >= {row(workspace, path) for path in WRONG}
    assert not (workspace.features_dir / "inner").exists()
    assert not list(workspace.runs_dir.glob("*.checkpoint"))
    # Asked for once more it is found; the way back and forth costs nothing.
    assert pipeline.extract(workspace, device="cpu").digest == published.digest
    assert not refined_features(workspace)
    again = pipeline.refine(workspace, settings=SETTINGS, device="cpu")
    assert again.run_id == refined.run_id
    assert refined_features(workspace)


@pytest.mark.slow
def test_a_stopped_workspace_goes_on_to_the_same_result(workspace, tmp_path):
    other = Workspace.open(shutil.copytree(workspace.root, tmp_path / "other"))
    whole = refine_features(other, settings=SETTINGS, device="cpu")

    def stop(done, total, note):
        if note == "Training the last blocks" and done > 3 * len(workspace.dataset):
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        refine_features(workspace, settings=SETTINGS, device="cpu", progress=stop)
    assert latest_fit(workspace, "refined") is None
    seen = []
    found = refine_features(
        workspace, settings=SETTINGS, device="cpu", progress=lambda *told: seen.append(told)
    )
    n = len(workspace.dataset)
    trained = [done for done, _, note in seen if note == "Training the last blocks"]
    assert min(trained) > 3 * n
    assert np.array_equal(found.margins, whole.margins)
    assert np.array_equal(found.coef, whole.coef)


def test_decisions_are_learnt_from(workspace):
    dataset = workspace.dataset
    kept, changed, dropped = (dataset.item_ids[i] for i in (0, 3, 5))
    workspace.decide(
        [
            Decision(kept, "keep"),
            Decision(changed, "relabel", label="circle"),
            Decision(dropped, "exclude"),
        ],
        reviewer="ada",
    )
    known = known_labels(workspace)
    assert known.labels[3] == dataset.class_names.index("circle") != known.given[3]
    assert known.labels[5] == -1
    assert np.flatnonzero(known.settled).tolist() == [0, 3]


def test_tags_and_unknown_settings_are_refused(workspace, tmp_path):
    with pytest.raises(SolverError, match=r"Expected settings among .*, got speed"):
        refine_features(workspace, settings={"speed": 9})
    source = tmp_path / "tagged.csv"
    shutil.copytree(workspace.dataset.files[0].parent, tmp_path / "images")
    source.write_text("path,tags\nimages/00.png,a;b\nimages/01.png,a\n")
    tagged = pipeline.open_source(source, tmp_path / "tagged", separator=";", label_column="tags")
    with pytest.raises(SolverError, match="one label an image"):
        refine_features(tagged)


def test_a_ranking_that_is_not_there_says_how_to_make_it(workspace):
    with pytest.raises(WorkspaceError, match="Run air-audit refine"):
        pipeline.rank(workspace, "refined-margin")
