"""Training the last blocks of EfficientNet-Lite0 from cached activations, AIR on top or not."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from air_core.features import get_backbone
from air_core.features.network import normalise, prepare
from air_core.images import load_rgb
from air_core.progress import ProgressCallback, silent
from air_core.solver import AuxiliaryImageRegularizer

BACKBONE = "efficientnet-lite0"
FROZEN_BLOCKS = 14  # of sixteen
_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the blocks and the layer on top are trained, with AdamW.

    Parameters
    ----------
    epochs, batch_size : int
    inner_rate, top_rate : float
        Learning rates of the blocks and of the top layer; both rise and fall once.
    weight_decay : float
        Of the blocks; the top layer has none.
    """

    epochs: int = 8
    batch_size: int = 64
    inner_rate: float = 3e-4
    top_rate: float = 3e-3
    weight_decay: float = 1e-2


@dataclass(frozen=True, slots=True)
class Tuned:
    """What one training reached.

    Parameters
    ----------
    held_out : list of float
        Agreement with held-out noisy labels after each epoch.
    accuracy : list of float
        On clean test images after each epoch, for scoring only.
    """

    held_out: list[float]
    accuracy: list[float]

    @property
    def chosen(self) -> int:
        """The epoch (from 0) with the best agreement with held-out noisy labels."""
        return int(np.argmax(self.held_out))


class _Upper(nn.Module):
    """The blocks that are trained, up to the average over the image."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(network._blocks[FROZEN_BLOCKS:])
        self.head, self.rectify = network._conv_head, network._swish
        self.norm = network._bn1

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            maps = block(maps)
        features: torch.Tensor = self.rectify(self.norm(self.head(maps))).mean(dim=(2, 3))
        return features


def _network(weights: Path | None) -> Any:
    module, _ = get_backbone(BACKBONE).build(weights)
    return module.network


def inner_activations(
    files: list[Path],
    *,
    weights: Path | None = None,
    device: torch.device,
    progress: ProgressCallback = silent,
) -> NDArray[np.float16]:
    """What the frozen blocks put out for each image, shape (n, k, h, w)."""
    network = _network(weights).to(device)
    spec = get_backbone(BACKBONE)
    found = []
    for start in range(0, len(files), _AT_ONCE):
        images = np.stack([prepare(load_rgb(f), spec) for f in files[start : start + _AT_ONCE]])
        with torch.inference_mode():
            maps = normalise(torch.from_numpy(images).to(device), spec)
            maps = network._swish(network._bn0(network._conv_stem(maps)))
            for block in network._blocks[:FROZEN_BLOCKS]:
                maps = block(maps)
        found.append(maps.half().cpu().numpy())
        progress(min(start + _AT_ONCE, len(files)), len(files), "Caching inner activations")
    return np.concatenate(found)


def frozen_features(
    maps: NDArray[np.float16], *, weights: Path | None = None, device: torch.device
) -> NDArray[np.float32]:
    """Features (n, p) of cached activations by the published upper blocks."""
    upper = _Upper(_network(weights)).to(device).eval()
    with torch.inference_mode():
        rows = [upper(batch.to(device)).cpu() for batch in _chunks(maps)]
    return np.asarray(torch.cat(rows).numpy())


def fine_tune(
    maps: NDArray[np.float16],
    given: NDArray[np.intp],
    split: tuple[NDArray[np.intp], NDArray[np.intp]],
    test: tuple[NDArray[np.float16], NDArray[np.intp]],
    *,
    n_classes: int,
    lambda_scale: float,
    recipe: Recipe,
    seed: int,
    weights: Path | None = None,
    device: torch.device,
    progress: ProgressCallback = silent,
) -> Tuned:
    """Train the upper blocks and a linear layer on noisy labels.

    Parameters
    ----------
    maps : ndarray of shape (n, k, h, w)
    given : ndarray of shape (n,)
    split : (rows to train on, rows to choose the epoch by)
    test : (maps, true classes)
        For scoring only.
    n_classes : int
    lambda_scale : float
        λ_g of AIR on the top layer as a multiple of 1/p, its gradient reaching the blocks below;
        0 is plain fine-tuning.
    recipe, seed, weights, device, progress
    """
    generator = torch.Generator().manual_seed(seed)
    upper = _Upper(copy.deepcopy(_network(weights))).to(device).requires_grad_(True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        top = nn.Linear(get_backbone(BACKBONE).dim, n_classes).to(device)
    penalty = AuxiliaryImageRegularizer(lambda_scale)
    train, held = split
    steps = -(-len(train) // recipe.batch_size) * recipe.epochs
    groups = [
        {"params": upper.parameters(), "weight_decay": recipe.weight_decay},
        {"params": top.parameters(), "weight_decay": 0.0},
    ]
    descent = torch.optim.AdamW(groups, lr=recipe.top_rate)
    rate = torch.optim.lr_scheduler.OneCycleLR(
        descent, [recipe.inner_rate, recipe.top_rate], total_steps=steps, pct_start=0.2
    )
    targets = torch.from_numpy(given.astype(np.int64))
    found = Tuned([], [])
    for epoch in range(recipe.epochs):
        upper.train()
        order = torch.from_numpy(train)[torch.randperm(len(train), generator=generator)]
        for at in order.split(recipe.batch_size):
            batch = torch.from_numpy(maps[at.numpy()]).float().to(device)
            mirrored = torch.rand(len(at), generator=generator) < 0.5
            batch = torch.where(mirrored.view(-1, 1, 1, 1).to(device), batch.flip(3), batch)
            features = upper(batch)
            loss = functional.cross_entropy(top(features), targets[at].to(device))
            if lambda_scale:
                loss = loss + penalty(features, top.weight)
            descent.zero_grad(set_to_none=True)
            loss.backward()
            descent.step()
            rate.step()
        upper.eval()
        found.held_out.append(_agreement(upper, top, maps[held], given[held], device))
        found.accuracy.append(_agreement(upper, top, *test, device))
        progress(epoch + 1, recipe.epochs, "Training the last blocks")
    return found


def _agreement(
    upper: nn.Module,
    top: nn.Module,
    maps: NDArray[np.float16],
    labels: NDArray[np.intp],
    device: torch.device,
) -> float:
    with torch.inference_mode():
        called = [top(upper(batch.to(device))).argmax(dim=1).cpu() for batch in _chunks(maps)]
    return float((torch.cat(called).numpy() == labels).mean())


def _chunks(maps: NDArray[np.float16]) -> Iterator[torch.Tensor]:
    for start in range(0, len(maps), _AT_ONCE):
        yield torch.from_numpy(maps[start : start + _AT_ONCE]).float()
