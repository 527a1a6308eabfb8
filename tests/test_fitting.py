"""Fits on a workspace: what is kept from one to the next, and the solvers behind them."""

import numpy as np
import pytest

from air_core import pipeline
from air_core.errors import SolverError
from air_core.solver import SolverConfig, adapt, tune_lambda, tuning
from tests.shapes import WRONG, make_source


@pytest.fixture(scope="module")
def extracted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fits")
    workspace = pipeline.open_source(make_source(folder / "source"), folder / "ws")
    pipeline.extract(workspace, device="cpu")
    return workspace


def worst(workspace, detector="air-margin"):
    ranking = pipeline.rank(workspace, detector)
    return {workspace.dataset.paths[row] for row in ranking.order[: len(WRONG)]}


def test_a_refit_keeps_everything_but_lambda(extracted):
    first = pipeline.fit(
        extracted, strength="paper", settings={"epochs": 7, "rho_max": 20.0, "seed": 3}
    )
    again = pipeline.refit(extracted, 4.0)
    kept = ("epochs", "rho_max", "seed", "update")
    assert {k: again.settings[k] for k in kept} == {k: first.settings[k] for k in kept}
    assert again.lambda_scale == 4.0
    assert pipeline.latest_fit(extracted, "air").run_id == again.run_id
    back = pipeline.refit(extracted, 10.0)
    assert back.lambda_scale == 10.0


def test_going_back_to_settings_that_were_fitted_costs_nothing(extracted):
    first = pipeline.fit(extracted, strength="paper", settings={"epochs": 3})
    pipeline.fit(extracted, strength="paper", settings={"epochs": 4})
    back = pipeline.fit(extracted, strength="paper", settings={"epochs": 3})
    assert back.run_id == first.run_id
    assert pipeline.latest_fit(extracted, "air").run_id == first.run_id


def test_the_exact_solver_ranks_as_well_and_says_how_exact_it_is(extracted):
    fit = pipeline.fit(extracted, solver="exact")
    assert fit.notes["converged"]
    assert fit.notes["optimality"] <= 1e-4
    assert worst(extracted) == set(WRONG)
    with pytest.raises(SolverError, match="rho_max"):
        pipeline.fit(extracted, solver="exact", settings={"rho_max": 3.0})


def test_the_exact_solver_chooses_its_lambda_at_the_lambda_1_of_the_user(extracted, monkeypatch):
    monkeypatch.setattr(tuning, "FEWEST", 5)
    x = pipeline.current_features(extracted).array
    y = extracted.dataset.given_labels
    classes = len(extracted.dataset.class_names)
    apart = [
        tune_lambda(x, y, n_classes=classes, lambda_1=lambda_1).lambda_scale
        for lambda_1 in (1e-6, 3.0)
    ]
    assert apart[0] != apart[1]  # else nothing is told
    for lambda_1, scale in zip((1e-6, 3.0), apart, strict=True):
        made = pipeline.fit(extracted, solver="exact", settings={"lambda_1": lambda_1})
        assert made.lambda_scale == scale


def test_the_automatic_strength_is_that_of_the_estimator_and_its_trials_are_kept(
    extracted, monkeypatch
):
    monkeypatch.setattr(tuning, "FEWEST", 5)  # of 36 images a fifth is held out
    made = pipeline.fit(extracted, settings={"epochs": 6})
    features = pipeline.current_features(extracted).array
    config = SolverConfig(epochs=6)
    chosen = adapt(features, extracted.dataset.given_labels, config, n_classes=3, device="cpu")
    assert made.settings == {"solver": "sadmm", "strength": "auto"} | chosen.config.as_dict()
    assert made.notes["strength"] == chosen.reason
    assert sum(trial["chosen"] for trial in made.notes["trials"]) == 1
    for trial in made.notes["trials"]:
        assert len(trial["accuracy_by_epoch"]) == len(trial["loss_by_epoch"]) == 6
        assert trial["accuracy"] == trial["accuracy_by_epoch"][trial["epochs"] - 1]
    again = pipeline.latest_fit(extracted, "air")
    assert again.notes == made.notes


def test_a_lambda_that_was_asked_for_is_not_lowered(extracted):
    asked = pipeline.fit(extracted, lambda_scale=500.0, settings={"epochs": 2})
    assert asked.lambda_scale == 500.0
    assert "lowered" not in asked.notes["strength"]


@pytest.mark.slow
def test_a_path_is_solved_once(extracted):
    path = pipeline.fit_path(extracted, device="cpu")
    assert len(path.points) > 15
    assert all(point.converged for point in path.points)

    def unexpected(done, total, note):
        raise AssertionError("solved again")

    again = pipeline.fit_path(extracted, device="cpu", progress=unexpected)
    assert again.scales.tolist() == path.scales.tolist()


def test_a_kept_fit_knows_its_suggestions_and_one_of_before_is_read_all_the_same(extracted):
    workspace = extracted
    pipeline.fit(workspace, strength="paper", settings={"epochs": 2})
    fit = pipeline.latest_fit(workspace, "air")
    assert fit.likeliest is not None
    np.testing.assert_array_equal(fit.suggested, np.argmax(fit.probabilities, axis=1))
    np.testing.assert_array_equal(fit.confidences, np.max(fit.probabilities, axis=1))
    before = pipeline.rank(workspace, "air-margin")
    for name in ("suggested", "second_labels"):
        (workspace.runs_dir / fit.run_id / f"{name}.npy").unlink()
    assert pipeline.latest_fit(workspace, "air").likeliest is None
    after = pipeline.rank(workspace, "air-margin")
    np.testing.assert_array_equal(after.suggested_labels, before.suggested_labels)
    np.testing.assert_array_equal(after.confidences, before.confidences)
    np.testing.assert_array_equal(after.others.labels, before.others.labels)
    np.testing.assert_array_equal(after.others.confidences, before.others.confidences)
