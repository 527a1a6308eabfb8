"""Noise and copies of a workspace: kept, found again, and corrected by verdicts."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from air_core import facts, pipeline
from air_core.cli import app
from air_core.decisions import settle
from air_core.errors import Cancelled, WorkspaceError
from air_core.labels import Decision
from air_core.noise import NoiseEstimate
from air_core.reviewers import assign_sample
from air_core.stopping import review_progress
from air_core.workspace import Workspace
from tests.shapes import make_source


@pytest.fixture(scope="module")
def extracted_once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("facts")
    source = make_source(folder / "source")
    shutil.copy(source.parent / "images" / "05.png", source.parent / "images" / "99.png")
    with source.open("a") as file:
        file.write("images/99.png,circle\n")  # 05 is striped
    pipeline.extract(pipeline.open_source(source, folder / "audit"), device="cpu")
    return folder / "audit"


@pytest.fixture
def workspace(extracted_once, tmp_path):
    shutil.copytree(extracted_once, tmp_path / "audit")
    opened = Workspace.open(tmp_path / "audit")
    yield opened
    opened.close()


def corrected(workspace: Workspace, estimate: NoiseEstimate) -> facts.NoiseFacts:
    log = workspace.labels
    return facts.noise_facts(workspace.dataset, estimate, log.history(), log.assignments())


def supposed(workspace: Workspace, rate: float = 0.3) -> NoiseEstimate:
    """An estimate of the same rate in each class, from 0.2 to 0.5."""
    dataset = workspace.dataset
    classes = len(dataset.class_names)
    matrix = np.full((classes, classes), rate / (classes - 1))
    np.fill_diagonal(matrix, 1 - rate)
    low, high = matrix.copy(), matrix.copy()
    np.fill_diagonal(low, 0.5)
    np.fill_diagonal(high, 0.8)
    return NoiseEstimate(
        sizes=np.bincount(dataset.given_labels, minlength=classes),
        transition=matrix, low=low, high=high, overall=(rate, 0.2, 0.5),
        wrong=np.full(len(dataset), rate), latent=np.full(classes, rate),
        confident=np.full(classes, rate),
    )  # fmt: skip


def test_the_estimate_is_kept_and_of_these_labels_only(workspace):
    assert facts.stored_noise(workspace) is None
    made = facts.noise(workspace)
    found = facts.stored_noise(workspace)
    np.testing.assert_array_equal(found.low, made.low)
    assert found.overall == made.overall
    assert facts.noise(workspace).overall == made.overall
    (file,) = workspace.runs_dir.glob("noise-*")
    file.write_bytes(b"damaged")
    assert facts.stored_noise(workspace) is None


def test_without_verdicts_the_model_speaks(workspace):
    found = corrected(workspace, supposed(workspace))
    assert {one.source for one in found.classes} == {"model"}
    np.testing.assert_allclose(
        [(one.rate, one.low, one.high) for one in (*found.classes, found.overall)],
        [(0.3, 0.2, 0.5)] * 4,
    )
    assert found.overall.count == (11, 7, 19)


def test_verdicts_count_as_they_are_and_shrink_the_interval(workspace):
    dataset = workspace.dataset
    rows = np.flatnonzero(dataset.given_labels == 0)
    ids = dataset.item_ids[rows].tolist()
    workspace.decide([Decision(item, "keep") for item in ids[:6]], reviewer="ana")
    workspace.decide([Decision(ids[6], "relabel", "square")], reviewer="ana")
    workspace.decide([Decision(ids[7], "unsure")], reviewer="ana")
    found = corrected(workspace, supposed(workspace)).classes[0]
    size, left = len(rows), len(rows) - 7
    assert (found.source, found.judged) == ("model and reviews", 7)
    assert found.rate == pytest.approx((1 + 0.3 * left) / size)
    assert found.low == pytest.approx((1 + 0.2 * left) / size)
    assert found.high == pytest.approx((1 + 0.5 * left) / size)
    workspace.decide([Decision(item, "keep") for item in ids[7:]], reviewer="ana")
    found = corrected(workspace, supposed(workspace)).classes[0]
    assert (found.source, found.rate, found.low, found.high) == ("reviews", *[1 / size] * 3)


def test_a_random_sample_beats_the_model(workspace):
    tasks = assign_sample(workspace.dataset, workspace.labels, ["ana"], 30, by="ana", seed=0)
    for task in tasks:
        workspace.decide([Decision(task.item_id, "keep")], reviewer="ana")
    found = corrected(workspace, supposed(workspace))
    assert found.overall.source == "random sample"
    assert found.overall.rate == 0
    assert found.overall.high < 0.2
    # Of each class fewer than twenty were drawn.
    assert {one.source for one in found.classes} == {"model and reviews"}


def test_a_sample_says_nothing_of_images_that_came_after_it(workspace):
    tasks = assign_sample(workspace.dataset, workspace.labels, ["ana"], 30, by="ana", seed=0)
    for task in tasks:
        workspace.decide([Decision(task.item_id, "keep")], reviewer="ana")
    log = workspace.labels
    smaller = [replace(task, population=task.population - 5) for task in log.assignments()]
    found = facts.noise_facts(workspace.dataset, supposed(workspace), log.history(), smaller)
    assert found.overall.source == "model and reviews"


def test_the_sample_and_the_stopping_rule_agree_after_a_conflict_was_settled(workspace):
    tasks = assign_sample(workspace.dataset, workspace.labels, ["ana"], 30, by="ana", seed=0)
    for task in tasks:
        workspace.decide([Decision(task.item_id, "keep")], reviewer="ana")
    first = tasks[0].item_id
    workspace.decide([Decision(first, "exclude")], reviewer="ben")
    settle(workspace, Decision(first, "keep"), reviewer="eve")
    workspace.decide([Decision(first, "exclude")], reviewer="ben")
    log = workspace.labels
    stopping = review_progress(workspace.dataset, log.history(), log.assignments())
    found = corrected(workspace, supposed(workspace)).overall
    assert found.source == "random sample"
    assert found.rate * found.size == pytest.approx(stopping.errors + stopping.left.estimate)


def test_copies_are_found_kept_and_their_conflict_told(workspace):
    found = facts.copies(workspace)
    dataset = workspace.dataset
    copied = {dataset.paths.index("images/05.png"), dataset.paths.index("images/99.png")}
    (one,) = [group for group in found.groups if copied <= set(group.rows)]
    assert one.conflicting
    assert found.groups[0].conflicting
    assert found.conflicts[0] in found.groups
    again = facts.stored_copies(workspace)
    assert again.groups == found.groups
    np.testing.assert_array_equal(again.oddness, found.oddness)
    assert not list(workspace.runs_dir.glob("*.partial"))


def test_a_search_that_was_cancelled_leaves_no_result_and_can_go_on(workspace):
    def stop(done, total, note):
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        facts.copies(workspace, progress=stop)
    assert facts.stored_copies(workspace) is None
    assert facts.copies(workspace).groups


def test_far_images_are_those_beyond_the_bound():
    far = np.exp(np.random.default_rng(0).normal(-1, 0.1, 200))
    far[[7, 90]] = 1.5, 2.0
    assert facts.Copies((), far).odd.tolist() == [90, 7]
    assert not len(facts.Copies((), np.full(5, 0.3)).odd)


def test_tags_have_no_such_estimate(tmp_path, csv_source):
    (csv_source / "tags.csv").write_text("path,label\nimages/a.png,x;y\nimages/b.png,y\n")
    opened = pipeline.open_source(csv_source / "tags.csv", tmp_path / "w", separator=";")
    with pytest.raises(WorkspaceError, match="one label an image"):
        facts.noise(opened)


def test_the_commands_say_the_same(workspace):
    run = CliRunner().invoke
    done = run(app, ["noise", str(workspace.root), "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["overall"]["labels"] == 37
    assert [row["class"] for row in said["classes"]] == list(workspace.dataset.class_names)
    assert "circle" in run(app, ["noise", str(workspace.root)]).stdout
    done = run(app, ["duplicates", str(workspace.root), "--json"])
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["groups"][0]["conflicting"]
    assert {item["path"] for group in said["groups"] for item in group["items"]} >= {
        "images/05.png", "images/99.png",
    }  # fmt: skip
    assert "labels that differ" in " ".join(
        run(app, ["duplicates", str(workspace.root)]).stdout.split()
    )


def test_a_rate_that_was_a_whole_number_of_images_counts_as_that_number():
    for size in range(1, 300):
        for wrong in range(size + 1):
            rate = wrong / size
            assert facts.ClassNoise(size, rate, rate, rate, size, "reviews").count == (wrong,) * 3
