"""Rows in several processes: the same weights as in one, and only small arrays travel."""

import sys
import types

import numpy as np
import pytest
import torch
from torch import distributed, multiprocessing

from air_core.errors import SolverError
from air_core.solver import exact, metric
from air_core.solver.across import ALONE, Together, double

SETTINGS = {"lambda_scale": 3.0, "dtype": double, "n_classes": 3}


def problem(sizes=1.0):
    """Images, labels; features of the given sizes beside each other."""
    rng = np.random.default_rng(0)
    y = np.sort(rng.integers(0, 3, 90))  # sorted: one process may see a single class
    centres = np.abs(rng.standard_normal((3, 12)))
    x = np.maximum(0, centres[y] + 0.4 * rng.standard_normal((90, 12)))
    y[::7] = rng.integers(0, 3, len(y[::7]))
    y[5::17] = -1
    return x * sizes, y


# Features of very unlike size and a larger λ1: another metric than where they are alike.
UNLIKE = np.geomspace(0.01, 1, 12)
CASES = [
    (1.0, {}),
    (1.0, {"group": "image", "lambda_1": 1e-3}),
    (UNLIKE, {"lambda_1": 0.5}),
]


def test_unlike_sizes_have_a_metric_of_their_own(monkeypatch):
    asked, real = [], metric._by_factor
    monkeypatch.setattr(metric, "_by_factor", lambda *how: (asked.append(1), real(*how))[1])
    for sizes, options in CASES:
        asked.append(0)
        exact(*problem(sizes), **SETTINGS, **options)
    assert [asked.count(0), asked[:3], asked[3]] == [3, [0, 0, 0], 1]


def work(rank, place, sizes, options):
    distributed.init_process_group(
        "gloo", init_method=f"file://{place}/meet", rank=rank, world_size=2
    )
    largest, plain = 0, distributed.all_reduce

    def watched(tensor, *args, **more):
        nonlocal largest
        largest = max(largest, tensor.numel())
        return plain(tensor, *args, **more)

    distributed.all_reduce = watched
    across = Together(torch.device("cpu"))
    x, y = problem(sizes)
    mine = across.rows(len(y))
    found = exact(x[mine], y[mine], across=across, **SETTINGS, **options)
    np.savez(
        f"{place}/{rank}.npz",
        coef=found.coef,
        intercept=found.intercept,
        activations=found.activations,
        largest=largest,
    )
    distributed.destroy_process_group()


@pytest.mark.slow
@pytest.mark.parametrize(("sizes", "options"), CASES)
def test_two_processes_find_the_weights_of_one(tmp_path, sizes, options, monkeypatch):
    # Processes begin by importing the main module, which Streamlit's tests leave set to a page.
    monkeypatch.setitem(sys.modules, "__main__", types.ModuleType("__main__"))
    multiprocessing.spawn(work, args=(str(tmp_path), sizes, options), nprocs=2)
    x, y = problem(sizes)
    alone = exact(x, y, **SETTINGS, **options)
    parts = [np.load(tmp_path / f"{rank}.npz") for rank in (0, 1)]
    for part in parts:
        np.testing.assert_allclose(part["coef"], alone.coef, atol=1e-5)
        np.testing.assert_allclose(part["intercept"], alone.intercept, atol=1e-5)
        assert part["largest"] <= x.shape[1] ** 2  # second moments, once; p×C otherwise
    activations = np.concatenate([part["activations"] for part in parts])
    np.testing.assert_allclose(activations, alone.activations, atol=1e-5)


def test_rows_are_shared_out_whole():
    one = Together.__new__(Together)
    one.size = 3
    shares = []
    for one.rank in range(3):
        shares += range(10)[one.rows(10)]
    assert shares == list(range(10))
    assert list(range(10)[ALONE.rows(10)]) == list(range(10))


def test_a_part_of_the_labels_does_not_tell_how_many_classes_there_are():
    several = Together.__new__(Together)
    several.size = 2
    with pytest.raises(SolverError, match="n_classes"):
        exact(np.ones((4, 2)), [0, 1, 0, 1], across=several)
