"""A backbone ready to compute: on its device, in its precision, with its preprocessing."""

from __future__ import annotations

from functools import cached_property
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from air_core.errors import FeatureError
from air_core.features.backbones import BackboneSpec

Precision = Literal["float32", "bfloat16", "float16"]


def resize(image: Image.Image, spec: BackboneSpec) -> NDArray[np.uint8]:
    """Resize an RGB image to the backbone's square input, shape (s, s, 3)."""
    return np.asarray(image.resize((spec.input_size, spec.input_size), Image.Resampling.BICUBIC))


def prepare(image: Image.Image, spec: BackboneSpec) -> NDArray[np.uint8]:
    """Resize an RGB image to the backbone's square input, channels first.

    Returns
    -------
    ndarray of shape (3, s, s), dtype uint8
    """
    return np.ascontiguousarray(resize(image, spec).transpose(2, 0, 1))


def normalise(batch: torch.Tensor, spec: BackboneSpec) -> torch.Tensor:
    """A uint8 batch (b, 3, s, s) as the backbone takes it, float32 with channels last."""
    mean = torch.tensor(spec.mean, device=batch.device).view(1, 3, 1, 1)
    std = torch.tensor(spec.std, device=batch.device).view(1, 3, 1, 1)
    images = batch.float().div_(255).sub_(mean).div_(std)
    return images.contiguous(memory_format=torch.channels_last)


def forward(module: nn.Module, batch: torch.Tensor, spec: BackboneSpec) -> torch.Tensor:
    """Normalise a uint8 batch and compute its features.

    Parameters
    ----------
    module : torch.nn.Module
        On the device of ``batch``, of any floating dtype.
    batch : Tensor of shape (b, 3, s, s), dtype uint8
    spec : BackboneSpec

    Returns
    -------
    Tensor of shape (b, p), dtype float32
    """
    dtype = next((weight.dtype for weight in module.parameters()), torch.float32)
    with torch.inference_mode():
        features: torch.Tensor = module(normalise(batch, spec).to(dtype))
    return features.float()


class Network:
    """A backbone on a device; safe to use from several threads.

    Parameters
    ----------
    spec : BackboneSpec
    module : torch.nn.Module
        As :meth:`BackboneSpec.build` gives it.
    device : torch.device
    precision : {"float32", "bfloat16", "float16"}
        What is computed in. With EfficientNet-Lite0 half precision moves a row by up to 5 % of
        its length, and its features are not those of float32 any more.

    Raises
    ------
    FeatureError
        For another precision.
    """

    def __init__(
        self,
        spec: BackboneSpec,
        module: nn.Module,
        device: torch.device,
        precision: Precision = "float32",
    ) -> None:
        if precision not in get_args(Precision):
            raise FeatureError(
                f"Expected a precision among {', '.join(get_args(Precision))}, got {precision!r}."
            )
        self.spec = spec
        self.device = device
        self.precision = precision
        self.module = module.to(device).to(memory_format=torch.channels_last)
        if precision != "float32":
            self.module = self.module.to(getattr(torch, precision))

    def rows(self, pixels: NDArray[np.uint8], *, pad_to: int = 1) -> NDArray[np.float32]:
        """Features of decoded images.

        Parameters
        ----------
        pixels : ndarray of shape (b, s, s, 3), dtype uint8
        pad_to : int
            Compute this many at least. The algorithm is chosen by the size of a batch, and
            another one adds in another order: padded, an image has the same features, to the last
            bit, whichever batch it comes in.

        Returns
        -------
        ndarray of shape (b, p), dtype float32

        Raises
        ------
        FeatureError
            If a single image is too much for the device's memory.
        """
        if not len(pixels):
            return np.empty((0, self.spec.dim), dtype=np.float32)
        count = len(pixels)
        if count < pad_to:
            pixels = np.concatenate(
                [pixels, np.zeros((pad_to - count, *pixels.shape[1:]), np.uint8)]
            )
        try:
            # Channels last is how they already lie in memory.
            batch = torch.from_numpy(pixels).to(self.device, non_blocking=True)
            found: NDArray[np.float32] = (
                forward(self.module, batch.permute(0, 3, 1, 2), self.spec).cpu().numpy()
            )
        except torch.OutOfMemoryError as error:
            if len(pixels) == 1:
                raise FeatureError(
                    f"Expected memory for one image on {self.device}, there is not enough.",
                    hint="Free some, or use --device cpu.",
                ) from error
            half = len(pixels) // 2
            parts = [self.rows(pixels[:half]), self.rows(pixels[half:])]
            return np.concatenate(parts)[:count]
        return found[:count]

    def image_bytes(self) -> int:
        """Memory that one image takes on its way through, about."""
        return self._image_bytes

    @cached_property
    def _image_bytes(self) -> int:
        largest = 0

        def look(module: nn.Module, inputs: object, output: object) -> None:
            nonlocal largest
            if isinstance(output, torch.Tensor):
                largest = max(largest, output.numel() * output.element_size())

        hooks = [
            part.register_forward_hook(look)
            for part in self.module.modules()
            if not list(part.children())
        ]
        try:
            side = self.spec.input_size
            self.rows(np.zeros((1, side, side, 3), dtype=np.uint8))
        finally:
            for hook in hooks:
                hook.remove()
        # What a layer reads, what it writes, and a shortcut around it.
        return 3 * max(largest, 4 * 3 * side * side)
