"""The blocks that train, the top layer, and a moving average of both."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from air_core.features.devices import has_bfloat16
from air_core.features.inner import InnerMaps

_BATCH = 256


class TopNetwork(nn.Module):
    """Inner maps to features and scores.

    Parameters
    ----------
    above : torch.nn.Module
        Inner maps ``(b, k, h, w)`` to features ``(b, p)``.
    p, n_classes : int

    Notes
    -----
    The top layer starts at zero, so that the network doubts nothing before it has learnt, and sees
    features divided by :attr:`scale`, at a mean row norm of 1 as AIR's other solvers do.
    """

    scale: torch.Tensor

    def __init__(self, above: nn.Module, p: int, n_classes: int) -> None:
        super().__init__()
        self.above = above
        self.top = nn.Linear(p, n_classes)
        nn.init.zeros_(self.top.weight)
        nn.init.zeros_(self.top.bias)
        self.register_buffer("scale", torch.ones(()))

    def forward(self, maps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Scores ``(b, C)`` and features ``(b, p)`` at the scale that the scores are made of."""
        features = self.above(maps).float() / self.scale
        with torch.autocast(features.device.type, enabled=False):
            return self.top(features), features


def build_network(
    above: nn.Module, inner: InnerMaps, p: int, n_classes: int, device: torch.device
) -> TopNetwork:
    """A network that has not learnt yet, its scale set on the first images."""
    network = TopNetwork(copy.deepcopy(above), p, n_classes)
    # Batch norms, where a backbone has any, keep the statistics of millions of images.
    network.eval().requires_grad_(True).to(device).to(memory_format=torch.channels_last)
    first = np.arange(min(len(inner), _BATCH))
    with torch.no_grad(), mixed_precision(device):
        norms = network(inner.take(first, 0).to(device))[1].norm(dim=1)
    network.scale.fill_(max(float(norms.mean()), 1e-12))
    return network


def half_precision(device: torch.device) -> torch.dtype | None:
    """What products are computed in; None for float32 throughout."""
    if has_bfloat16(device):
        return torch.bfloat16
    return torch.float16 if device.type == "cuda" else None


def mixed_precision(device: torch.device) -> torch.autocast:
    """Automatic mixed precision where the device gains by it."""
    kind = half_precision(device)
    return torch.autocast(device.type, dtype=kind or torch.bfloat16, enabled=kind is not None)


@torch.no_grad()
def move_average(average: nn.Module, network: nn.Module, keep: float) -> None:
    """``average ← keep · average + (1 − keep) · network``, of every parameter."""
    for held, new in zip(average.parameters(), network.parameters(), strict=True):
        held.lerp_(new, 1 - keep)


def readings(
    network: TopNetwork, inner: InnerMaps, view: int, device: torch.device
) -> Iterator[tuple[slice, NDArray[np.float32], NDArray[np.float32]]]:
    """Rows, probabilities and features of all images in one view, batch by batch."""
    for start in range(0, len(inner), _BATCH):
        rows = np.arange(start, min(start + _BATCH, len(inner)))
        with torch.inference_mode(), mixed_precision(device):
            scores, features = network(inner.take(rows, view).to(device))
        yield (
            slice(rows[0], rows[-1] + 1),
            scores.float().softmax(dim=1).cpu().numpy(),
            (features * network.scale).cpu().numpy(),
        )
