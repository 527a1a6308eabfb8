"""The prox against its definition, and activations against their n·p·C form."""

import numpy as np
import torch

from air_core.solver.matrix import FeatureMatrix
from air_core.solver.penalty import activations, shrinkage


def test_shrinkage_minimises_the_prox_problem():
    rng = np.random.default_rng(0)
    z = rng.normal(size=8)
    alpha = 0.7
    s = float(shrinkage(torch.tensor([np.linalg.norm(z)]), alpha))

    def objective(v):
        return alpha * np.linalg.norm(v) + 0.5 * np.sum((v - z) ** 2)

    best = objective(s * z)
    assert all(best <= objective(s * z + 1e-3 * rng.normal(size=8)) for _ in range(200))


def test_activations_equal_the_norms_written_out():
    rng = np.random.default_rng(0)
    x, w = rng.random((7, 5)), rng.normal(size=(5, 3))
    expected = np.linalg.norm(x[:, :, None] * w[None], axis=1)
    got = activations(FeatureMatrix(x, scale=1, dtype=torch.float64), torch.tensor(w))
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-12)
