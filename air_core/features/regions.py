"""Which regions of an image feed the score of a class.

A backbone ends in maps ``A_k(h, w)`` from which its features x are made; :attr:`BackboneSpec.maps`
names them. With our last-layer weights w_c the share of place (h, w) in the score of class c is

    R_c(h, w) = H W Σ_k A_k(h, w) · ∂(x · w_c) / ∂A_k(h, w)

(activation times gradient, known as HiResCAM). Where x is the mean of the maps, as in
EfficientNet-Lite and ResNet, this is the class activation map ``Σ_k w_{k,c} A_k(h, w)`` itself, and
its mean plus the bias is the score exactly. AlexNet's fc7 comes after two rectified layers: there R
is the local, linear share.

The whole image is resized to the network's input and nothing is cropped, so stretching the map over
the image puts every value where it belongs.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from air_core.errors import FeatureError
from air_core.features.backbones import BackboneSpec
from air_core.features.network import normalise, prepare

REMEMBERED = 64
"""Images whose maps are kept: 0.25 MB each for EfficientNet-Lite0."""

# On the same machine the two agree to 1e-6; a GPU's half-sized floats cost up to 1e-2.
_TOLERANCE = 0.02


class RegionMaps:
    """Region maps of one backbone's images; safe to use from several threads.

    Parameters
    ----------
    spec : BackboneSpec
        With :attr:`BackboneSpec.maps`.
    weights : Path, optional
        A local state dict instead of the published weights.

    Raises
    ------
    FeatureError
        If the backbone has no maps, or its weights cannot be had.
    """

    def __init__(self, spec: BackboneSpec, weights: Path | None = None) -> None:
        if spec.maps is None:
            raise FeatureError(f"{spec.title} keeps no maps of the image to draw regions from.")
        self.spec = spec
        module, _ = spec.build(weights)
        self._module = module.to(memory_format=torch.channels_last)
        self._module.get_submodule(spec.maps).register_forward_hook(self._catch)
        self._caught: torch.Tensor | None = None
        self._lock = threading.Lock()
        self._known: OrderedDict[str, tuple[torch.Tensor, torch.Tensor]] = OrderedDict()

    def of_class(
        self,
        key: str,
        load: Callable[[], Image.Image],
        features: NDArray[np.floating[Any]],
        weights: NDArray[np.floating[Any]],
    ) -> NDArray[np.float32]:
        """Where in an image the score of one or several classes comes from.

        Parameters
        ----------
        key : str
            Names the image's content; what was computed for it is kept.
        load : callable
            Decodes the image to RGB; called if the key is not known.
        features : ndarray of shape (p,)
            The stored features of the image, to see that these are the same weights and the same
            picture.
        weights : ndarray of shape (p, C)
            Last-layer weights of each class, for the features as extracted.

        Returns
        -------
        ndarray of shape (C, h, w), dtype float32
            Above 0 where a region speaks for the class, below 0 where it speaks against.

        Raises
        ------
        FeatureError
            If the features are not those of this picture under these weights.
        SourceError
            If the picture cannot be read any more.
        """
        with self._lock:
            known = self._known.get(key)
        if known is None:
            # Decoding may take a while; others need not wait for that.
            batch = torch.from_numpy(prepare(load(), self.spec)[None])
        with self._lock:
            if known is None:
                known = self._forward(batch, features)
            self._known[key] = known
            self._known.move_to_end(key)
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
            columns = torch.from_numpy(np.asarray(weights, dtype=np.float32).T.copy())
            return np.stack([_share(*known, column) for column in columns])

    def _forward(
        self, batch: torch.Tensor, features: NDArray[np.floating[Any]]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.enable_grad():
            x: torch.Tensor = self._module(normalise(batch, self.spec))
        maps, self._caught = self._caught, None
        assert maps is not None
        stored = np.asarray(features, dtype=np.float32)
        difference = np.linalg.norm(x.detach().numpy()[0] - stored)
        if not difference <= _TOLERANCE * max(float(np.linalg.norm(stored)), 1e-6):
            raise FeatureError(
                "The features of this image are not those of the picture as it is now under the "
                f"published weights of {self.spec.title}.",
                hint="If the picture has changed, open the source again and extract; features of "
                "your own weights have no region map.",
            )
        return maps, x

    def _catch(
        self, module: nn.Module, inputs: tuple[Any, ...], output: torch.Tensor
    ) -> torch.Tensor:
        # Gradients are wanted from here on, not of the network before it.
        self._caught = output.detach().requires_grad_()
        return self._caught


def _share(maps: torch.Tensor, x: torch.Tensor, column: torch.Tensor) -> NDArray[np.float32]:
    (gradient,) = torch.autograd.grad(x, maps, column[None], retain_graph=True)
    share = (maps.detach() * gradient).sum(dim=1)[0] * (maps.shape[2] * maps.shape[3])
    result: NDArray[np.float32] = share.numpy()
    return result
