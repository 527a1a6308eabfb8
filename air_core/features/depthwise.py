"""Depthwise convolutions of small maps as one matrix product a channel.

A depthwise convolution of an h × w map is linear, so in each channel it is a matrix of hw rows and
h'w' columns. On a CPU, gradients of the convolution itself are slow, above all in bfloat16, where
they take most of a training step; the matrix products take a tenth of that. They hold hw·h'w'
numbers a channel, so large maps keep the convolution.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

LARGEST = 2_560
"""Most numbers of a channel's matrix: 10 × 10 to 5 × 5."""


class MatrixDepthwise(nn.Module):
    """A depthwise convolution that multiplies matrices where maps are small, on a CPU.

    Parameters
    ----------
    conv : torch.nn.Conv2d
        Depthwise, one output channel each; its parameters are shared.
    """

    def __init__(self, conv: Any) -> None:
        super().__init__()
        self.conv = conv
        self._maps: dict[tuple[int, int], tuple[torch.Tensor, int, int]] = {}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve ``(b, k, h, w)``."""
        b, k, h, w = x.shape
        if x.device.type != "cpu" or not torch.is_grad_enabled() or (h * w) ** 2 > 16 * LARGEST:
            result: torch.Tensor = self.conv(x)
            return result
        taps, high, wide = self._taps(h, w)
        if h * w * high * wide > LARGEST:
            return self.conv(x)  # type: ignore[no-any-return]
        matrices = (self.conv.weight.view(k, -1) @ taps).view(k, h * w, high * wide)
        y = torch.bmm(x.permute(1, 0, 2, 3).reshape(k, b, h * w), matrices)
        y = y.view(k, b, high, wide).permute(1, 0, 2, 3)
        if self.conv.bias is not None:
            y = y + self.conv.bias.view(1, -1, 1, 1).to(y.dtype)
        return y.contiguous(memory_format=torch.channels_last)

    def _taps(self, h: int, w: int) -> tuple[torch.Tensor, int, int]:
        """Which entries of a channel's matrix each weight of its kernel is, ``(kk, hw·h'w')``."""
        if (h, w) not in self._maps:
            high, wide = self.conv.kernel_size
            kernels = torch.eye(high * wide).view(high * wide, 1, high, wide)
            pixels = torch.eye(h * w).view(h * w, 1, h, w)
            pad = getattr(self.conv, "static_padding", None)
            with torch.no_grad(), torch.autocast("cpu", enabled=False):
                shown = functional.conv2d(
                    pixels if pad is None else pad(pixels),
                    kernels,
                    stride=self.conv.stride,
                    padding=self.conv.padding,
                    dilation=self.conv.dilation,
                )
            matrix = shown.permute(1, 0, 2, 3).reshape(len(kernels), -1)
            self._maps[(h, w)] = (matrix, shown.shape[2], shown.shape[3])
        return self._maps[(h, w)]


def with_matrix_products(module: nn.Module) -> nn.Module:
    """Wrap every depthwise convolution inside a module; its values stay what they are."""
    for parent in list(module.modules()):
        if isinstance(parent, MatrixDepthwise):
            continue
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Conv2d) and _depthwise(child):
                setattr(parent, name, MatrixDepthwise(child))
    return module


def _depthwise(conv: nn.Conv2d) -> bool:
    return (
        conv.groups > 1
        and conv.groups == conv.in_channels == conv.out_channels
        and conv.padding_mode == "zeros"
        and not isinstance(conv.padding, str)
    )
