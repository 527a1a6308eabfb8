"""A backbone in two parts: blocks that stay as they are, and blocks that can be trained.

What the first part puts out never changes, so it is computed once (:mod:`air_core.features.inner`)
and only the second part is run again and again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from air_core.errors import FeatureError
from air_core.features.backbones import BACKBONES, BackboneSpec
from air_core.features.depthwise import with_matrix_products

Size = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class CutBackbone:
    """The two parts of a backbone.

    Parameters
    ----------
    spec : BackboneSpec
    below : torch.nn.Module
        Images ``(b, 3, s, s)`` to inner maps ``(b, k, h, w)``.
    above : torch.nn.Module
        Inner maps to features ``(b, p)``; the parts in a row are the backbone.
    input_size : int
        Side s of the images, in pixels.
    shape : tuple of 3 int
        (k, h, w) of the inner maps.
    weights_digest : str
    """

    spec: BackboneSpec
    below: nn.Module
    above: nn.Module
    input_size: int
    shape: Size
    weights_digest: str

    def fingerprint(self) -> str:
        """Digest of weights and preprocessing."""
        text = f"{self.weights_digest} {self.input_size} {self.spec.mean} {self.spec.std}"
        return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def cut_backbone(
    spec: BackboneSpec, *, weights: Path | None = None, input_size: int | None = None
) -> CutBackbone:
    """Build a backbone and cut it.

    Parameters
    ----------
    spec : BackboneSpec
    weights : Path, optional
        A local state dict instead of the published weights.
    input_size : int, optional
        Another side of the images than the backbone's own.

    Raises
    ------
    FeatureError
        If the backbone has no place to cut.
    """
    if spec.cut is None:
        able = ", ".join(name for name, one in BACKBONES.items() if one.cut is not None)
        raise FeatureError(
            f"Expected a backbone that can be trained from an inner layer on, got {spec.title}.",
            hint=f"Extract with one of {able} first.",
        )
    module, digest = spec.build(weights)
    below, above = spec.cut(module)
    size = input_size or spec.input_size
    with torch.inference_mode():
        maps = below(torch.zeros(1, 3, size, size))
    return CutBackbone(
        spec=spec,
        below=below.eval(),
        above=with_matrix_products(above.eval()),
        input_size=size,
        shape=(maps.shape[1], maps.shape[2], maps.shape[3]),
        weights_digest=digest,
    )
