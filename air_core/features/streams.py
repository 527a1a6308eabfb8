"""Batches of files through a network: on a CPU one stream a core, on a GPU decoding ahead of it.

On a CPU a stream decodes a batch and computes its features with a single thread, and there are as
many streams as PyTorch has threads. No thread waits for another inside a layer, and none is taken
off the network to decode: docs/scale.md has the figures.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from PIL import Image

from air_core.errors import SourceError
from air_core.features.backbones import BackboneSpec
from air_core.features.network import Network, resize
from air_core.quarantine import content_digest

ImageLoader = Callable[[Path], Image.Image]
Done = TypeVar("Done")
Item = tuple[str, Path]
"""Content digest and file."""

# Small enough for the caches: 32 took 1.4 times as long an image with EfficientNet-Lite0.
CPU_BATCH = 16
GPU_BATCH = 128
MEMORY_SHARE = 0.25
"""Of the memory that is free, what all batches under way may take together."""


class Rows(NamedTuple):
    """Features of a batch: content digests, an array (b, p), and what could not be read."""

    names: list[str]
    array: NDArray[np.float32]
    failed: list[str]


class Decoded(NamedTuple):
    """Content digests, pixels (b, s, s, 3) of dtype uint8, and what could not be read."""

    names: list[str]
    pixels: NDArray[np.uint8]
    failed: list[str]


def decode(items: Sequence[Item], spec: BackboneSpec, load: ImageLoader) -> Decoded:
    """Decode and resize a batch; files that fail, or are not what was imported, are reported."""
    pixels = np.empty((len(items), spec.input_size, spec.input_size, 3), dtype=np.uint8)
    names: list[str] = []
    failed: list[str] = []
    for digest, path in items:
        try:
            picture = resize(load(path), spec)
            # A row is filed under the content that was imported; another one must not get there.
            if content_digest(path) != digest:
                failed.append(f"{path.name}: it has changed since it was imported.")
                continue
        except (SourceError, OSError) as error:
            failed.append(f"{path.name}: {error}")
            continue
        pixels[len(names)] = picture
        names.append(digest)
    return Decoded(names, pixels[: len(names)], failed)


def batch_size(network: Network, streams: int) -> int:
    """Images a batch: the most of a power of two that leaves memory to others."""
    if network.device.type != "cpu":
        return GPU_BATCH  # the network halves a batch that does not fit
    room = MEMORY_SHARE * psutil.virtual_memory().available / max(streams, 1)
    size = CPU_BATCH
    while size > 1 and size * network.image_bytes() > room:
        size //= 2
    return size


def stream_rows(items: Sequence[Item], network: Network, load: ImageLoader) -> Iterator[Rows]:
    """Features of all items, batch by batch and in their order.

    Parameters
    ----------
    items : sequence of (digest, Path)
    network : Network
    load : callable
        Decodes a file to an RGB image; called from several threads at once.
    """
    if network.device.type == "cpu":
        return _on_cpu(items, network, load)
    return _on_gpu(items, network, load)


def _on_cpu(items: Sequence[Item], network: Network, load: ImageLoader) -> Iterator[Rows]:
    streams = torch.get_num_threads()
    size = batch_size(network, streams)

    def compute(batch: Sequence[Item]) -> Rows:
        found = decode(batch, network.spec, load)
        return Rows(found.names, network.rows(found.pixels, pad_to=size), found.failed)

    try:
        # OpenMP keeps the number of threads apart for each thread that asks.
        with ThreadPoolExecutor(streams, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield from _in_order(pool, compute, _batches(items, size), ahead=streams + 1)
    finally:
        torch.set_num_threads(streams)


def _on_gpu(items: Sequence[Item], network: Network, load: ImageLoader) -> Iterator[Rows]:
    loaders = os.cpu_count() or 1
    size = batch_size(network, 1)

    def fetch(batch: Sequence[Item]) -> Decoded:
        return decode(batch, network.spec, load)

    # Pillow decodes and resizes without holding the interpreter lock.
    with ThreadPoolExecutor(loaders) as pool:
        for found in _in_order(pool, fetch, _batches(items, size), ahead=loaders + 2):
            rows = network.rows(found.pixels, pad_to=size)
            yield Rows(found.names, rows, found.failed)


def _batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _in_order(
    pool: ThreadPoolExecutor,
    work: Callable[[Sequence[Item]], Done],
    batches: Iterator[Sequence[Item]],
    *,
    ahead: int,
) -> Iterator[Done]:
    """Results in the order of the batches, with a few of them under way."""
    waiting: deque[Future[Done]] = deque()
    try:
        for batch in islice(batches, ahead):
            waiting.append(pool.submit(work, batch))
        while waiting:
            done = waiting.popleft().result()
            for batch in islice(batches, 1):
                waiting.append(pool.submit(work, batch))
            yield done
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
