"""``air-audit bench extract``: images a second, against the network alone and a plain loop."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from air_core.bench import Report
from air_core.features import DEFAULT_BACKBONE, Network, get_backbone
from air_core.features.cache import FeatureCache
from air_core.features.network import resize
from air_core.features.streams import Item, batch_size, stream_rows
from air_core.images import load_rgb
from air_core.metrics import auroc
from air_core.progress import ProgressCallback, silent
from air_core.quarantine import content_digest
from air_core.solver import SolverConfig, sadmm
from benchmarks import data as sets
from benchmarks.extract_kill import kill_ten_times
from benchmarks.extract_plain import PlainLoop

SECTIONS = ("rate", "mixed", "precision", "storage", "kill")
IMAGES = 512
ROUNDS = 3
MIXED = 96
HALVED = 128
"""Images, and how many of each section."""

DEVICE = torch.device("cpu")


def run(
    report: Report,
    data: Path,
    *,
    progress: ProgressCallback = silent,
    only: tuple[str, ...] = (),
) -> None:
    """Fill the report; ``only`` names some of :data:`SECTIONS`."""
    chosen = [name for name in SECTIONS if not only or name in only]
    for number, name in enumerate(chosen):
        progress(number, len(chosen), f"bench extract: {name}")
        globals()[f"_{name}"](report, data)
    progress(len(chosen), len(chosen), "bench extract")


def _network(precision: Any = "float32") -> Network:
    spec = get_backbone(DEFAULT_BACKBONE)
    return Network(spec, spec.build()[0], DEVICE, precision)


def _items(data: Path, name: str, count: int) -> list[Item]:
    """Files of a data set, evenly over its classes."""
    files = sets.files(data, name)
    files = files[:: max(1, len(files) // count)][:count]
    return [(content_digest(file), file) for file in files]


def _rate(report: Report, data: Path) -> None:
    network, plain = _network(), PlainLoop()
    for name in ("caltech50", "cifar10n"):
        _rate_of(report, name, _items(data, name, IMAGES), network, plain)


def _rate_of(
    report: Report, name: str, items: Sequence[Item], network: Network, plain: PlainLoop
) -> None:
    files = [file for _, file in items]
    pixels = np.stack([resize(load_rgb(file), network.spec) for file in files])
    streams = torch.get_num_threads()
    size = batch_size(network, streams)
    work: dict[str, Callable[[], Any]] = {
        "extraction": lambda: _extract(items, network),
        "network, one batch at a time": lambda: _layers(network, pixels, size),
        "network, a batch a thread": lambda: _streams(network, pixels, size),
        "plain loop": lambda: plain.run(files),
    }
    network.rows(pixels[:size])
    rates: dict[str, list[float]] = {what: [] for what in work}
    for number in range(ROUNDS):  # interleaved, so that a slow moment of the machine hits all
        for what, do in work.items():
            started = time.perf_counter()
            do()
            rates[what].append(len(items) / (time.perf_counter() - started))
        report.add(
            f"images a second, {name}, {streams} threads, batches of {size}",
            round=number,
            **{what: found[-1] for what, found in rates.items()},
        )
    alone = (rates[what] for what in work if what.startswith("network"))
    report.expect(
        f"{name}: extraction / network alone (the faster way), float32, median of {ROUNDS}",
        float(np.median(rates["extraction"] / np.maximum(*alone))),
        ">=",
        0.9,
    )
    report.expect(
        f"{name}: extraction / plain loop, median of {ROUNDS}",
        float(np.median(np.divide(rates["extraction"], rates["plain loop"]))),
        ">=",
        1.5,
    )


def _extract(items: Sequence[Item], network: Network) -> None:
    """What extraction does, from files to shards on disk."""
    folder = Path(tempfile.mkdtemp())
    try:
        cache = FeatureCache(folder, backbone="bench", fingerprint="bench", dim=network.spec.dim)
        for rows in stream_rows(items, network, load_rgb):
            cache.add_shard(rows.names, rows.array)
    finally:
        shutil.rmtree(folder)


def _layers(network: Network, pixels: NDArray[np.uint8], size: int) -> None:
    for start in range(0, len(pixels), size):
        network.rows(pixels[start : start + size])


def _streams(network: Network, pixels: NDArray[np.uint8], size: int) -> None:
    threads = torch.get_num_threads()
    batches = [pixels[start : start + size] for start in range(0, len(pixels), size)]
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            list(pool.map(network.rows, batches))
    finally:
        torch.set_num_threads(threads)


def _mixed(report: Report, data: Path) -> None:
    """Photographs of 32 to 4,000 pixels a side in three formats, as a folder of one's own has."""
    network = _network()
    folder = Path(tempfile.mkdtemp())
    try:
        rng = np.random.default_rng(0)
        made = []
        for number, (_, file) in enumerate(_items(data, "caltech50", MIXED)):
            picture = load_rgb(file)
            scale = float(np.exp(rng.uniform(np.log(0.15), np.log(14))))
            size = tuple(max(32, min(4000, round(side * scale))) for side in picture.size)
            target = folder / f"{number}.{('jpg', 'jpg', 'png', 'webp')[number % 4]}"
            picture.resize(size, Image.Resampling.BICUBIC).save(target)
            made.append((content_digest(target), target))
        started = time.perf_counter()
        found = sum(len(rows.names) for rows in stream_rows(made, network, load_rgb))
        report.add(
            f"a mixed folder: {len(made)} pictures of 32 to 4,000 pixels a side",
            images_a_second=len(made) / (time.perf_counter() - started),
        )
        report.expect("mixed folder: pictures without features", len(made) - found, "<=", 0)
    finally:
        shutil.rmtree(folder)


def _precision(report: Report, data: Path) -> None:
    items = _items(data, "caltech50", HALVED)
    exact: NDArray[np.float32] | None = None
    for precision in ("float32", "bfloat16"):
        network = _network(precision)
        pixels = np.stack([resize(load_rgb(file), network.spec) for _, file in items])
        size = batch_size(network, torch.get_num_threads())
        _streams(network, pixels[:size], size)
        started = time.perf_counter()
        _streams(network, pixels, size)
        seconds = time.perf_counter() - started
        found = np.concatenate(
            [network.rows(pixels[at : at + size]) for at in range(0, len(pixels), size)]
        )
        exact = found if exact is None else exact
        errors = _row_errors(found, exact)
        report.add(
            "precision of the network (not the default where rows differ by more than 0.02)",
            precision=precision,
            images_a_second=len(pixels) / seconds,
            mean_row_difference=float(errors.mean()),
            largest_row_difference=float(errors.max()),
        )


def _storage(report: Report, data: Path) -> None:
    cifar = sets.load(data, "cifar10n", "worst")
    config = SolverConfig(update="block", rho=30.0, rho_max=1200.0, epochs=8)
    reached = {}
    for dtype in (np.float32, np.float16):
        x = cifar.features.astype(dtype)
        found = sadmm(x, cifar.given, n_classes=len(cifar.class_names), config=config)
        scores = x.astype(np.float32) @ found.coef + found.intercept
        own = scores[np.arange(len(x)), cifar.given].copy()
        scores[np.arange(len(x)), cifar.given] = -np.inf
        reached[dtype.__name__] = auroc(own - scores.max(axis=1), cifar.wrong)
        report.add(
            "what features are kept in, cifar10n worst",
            kept_in=dtype.__name__,
            gigabytes_a_million=1e6 * x.shape[1] * x.itemsize / 1e9,
            margin_auroc=reached[dtype.__name__],
        )
    report.expect(
        "AUROC, float16 − float32 features (absolute)",
        abs(reached["float16"] - reached["float32"]),
        "<=",
        0.001,
    )


def _kill(report: Report, data: Path) -> None:
    found = kill_ten_times([file for _, file in _items(data, "cifar10n", 1500)])
    for row in found.rows:
        report.add("killed ten times during extraction", **row)
    report.expect("features that differ after ten kills", found.different, "<=", 0)
    report.expect("most images computed again after a kill, in shards", found.most_again, "<=", 1)


def _row_errors(rows: NDArray[np.float32], of: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.linalg.norm(rows - of, axis=1) / np.linalg.norm(of, axis=1))
