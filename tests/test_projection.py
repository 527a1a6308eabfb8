"""Maps keep neighbours together, repeat with their settings, and stop when told."""

from __future__ import annotations

import os
import threading
import time

import numpy as np
import pytest
from sklearn.metrics import silhouette_score

from air_core.errors import Cancelled, SolverError
from air_core.projection import (
    MapSettings,
    kept_maps,
    load_map,
    process,
    project,
    project_apart,
    remove_map,
    save_map,
)
from tests.solver.problems import noisy_blobs

# UMAP compiles itself anew in every process.
BOTH = pytest.mark.parametrize("method", ["tsne", pytest.param("umap", marks=pytest.mark.slow)])


@BOTH
def test_classes_form_clusters_and_the_seed_decides(method):
    x, y, _ = noisy_blobs(150, 30, 3)
    seen = []
    first = project(
        x, MapSettings(method, seed=1), progress=lambda done, total, note: seen.append(done)
    )
    assert first.shape == (150, 2)
    assert first.dtype == np.float32
    assert silhouette_score(first, y) > 0.4
    assert seen == sorted(seen)
    assert seen[-1] == 100
    assert len(set(seen)) > 5
    np.testing.assert_array_equal(project(x, MapSettings(method, seed=1)), first)
    assert not np.array_equal(project(x, MapSettings(method, seed=2)), first)


@BOTH
def test_images_beyond_the_sample_are_placed_among_their_kind(method):
    x, y, _ = noisy_blobs(240, 30, 3)
    layout = project(x, MapSettings(method, sample=120))
    assert layout.shape == (240, 2)
    assert silhouette_score(layout, y) > 0.4


def test_parameters_bear_on_their_own_method_only():
    x, _, _ = noisy_blobs(120, 30, 3)
    default = project(x, MapSettings("tsne"))
    assert not np.array_equal(project(x, MapSettings("tsne", perplexity=5)), default)
    np.testing.assert_array_equal(project(x, MapSettings("tsne", min_dist=0.9)), default)


@pytest.mark.slow
def test_a_process_of_its_own_gives_the_same_map_and_reports(tmp_path):
    x, _, _ = noisy_blobs(100, 30, 3)
    np.save(tmp_path / "x.npy", x)
    seen = []
    apart = project_apart(
        np.load(tmp_path / "x.npy", mmap_mode="r"),
        progress=lambda done, total, note: seen.append((done, note)),
    )
    np.testing.assert_array_equal(apart, project(x))
    np.testing.assert_array_equal(project_apart(x), apart)  # from memory as from a file
    assert seen[-1][0] == 100
    assert any("step" in note for _, note in seen)


def test_a_cancel_ends_the_process_within_a_second_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    started = []
    real = process.subprocess.Popen
    monkeypatch.setattr(
        process.subprocess, "Popen", lambda *a, **k: started.append(real(*a, **k)) or started[-1]
    )
    x, _, _ = noisy_blobs(6000, 40, 3)
    stop = threading.Event()
    asked = []

    def progress(done, total, note):
        if "neighbours" in note and not stop.is_set():
            asked.append(time.monotonic())
            stop.set()
        elif stop.is_set():
            raise Cancelled("Stopped on request.")

    with pytest.raises(Cancelled):
        project_apart(x, progress=progress)
    assert time.monotonic() - asked[0] < 2
    assert started[0].returncode is not None
    assert not list(tmp_path.iterdir())


def test_the_process_ends_when_its_parent_is_gone(tmp_path):
    np.save(tmp_path / "x.npy", noisy_blobs(6000, 40, 3)[0])
    worker = process.subprocess.Popen(
        [process.sys.executable, "-m", "air_core.projection.worker"],
        stdin=process.subprocess.PIPE, stdout=process.subprocess.DEVNULL,
    )  # fmt: skip
    job = {"features": str(tmp_path / "x.npy"), "settings": {}, "target": str(tmp_path / "y.npy")}
    worker.stdin.write(process.json.dumps(job).encode() + b"\n")
    worker.stdin.close()
    assert worker.wait(30) == 1
    assert not (tmp_path / "y.npy").exists()


def test_problems_in_the_process_are_told_like_any_other(monkeypatch):
    with pytest.raises(SolverError, match="at least 4"):
        project_apart(np.ones((3, 5)))
    with pytest.raises(SolverError, match="finite"):
        project_apart(np.full((9, 5), np.nan))
    monkeypatch.setattr(process, "asdict", lambda settings: {"no such": "setting"})
    with pytest.raises(SolverError, match=r"ended with code 1: TypeError"):
        project_apart(np.ones((9, 5)))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"method": "isomap"}, "tsne"),
        ({"seed": -1}, "seed"),
        ({"perplexity": 1}, "perplexity"),
        ({"method": "umap", "n_neighbors": 1}, "n_neighbors"),
        ({"method": "umap", "min_dist": 1.5}, "min_dist"),
        ({"sample": 2}, "sample"),
    ],
)
def test_settings_out_of_range_are_refused(wrong, said):
    with pytest.raises(SolverError, match=said):
        MapSettings(**wrong)


def test_maps_are_kept_by_settings_and_features(tmp_path):
    layout = np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)
    one = save_map(tmp_path, MapSettings(), "features-a", layout, seconds=1.5)
    two = save_map(tmp_path, MapSettings(seed=1), "features-a", layout + 1)
    save_map(tmp_path, MapSettings(), "features-b", layout)
    assert kept_maps(tmp_path, "features-a") == [two, one]
    np.testing.assert_array_equal(load_map(tmp_path, one.name), layout)
    remove_map(tmp_path, one.name)
    assert load_map(tmp_path, one.name) is None
    assert kept_maps(tmp_path, "features-a") == [two]


def test_a_damaged_map_is_no_map(tmp_path):
    made = save_map(tmp_path, MapSettings(), "f", np.zeros((5, 2)))
    file = tmp_path / f"{made.name}.npz"
    os.truncate(file, file.stat().st_size // 2)
    assert kept_maps(tmp_path, "f") == []
    assert load_map(tmp_path, made.name) is None
