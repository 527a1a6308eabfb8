"""The linear models' sweep over rows, and their peace between two thread pools."""

from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from air_core.baselines import newton


@pytest.mark.parametrize(("rows", "columns"), [(1500, 3), (3000, 40), (7, 3)])
def test_rows_are_swept_as_if_all_at_once(rows, columns):
    rng = np.random.default_rng(0)
    z = rng.standard_normal((rows, 1280)).astype(np.float32)
    weights = rng.standard_normal((1281, columns)) / 40
    wanted = rng.standard_normal((rows, columns)).astype(np.float32)
    seen = np.zeros(rows, dtype=int)

    def of_rows(scores, part):
        seen[part] += 1
        off = scores - wanted[part]
        return 0.5 * float(np.square(off).sum()), off

    value, slope = newton._swept(z, weights, of_rows)
    off = z @ weights[:-1] + weights[-1] - wanted
    assert (seen == 1).all()
    assert value == pytest.approx(0.5 * np.square(off).sum() / rows, rel=1e-4)
    np.testing.assert_allclose(slope[:-1], z.T @ off / rows, atol=2e-4)
    np.testing.assert_allclose(slope[-1], off.mean(axis=0), atol=2e-4)


def test_scipys_own_threads_rest_while_it_searches():
    def threads():
        blas = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
        return {Path(pool["filepath"]).parent.name: pool["num_threads"] for pool in blas}

    if not {"scipy.libs", "numpy.libs"} <= threads().keys():
        pytest.skip("SciPy has no BLAS of its own here")
    seen = []

    def loss(x):
        seen.append(threads())
        return float(x @ x), 2 * x

    with threadpool_limits(2, "blas"):
        before = threads()
        found = newton._searched(loss, np.ones((2, 1)), gtol=1e-6)
        assert threads() == before
    assert before["scipy.libs"] == before["numpy.libs"] == 2
    assert abs(found.x).max() < 1e-3
    assert {(one["scipy.libs"], one["numpy.libs"]) for one in seen} == {(1, 2)}
