"""Data and weights from where a user keeps them, or fetched only on request."""

import gzip
import hashlib
import struct
import threading
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch
from torchvision import datasets, models

from air_core.errors import SourceError
from benchmarks.reproduce import reproduce
from benchmarks.reproduce.sources import mnist

SPLITS = {"train": 30, "t10k": 20}


def idx(array):
    """An array as MNIST's files hold it."""
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return head + array.tobytes()


def write_mnist(folder, *, packed):
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    for split, count in SPLITS.items():
        digits = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = (np.arange(count) % 10).astype(np.uint8)
        for name, array in (("images-idx3", digits), ("labels-idx1", labels)):
            data = idx(array)
            path = folder / f"{split}-{name}-ubyte{'.gz' if packed else ''}"
            path.write_bytes(gzip.compress(data) if packed else data)


@pytest.fixture
def bare(context, tmp_path, monkeypatch):
    """A context whose data folder has nothing in it yet, and a home of its own."""
    monkeypatch.setenv("AIR_AUDIT_HOME", str(tmp_path / "home"))
    (tmp_path / "data").mkdir()
    return replace(context, data=tmp_path / "data")


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A server with MNIST's four files, where torchvision looks for them."""
    folder = tmp_path / "mirror"
    write_mnist(folder, packed=True)
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    found = [(p.name, hashlib.md5(p.read_bytes()).hexdigest()) for p in sorted(folder.iterdir())]
    monkeypatch.setattr(datasets.MNIST, "resources", found)
    monkeypatch.setattr(datasets.MNIST, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
    yield folder
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.slow
def test_torchvisions_copy_in_the_data_folder_is_read(bare):
    write_mnist(bare.data / "MNIST" / "raw", packed=False)
    data, source = mnist(bare)
    assert source == "MNIST by torchvision"
    assert data.features.shape == (30, 1280)
    assert len(data.test_clean) == 20
    assert sorted(set(data.test_clean.tolist())) == list(range(10))


@pytest.mark.slow
def test_nothing_is_fetched_unasked_and_all_of_it_when_asked(bare, mirror):
    with pytest.raises(SourceError, match=r"mnist\.zip") as refused:
        mnist(bare)
    assert "--download" in refused.value.hint
    data, _ = mnist(replace(bare, download=True))
    assert len(data.clean) == 30
    assert list(bare.data.iterdir()) == [], "the user's folder is left as it was"


@pytest.mark.slow
def test_alexnet_runs_from_a_local_weights_file_and_the_report_says_so(context, tmp_path):
    file = tmp_path / "alexnet-mine.pth"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        torch.save(models.alexnet().state_dict(), file)
    digest = hashlib.blake2b(file.read_bytes(), digest_size=8).hexdigest()
    report, _ = reproduce("fig3", replace(context, backbone="alexnet-fc7", weights=file))
    page = report.read_text("utf-8")
    assert f"AlexNet fc7 (the paper&#39;s), weights of alexnet-mine.pth (BLAKE2b {digest})" in page
