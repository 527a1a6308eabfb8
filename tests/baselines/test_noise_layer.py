"""CudaConv and its noise layer: projection, determinism, and a Q that is found."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from air_core.baselines.noise_layer import NoiseLayer, Schedule
from air_core.baselines.noise_layer import train_cudaconv as train
from air_core.baselines.simplex import nearest_distributions
from air_core.errors import SolverError
from air_core.noise import flip, random_confusions


def coloured(n, classes, seed):
    """Noisy squares whose colour tells the class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    colours = np.random.default_rng(0).integers(30, 226, (classes, 3, 1, 1))
    pixels = rng.normal(colours[labels], 25, (n, 3, 32, 32))
    return pixels.clip(0, 255).astype(np.uint8), labels


def test_projection_is_the_nearest_distribution():
    row = np.array([0.7, 0.6, -0.2, 0.1])
    found = minimize(
        lambda p: ((p - row) ** 2).sum(),
        np.full(4, 0.25),
        bounds=[(0, 1)] * 4,
        constraints={"type": "eq", "fun": lambda p: p.sum() - 1},
    )
    (ours,) = nearest_distributions(torch.tensor(row)[None]).numpy()
    assert ours == pytest.approx(found.x, abs=1e-5)


@pytest.mark.parametrize("row", [[0.1, 0.7, 0.6, -0.2], [0.9, 0.3, 0.2, 0.2], [0.3, 0.4, 0, 0.9]])
def test_the_nearest_distribution_that_the_diagonal_leads(row):
    row = np.array(row)
    found = minimize(
        lambda p: ((p - row) ** 2).sum(),
        np.full(4, 0.25),
        bounds=[(0, 1)] * 4,
        constraints=[
            {"type": "eq", "fun": lambda p: p.sum() - 1},
            {"type": "ineq", "fun": lambda p: p[0] - p},
        ],
        tol=1e-12,
    )
    layer = NoiseLayer(4)
    with torch.no_grad():
        layer.transition[0] = torch.tensor(row)
    layer.project()
    assert layer.transition[0].detach().numpy() == pytest.approx(found.x, abs=1e-4)
    assert torch.equal(layer.transition[1:].detach(), torch.eye(4)[1:])


def test_the_noise_layer_mixes_chances():
    layer = NoiseLayer(2)
    with torch.no_grad():
        layer.transition.copy_(torch.tensor([[0.8, 0.2], [0.3, 0.7]]))
    given = layer(torch.tensor([[0.5, 0.5], [1.0, 1e-9]]).log()).exp()
    assert given.detach().numpy() == pytest.approx(np.array([[0.55, 0.45], [0.8, 0.2]]), abs=1e-6)


def test_images_of_another_shape_are_refused():
    with pytest.raises(SolverError, match=r"\(n, 3, 32, 32\)"):
        train(np.zeros((4, 3, 28, 28), np.uint8), np.zeros(4, int), n_classes=2, learn_noise=True)


@pytest.mark.slow
def test_a_learned_q_comes_close_to_the_true_one():
    classes = 4
    images, clean = coloured(1200, classes, seed=1)
    true_q = random_confusions(classes, 0.5, np.random.default_rng(3))
    given = flip(clean, true_q, np.random.default_rng(4))
    plan = Schedule(
        epochs=10, warm_up=3, learning_rate=0.02, noise_rate=0.05, trace=0.5, batch_size=32
    )
    found = train(images, given, n_classes=classes, learn_noise=True, schedule=plan)
    test_images, test_clean = coloured(200, classes, seed=2)
    assert (found.predict(test_images) == test_clean).mean() > 0.95
    assert np.allclose(found.transition.sum(axis=1), 1, atol=1e-5)
    assert found.transition.min() >= 0
    far = np.abs(np.eye(classes) - true_q).sum(axis=1).mean() / 2
    assert np.abs(found.transition - true_q).sum(axis=1).mean() / 2 < 0.3 * far


@pytest.mark.slow
def test_the_same_seed_gives_the_same_network_and_no_noise_layer_the_identity():
    images, labels = coloured(256, 3, seed=5)
    plan = Schedule(epochs=1, warm_up=0)
    runs = [
        train(images, labels, n_classes=3, learn_noise=False, schedule=plan, seed=7)
        for _ in range(2)
    ]
    assert np.array_equal(runs[0].transition, np.eye(3))
    assert np.array_equal(runs[0].predict(images), runs[1].predict(images))
    assert runs[0].losses == runs[1].losses
