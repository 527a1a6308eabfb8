"""Extraction by the workers of a Ray cluster (the extra ``ray``).

Workers read the image files themselves, so these must lie at the same place on every machine, and
send back features alone. This process writes the shards, as it does without Ray: a worker that
dies takes nothing along, and what it was computing is computed by another.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import torch

from air_core.errors import FeatureError
from air_core.features.libraries import library
from air_core.features.network import Network, Precision
from air_core.features.streams import ImageLoader, Item, Rows, stream_rows

Engine = Literal["local", "ray"]
RETRIES = 5
"""How often a block may lose its worker: a file that kills who reads it would do so for ever."""


class _Worker:
    """A network in a process of its own, with one thread and its own GPU if it has any."""

    def __init__(
        self, name: str, weights: str | None, device: str, precision: Precision, load: ImageLoader
    ) -> None:
        from air_core.features.devices import resolve_device
        from air_core.features.registry import get_backbone

        torch.set_num_threads(1)
        spec = get_backbone(name)
        module, _ = spec.build(None if weights is None else Path(weights))
        self.network = Network(spec, module, resolve_device(device), precision)
        self.load = load

    def rows(self, items: Sequence[Item]) -> list[Rows]:
        return list(stream_rows(items, self.network, self.load))


def ray_rows(
    items: Sequence[Item],
    network: Network,
    load: ImageLoader,
    *,
    weights: Path | None,
    block: int,
    workers: int | None = None,
) -> Iterator[Rows]:
    """Features of all items, block by block, in the order in which blocks are finished.

    Parameters
    ----------
    items : sequence of (digest, Path)
    network : Network
        Of which every worker builds its own.
    load : callable
        Decodes a file to an RGB image.
    weights : Path, optional
        The state dict that ``network`` was built from, on every machine.
    block : int
        Items that a worker is given at a time.
    workers : int, optional
        One for each core of the cluster, or each GPU, by default.

    Raises
    ------
    FeatureError
        If Ray is not installed, or a block has lost its worker :data:`RETRIES` times.
    """
    ray = library("ray", "ray")
    started_here = not ray.is_initialized()
    if started_here:
        _begin(ray)
    try:
        yield from _by_actors(ray, items, network, load, weights, block, workers)
    finally:
        if started_here:
            ray.shutdown()


def _begin(ray: Any) -> None:
    """Join the cluster that RAY_ADDRESS names, or start Ray for this machine alone."""
    quiet = {"log_to_driver": False, "configure_logging": False}
    if os.environ.get("RAY_ADDRESS"):
        ray.init(**quiet)
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # What Ray listens on must not be seen from other machines.
    ray.init(include_dashboard=False, _node_ip_address="127.0.0.1", **quiet)


def _by_actors(
    ray: Any,
    items: Sequence[Item],
    network: Network,
    load: ImageLoader,
    weights: Path | None,
    block: int,
    workers: int | None,
) -> Iterator[Rows]:
    blocks = [items[start : start + block] for start in range(0, len(items), block)]
    on_gpu = network.device.type == "cuda"
    found = ray.cluster_resources()
    count = workers or int(found.get("GPU" if on_gpu else "CPU", 1))
    actor = ray.remote(
        num_cpus=1, num_gpus=1 if on_gpu else 0, max_restarts=-1, max_task_retries=RETRIES
    )(_Worker)
    settings = (
        network.spec.name,
        None if weights is None else str(weights.resolve()),
        network.device.type,
        network.precision,
        load,
    )
    pool = [actor.remote(*settings) for _ in range(max(1, min(count, len(blocks))))]
    todo = iter(blocks)
    busy: dict[Any, Any] = {}
    for worker in pool * 2:  # the next block is there when one is done
        for one in todo:
            busy[worker.rows.remote(one)] = worker
            break
    while busy:
        (done,), _ = ray.wait(list(busy), num_returns=1)
        worker = busy.pop(done)
        try:
            computed = ray.get(done)
        except ray.exceptions.RayActorError as error:
            raise FeatureError(
                f"Expected a worker to finish a block of {block} images, it died "
                f"{RETRIES + 1} times.",
                hint="Look at its log for want of memory; what was finished is kept.",
            ) from error
        for one in todo:
            busy[worker.rows.remote(one)] = worker
            break
        yield from computed
