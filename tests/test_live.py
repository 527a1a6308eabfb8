"""λ_g live: the stored path, rankings read from it, refinement, and what entered and left."""

import numpy as np
import pytest

from air_core import pipeline
from air_core.errors import Cancelled
from air_core.fitting import (
    Refiner,
    entered_left,
    fit_path,
    path_settings,
    rank_opinion,
    read_path,
    stored_path,
)
from air_core.fitting.path import expected_seconds, path_scales, probabilities_of
from air_core.ranking import margin_scores, margins, rank_items
from air_core.runs import feature_digest_of
from air_core.solver import exact
from air_core.workspace import Workspace
from benchmarks.ui_workspace import make


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return Workspace.open(make(tmp_path_factory.mktemp("live"), 400, classes=4, p=48))


@pytest.fixture(scope="module")
def run(workspace):
    assert stored_path(workspace) is None
    return fit_path(workspace, device="cpu")


def test_the_values_are_round_and_hold_the_papers(run):
    np.testing.assert_allclose(run.scales, path_scales(run.lambda_max))
    assert (np.diff(run.scales) < 0).all()
    assert run.scales[0] < run.lambda_max
    assert run.scales[-1] <= 5.1
    assert np.isclose(run.scales, 10.0).any()
    assert run.complete


def test_it_is_stored_once_as_a_run_with_its_features(workspace, run):
    def unexpected(done, total, note):
        raise AssertionError("solved again")

    again = fit_path(workspace, progress=unexpected)
    assert (again.run_id, again.points) == (run.run_id, run.points)
    assert feature_digest_of(workspace.runs_dir, run.run_id) == run.feature_digest
    assert again.suggestions.dtype == np.uint8
    assert isinstance(again.margins, np.memmap), "stays on disk until it is looked at"
    assert stored_path(workspace, path_settings("image")) is None
    assert expected_seconds(workspace) >= 0


def test_at_a_value_of_the_path_the_ranking_is_that_of_its_solution(workspace, run):
    features, dataset = pipeline.current_features(workspace).array, workspace.dataset
    for t in (2, len(run.points) // 2, len(run.points) - 1):
        point = run.points[t]
        probabilities = probabilities_of(features, run.coef[t], run.intercept[t], tags=False)
        wanted = rank_items(
            "air-margin",
            dataset.item_ids,
            dataset.given_labels,
            scores=margin_scores(margins(probabilities, dataset.given_labels)),
            probabilities=probabilities,
            activations=run.activations[t],
        )
        got = rank_opinion(read_path(run, dataset, point.lambda_scale), "air-margin", dataset)
        np.testing.assert_allclose(got.scores, wanted.scores, atol=1e-5)
        np.testing.assert_array_equal(got.suggested_labels, wanted.suggested_labels)
        np.testing.assert_allclose(got.confidences, wanted.confidences, atol=1e-3)
        assert got.flagged.sum() == point.flagged
        alone = exact(features, dataset.given_labels, lambda_scale=point.lambda_scale)
        np.testing.assert_allclose(
            got.activations,
            alone.activations[np.arange(len(dataset)), dataset.given_labels],
            rtol=0.05,
            atol=0.01,
        )
        by_activation = rank_opinion(
            read_path(run, dataset, point.lambda_scale), "air-activation", dataset
        )
        assert by_activation.order[0] == np.argmin(run.activations[t])


def test_between_two_values_it_agrees_with_the_exact_solution(workspace, run):
    dataset, refiner = workspace.dataset, Refiner(workspace, run, device="cpu")
    for t in (3, len(run.points) // 2, len(run.points) - 2):
        scale = float(np.sqrt(run.scales[t] * run.scales[t + 1]))
        read, solved = read_path(run, dataset, scale), refiner.solve(scale)
        assert (read.exact, solved.exact) == (False, True)
        assert read.lambda_g == pytest.approx(solved.lambda_g)
        np.testing.assert_allclose(read.margins, solved.margins, atol=0.05)
        one, other = (rank_opinion(x, "air-margin", dataset) for x in (read, solved))
        entered, left = entered_left(one, other, 50)
        assert max(len(entered), len(left)) <= 3
        # Order, flags and suggestions come from three places and must not contradict each other.
        np.testing.assert_array_equal(one.flagged, read.margins < 0)


def test_past_an_end_the_path_gives_its_last_value_and_the_solver_the_optimum(workspace, run):
    refiner = Refiner(workspace, run, device="cpu")
    for times, t in ((1.5, 0), (0.5, -1)):
        scale = times * run.points[t].lambda_scale
        read, solved = read_path(run, workspace.dataset, scale), refiner.solve(scale)
        np.testing.assert_array_equal(read.margins, run.margins[t])
        assert (read.exact, solved.exact) == (False, True)
        assert read.lambda_g == pytest.approx(scale * run.points[t].lambda_g / run.scales[t])
        assert solved.lambda_g == pytest.approx(read.lambda_g)
        assert not np.allclose(solved.activations, run.activations[t], rtol=1e-3)
    silent = refiner.solve(1.01 * run.lambda_max)
    assert not silent.activations.any()


def test_entered_and_left_equal_brute_force(workspace, run):
    dataset = workspace.dataset
    before, after = (
        rank_opinion(read_path(run, dataset, scale), "air-margin", dataset)
        for scale in (10.0, run.scales[0])
    )

    def worst(ranking):
        rows = [row for row in ranking.order.tolist() if ranking.flagged[row]]
        return rows[:30]

    entered, left = entered_left(before, after, 30)
    assert entered.tolist() == [row for row in worst(after) if row not in worst(before)]
    assert left.tolist() == [row for row in worst(before) if row not in worst(after)]
    assert len(entered)
    assert not any(len(rows) for rows in entered_left(before, before, 30))


def test_a_cancelled_path_keeps_its_values_and_goes_on(tmp_path):
    workspace = Workspace.open(make(tmp_path, 200, classes=3, p=24))
    done = []

    def stop(number, total, note):
        done.append(number)
        if number == 3:
            raise Cancelled("Stopped on request.")

    with pytest.raises(Cancelled):
        fit_path(workspace, device="cpu", progress=stop)
    part = stored_path(workspace)
    assert (len(part.points), part.complete) == (3, False)
    whole = fit_path(workspace, device="cpu", progress=lambda *told: done.append(told[0]))
    assert done == list(range(1, len(whole.points) + 1))
    assert whole.complete
    assert whole.points[:3] == part.points
    np.testing.assert_allclose(whole.scales, path_scales(whole.lambda_max))
    assert [path.name for path in workspace.runs_dir.glob("*-path-*")] == [whole.run_id]
