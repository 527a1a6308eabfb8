"""Run a backbone over images, shard by shard, so that a kill costs one shard at most."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from air_core.errors import FeatureError
from air_core.features.backbones import BackboneSpec
from air_core.features.cache import FeatureCache, Features, Stored
from air_core.features.devices import resolve_device
from air_core.features.network import Network, Precision, forward, normalise, prepare
from air_core.features.ray_engine import Engine, ray_rows
from air_core.features.streams import ImageLoader, Rows, stream_rows
from air_core.progress import ProgressCallback, silent

__all__ = ["ImageLoader", "extract_features", "forward", "normalise", "prepare"]

SHARD_SIZE = 512
RAY_BLOCK = 64
"""Images that a worker of Ray is given at a time: what its death costs at most, twice."""
# Raised whenever `prepare` or the pooling changes what a row holds: old caches then miss.
PREPROCESSING_VERSION = 1
NOTE = "Extracting features"


def extract_features(
    files: Sequence[Path],
    digests: Sequence[str],
    folder: Path,
    *,
    spec: BackboneSpec,
    load: ImageLoader,
    device: str = "auto",
    weights: Path | None = None,
    precision: Precision = "float32",
    store: Stored = "float32",
    engine: Engine = "local",
    workers: int | None = None,
    progress: ProgressCallback = silent,
) -> Features:
    """Features of every image, from the cache where it has them.

    Parameters
    ----------
    files : sequence of n Path
        Image files.
    digests : sequence of n str
        Content digest of each file: the cache's key.
    folder : Path
        Where features are kept.
    spec : BackboneSpec
        The network and its preprocessing.
    load : callable
        Decodes a file to an RGB image; raises :class:`~air_core.errors.SourceError`.
    device : str
        See :func:`resolve_device`.
    weights : Path, optional
        A local state dict instead of the published weights.
    precision : {"float32", "bfloat16", "float16"}
        What the network computes in; see :class:`~air_core.features.network.Network`.
    store : {"float32", "float16"}
        What features are kept in: half the disk and memory, or every digit.
    engine : {"local", "ray"}
        This machine, or the workers of a Ray cluster; the features are the same.
    workers : int, optional
        With Ray: how many; one for each core, or GPU, of the cluster by default.
    progress : callable
        Told after every batch; may raise :class:`~air_core.errors.Cancelled`. Finished batches
        stay, and the next call continues after them.

    Returns
    -------
    Features
        With ``array`` of shape (n, p), memory-mapped.

    Raises
    ------
    FeatureError
        If the backbone cannot be built, or files can no longer be read or have changed; the other
        files' features are kept.
    """
    module, weights_digest = spec.build(weights)
    cache = FeatureCache(
        folder,
        backbone=spec.name,
        fingerprint=_fingerprint(spec, weights_digest, precision, store),
        dim=spec.dim,
        dtype=store,
    )
    if cache.has(digests):
        return cache.assemble(digests)
    known = cache.known()
    todo = {d: f for d, f in zip(digests, files, strict=True) if d not in known}
    total = len(set(digests))
    unreadable: list[str] = []
    if todo:
        network = Network(spec, module, resolve_device(device), precision)
        done = total - len(todo)
        progress(done, total, NOTE)
        shard = _Shard(cache)
        try:
            items = list(todo.items())
            computed = (
                stream_rows(items, network, load)
                if engine == "local"
                else ray_rows(
                    items, network, load, weights=weights, block=RAY_BLOCK, workers=workers
                )
            )
            for rows in computed:
                unreadable += rows.failed
                shard.add(rows)
                done += len(rows.names) + len(rows.failed)
                progress(done, total, NOTE)
        finally:
            # Stopped or failed, what was computed is kept.
            shard.flush()
    if unreadable:
        raise FeatureError(
            f"Expected every image as it was imported, {len(unreadable)} are not: "
            f"{'; '.join(unreadable[:3])}{' …' if len(unreadable) > 3 else ''}",
            hint="Run air-audit open on the same source again, then extract.",
        )
    return cache.assemble(digests)


def _fingerprint(
    spec: BackboneSpec, weights_digest: str, precision: Precision, store: Stored
) -> str:
    text = f"{weights_digest} {(PREPROCESSING_VERSION, spec.input_size, spec.mean, spec.std)}"
    if (precision, store) != ("float32", "float32"):
        text += f" {precision} {store}"
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


class _Shard:
    """Collects rows and stores them every ``SHARD_SIZE``."""

    def __init__(self, cache: FeatureCache) -> None:
        self.cache = cache
        self.names: list[str] = []
        self.rows: list[NDArray[np.float32]] = []

    def add(self, rows: Rows) -> None:
        self.names += rows.names
        self.rows.append(rows.array)
        if len(self.names) >= SHARD_SIZE:
            self.flush()

    def flush(self) -> None:
        if self.names:
            self.cache.add_shard(self.names, np.concatenate(self.rows))
        self.names, self.rows = [], []
