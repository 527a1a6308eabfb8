"""Fits on a workspace: what is kept from one to the next, and the solvers behind them."""

import pytest

from air_core import pipeline
from air_core.errors import SolverError
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


@pytest.mark.slow
def test_a_path_is_solved_once(extracted):
    path = pipeline.fit_path(extracted, device="cpu")
    assert len(path.points) > 15
    assert all(point.converged for point in path.points)

    def unexpected(done, total, note):
        raise AssertionError("solved again")

    again = pipeline.fit_path(extracted, device="cpu", progress=unexpected)
    assert again.scales.tolist() == path.scales.tolist()
