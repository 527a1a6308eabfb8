"""The λ path: every point certified, cancellable, stored whole, refined quickly."""

import numpy as np
import pytest

from air_core.errors import Cancelled, SolverError
from air_core.solver import LambdaPath, PathRefiner, air_path, changes, exact
from tests.solver.problems import noisy_blobs

X, Y, WRONG = noisy_blobs(120, 24, 3, noise=0.2)


@pytest.fixture(scope="module")
def path():
    return air_path(X, Y, count=8)


def test_every_point_is_certified_and_equals_a_solve_from_scratch(path):
    assert len(path.points) == 8
    assert path.complete
    assert (np.diff(path.scales) < 0).all()
    assert path.scales[0] / X.shape[1] < path.lambda_max
    for point in path.points:
        assert point.converged
        assert point.optimality <= 1e-4
    point = path.points[4]
    alone = exact(X, Y, lambda_scale=point.lambda_scale)
    np.testing.assert_allclose(
        point.activations, alone.activations[np.arange(len(Y)), Y], rtol=0.05, atol=0.01
    )


def test_it_is_stored_and_read_back(path, tmp_path):
    path.save(tmp_path / "path.npz")
    again = LambdaPath.load(tmp_path / "path.npz")
    assert (again.lambda_max, again.group, again.complete) == (
        path.lambda_max,
        path.group,
        path.complete,
    )
    for one, other in zip(path.points, again.points, strict=True):
        np.testing.assert_array_equal(one.coef, other.coef)
        np.testing.assert_array_equal(one.margins, other.margins)
        assert one.optimality == other.optimality
    (tmp_path / "path.npz").write_bytes(b"cut")
    with pytest.raises(SolverError, match="Compute it again"):
        LambdaPath.load(tmp_path / "path.npz")


def test_cancelling_keeps_what_is_there():
    def stop(done, total, note):
        if done == 3:
            raise Cancelled("Stopped on request.")

    part = air_path(X, Y, count=8, progress=stop)
    assert len(part.points) == 3
    assert not part.complete


def test_refinement_between_points_is_exact_and_cheap(path):
    scale = float(np.sqrt(path.scales[3] * path.scales[4]))
    refined = PathRefiner(X, Y, path).solve(scale)
    assert refined.converged
    alone = exact(X, Y, lambda_scale=scale)
    assert refined.evaluations < alone.history[-1]["evaluations"]
    np.testing.assert_allclose(refined.coef, alone.coef, atol=0.02 * np.abs(alone.coef).max())


def test_what_changed_between_two_strengths():
    before, after = np.array([0.1, 0.2, 0.3, 0.9]), np.array([0.1, 0.8, 0.3, 0.05])
    moved = changes(before, after, top=2)
    assert moved.entered.tolist() == [3]
    assert moved.left.tolist() == [1]
    same = changes(before, before, top=2)
    assert not len(same.entered)
    assert not len(same.left)


def test_asked_for_values_are_solved():
    got = air_path(X, Y, lambda_scales=[0.5, 2.0])
    np.testing.assert_allclose(got.scales, [2.0, 0.5])
    with pytest.raises(SolverError, match="> 0"):
        air_path(X, Y, lambda_scales=[0.0])
