"""Ray's workers compute what one process does, even if one of them is killed."""

import os
import signal

import numpy as np
import psutil
import pytest
from PIL import Image

from air_core.errors import FeatureError
from air_core.features import extract as extract_module
from air_core.features import extract_features, get_backbone
from air_core.features.libraries import library
from air_core.images import load_rgb
from air_core.quarantine import content_digest


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(72):
        pixels = rng.integers(0, 255, (24 + i % 5, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:02}.png")
    files = sorted(folder.iterdir())
    return files, [content_digest(f) for f in files]


def run(images, folder, **options):
    spec = get_backbone("efficientnet-lite0")
    return extract_features(*images, folder, spec=spec, load=load_rgb, device="cpu", **options)


def workers():
    """Processes of Ray that hold a network."""
    found = psutil.Process().children(recursive=True)
    names = {}
    for process in found:
        try:
            names[process.pid] = " ".join(process.cmdline())
        except psutil.Error:
            continue
    return [pid for pid, name in names.items() if "ray::_Worker" in name]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_two_workers_of_which_one_is_killed_compute_what_one_process_does(
    images, tmp_path, monkeypatch
):
    pytest.importorskip("ray")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(extract_module, "RAY_BLOCK", 8)
    alone = run(images, tmp_path / "alone")
    killed = []

    def kill_one(done, total, note):
        if done and not killed and (alive := workers()):
            killed.append(alive[0])
            os.kill(alive[0], signal.SIGKILL)

    together = run(images, tmp_path / "ray", engine="ray", workers=2, progress=kill_one)
    assert killed
    np.testing.assert_array_equal(together.array, alone.array)
    assert together.digest == alone.digest


def test_without_ray_it_says_how_to_install_it():
    with pytest.raises(FeatureError, match=r"air-audit\[ray\]"):
        library("ray_is_not_here", "ray")
