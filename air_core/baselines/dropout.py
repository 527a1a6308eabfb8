"""Dropout whose masks are cheap to draw on a CPU."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn


class ByteDropout(nn.Module):
    """Dropout with a rate of whole 1/256, of arrays on the CPU.

    PyTorch draws each mask one Bernoulli variable at a time: 4.9 of the 22 s that the consensus's
    heads took on 10,000 images, one thread. By bytes it is 1.3 s.

    Parameters
    ----------
    rate : float
        Share of inputs that are set to zero, 0 ≤ rate < 1, rounded to 1/256.
    rng : Generator
        Draws the masks.
    """

    def __init__(self, rate: float, rng: np.random.Generator) -> None:
        super().__init__()
        self.least = min(round(256 * rate), 255)
        self.rng = rng

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``x`` while it is evaluated; while it trains, ``x`` with some zeros, the rest larger."""
        if not self.training or not self.least:
            return x
        drawn = np.frombuffer(self.rng.bytes(x.numel()), dtype=np.uint8).reshape(x.shape)
        kept = np.multiply(drawn >= self.least, 256 / (256 - self.least), dtype=np.float32)
        return x * torch.from_numpy(kept)
