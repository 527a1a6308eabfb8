"""The linear models' sweep over rows, and their peace between two thread pools."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info

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
    if not any("scipy.libs" in pool["filepath"] for pool in threadpool_info()):
        pytest.skip("SciPy has no BLAS of its own here")
    threads = []

    def loss(x):
        threads.extend(
            pool["num_threads"] for pool in threadpool_info() if "scipy.libs" in pool["filepath"]
        )
        return float(x @ x), 2 * x

    found = newton._searched(loss, np.ones((2, 1)), gtol=1e-6)
    assert abs(found.x).max() < 1e-3
    assert set(threads) == {1}
