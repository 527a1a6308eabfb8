"""Run a backbone over images, shard by shard, so that a kill costs one shard at most."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from air_core.errors import FeatureError, SourceError
from air_core.features.backbones import BackboneSpec
from air_core.features.cache import FeatureCache, Features
from air_core.features.devices import resolve_device
from air_core.progress import ProgressCallback, silent
from air_core.quarantine import content_digest

BATCH_SIZE = 32
SHARD_SIZE = 512
# Raised whenever `prepare` or the pooling changes what a row holds: old caches then miss.
PREPROCESSING_VERSION = 1

ImageLoader = Callable[[Path], Image.Image]


def prepare(image: Image.Image, spec: BackboneSpec) -> NDArray[np.uint8]:
    """Resize an RGB image to the backbone's square input.

    Returns
    -------
    ndarray of shape (3, s, s), dtype uint8
    """
    resized = image.resize((spec.input_size, spec.input_size), Image.Resampling.BICUBIC)
    return np.ascontiguousarray(np.asarray(resized).transpose(2, 0, 1))


def forward(module: nn.Module, batch: torch.Tensor, spec: BackboneSpec) -> torch.Tensor:
    """Normalise a uint8 batch and compute its features.

    Parameters
    ----------
    module : torch.nn.Module
        On the device of ``batch``.
    batch : Tensor of shape (b, 3, s, s), dtype uint8
    spec : BackboneSpec

    Returns
    -------
    Tensor of shape (b, p), dtype float32
    """
    with torch.inference_mode():
        features: torch.Tensor = module(normalise(batch, spec))
    return features.float()


def normalise(batch: torch.Tensor, spec: BackboneSpec) -> torch.Tensor:
    """A uint8 batch (b, 3, s, s) as the backbone takes it, float32 with channels last."""
    mean = torch.tensor(spec.mean, device=batch.device).view(1, 3, 1, 1)
    std = torch.tensor(spec.std, device=batch.device).view(1, 3, 1, 1)
    images = batch.float().div_(255).sub_(mean).div_(std)
    return images.contiguous(memory_format=torch.channels_last)


def extract_features(
    files: Sequence[Path],
    digests: Sequence[str],
    folder: Path,
    *,
    spec: BackboneSpec,
    load: ImageLoader,
    device: str = "auto",
    weights: Path | None = None,
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
    progress : callable
        Told after every batch; may raise :class:`~air_core.errors.Cancelled`. Finished batches
        stay, and the next call continues after them.

    Returns
    -------
    Features
        With ``array`` of shape (n, p), float32, memory-mapped.

    Raises
    ------
    FeatureError
        If the backbone cannot be built, or files can no longer be read or have changed; the other
        files' features are kept.
    """
    module, weights_digest = spec.build(weights)
    cache = FeatureCache(
        folder, backbone=spec.name, fingerprint=_fingerprint(spec, weights_digest), dim=spec.dim
    )
    if cache.has(digests):
        return cache.assemble(digests)
    known = cache.known()
    todo = {d: f for d, f in zip(digests, files, strict=True) if d not in known}
    total = len(set(digests))
    unreadable: list[str] = []
    if todo:
        chosen = resolve_device(device)
        module = module.to(chosen).to(memory_format=torch.channels_last)
        done = total - len(todo)
        progress(done, total, "Extracting features")
        shard = _Shard(cache)
        try:
            for names, batch, failed in _batches(todo, spec, load):
                unreadable += failed
                if names:
                    rows = forward(module, torch.from_numpy(batch).to(chosen), spec)
                    shard.add(names, rows.cpu().numpy())
                done += len(names) + len(failed)
                progress(done, total, "Extracting features")
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


def _fingerprint(spec: BackboneSpec, weights_digest: str) -> str:
    preprocessing = (PREPROCESSING_VERSION, spec.input_size, spec.mean, spec.std)
    text = f"{weights_digest} {preprocessing}"
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


class _Shard:
    """Collects rows and stores them every ``SHARD_SIZE``."""

    def __init__(self, cache: FeatureCache) -> None:
        self.cache = cache
        self.names: list[str] = []
        self.rows: list[NDArray[np.float32]] = []

    def add(self, names: Sequence[str], rows: NDArray[np.float32]) -> None:
        self.names += names
        self.rows.append(rows)
        if len(self.names) >= SHARD_SIZE:
            self.flush()

    def flush(self) -> None:
        if self.names:
            self.cache.add_shard(self.names, np.concatenate(self.rows))
            self.names, self.rows = [], []


def _batches(
    todo: dict[str, Path], spec: BackboneSpec, load: ImageLoader
) -> Iterator[tuple[list[str], NDArray[np.uint8], list[str]]]:
    """Decoded batches as (digests, images, complaints), decoded ahead of the forward pass."""

    def decode(path: Path, digest: str) -> NDArray[np.uint8] | str:
        try:
            image = prepare(load(path), spec)
            # A row is filed under the content that was imported; another one must not get there.
            if content_digest(path) != digest:
                return f"{path.name}: it has changed since it was imported."
            return image
        except (SourceError, OSError) as error:
            return f"{path.name}: {error}"

    items = list(todo.items())
    chunks = [items[i : i + BATCH_SIZE] for i in range(0, len(items), BATCH_SIZE)]
    # Pillow decodes and resizes without holding the interpreter lock, so threads overlap with the
    # forward pass; two chunks ahead bound the memory.
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        ahead: list[list[Future[NDArray[np.uint8] | str]]] = []
        try:
            for position, chunk in enumerate(chunks):
                while len(ahead) < min(3, len(chunks) - position):
                    nxt = chunks[position + len(ahead)]
                    ahead.append([pool.submit(decode, path, digest) for digest, path in nxt])
                decoded = [future.result() for future in ahead.pop(0)]
                good = [(d, x) for (d, _), x in zip(chunk, decoded, strict=True) if _is_image(x)]
                images = [x for _, x in good]
                yield (
                    [digest for digest, _ in good],
                    np.stack(images) if images else np.empty((0,), np.uint8),
                    [x for x in decoded if isinstance(x, str)],
                )
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _is_image(decoded: NDArray[np.uint8] | str) -> bool:
    return not isinstance(decoded, str)
