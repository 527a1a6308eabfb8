"""Maps keep neighbours together, repeat with a seed, and stop when told."""

import numpy as np
import pytest
from sklearn.metrics import silhouette_score

from air_core.errors import Cancelled, SolverError
from air_core.projection import project
from tests.solver.problems import noisy_blobs


@pytest.mark.parametrize("method", ["tsne", "umap"])
def test_classes_form_clusters_and_the_seed_decides(method):
    x, y, _ = noisy_blobs(150, 30, 3)
    seen = []
    first = project(x, method, seed=1, progress=lambda done, total, note: seen.append(done))
    assert first.shape == (150, 2)
    assert first.dtype == np.float32
    assert silhouette_score(first, y) > 0.4
    assert seen[-1] == 100
    assert len(set(seen)) > 5
    np.testing.assert_array_equal(project(x, method, seed=1), first)


@pytest.mark.parametrize("method", ["tsne", "umap"])
def test_a_map_can_be_cancelled_midway(method):
    x, _, _ = noisy_blobs(100, 30, 3)

    def stop(done, total, note):
        if 20 < done < 100:
            raise Cancelled("Stopped on request.")

    with pytest.raises(Cancelled):
        project(x, method, progress=stop)


def test_few_images_and_unknown_methods_are_refused():
    with pytest.raises(SolverError, match="at least 4"):
        project(np.ones((3, 5)))
    with pytest.raises(SolverError, match="tsne"):
        project(np.ones((9, 5)), "isomap")
