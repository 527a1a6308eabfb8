"""More networks of torchvision, each cut where its classifier begins.

Transformers and ConvNeXt end in a layer norm, so that their features have both signs. AIR reads
``‖x ∘ w‖``, which ignores signs: the solver says so when it is given them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import nn

from air_core.features.backbones import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    BackboneSpec,
    StateDict,
    torchvision_weights,
)


class _Cut(NamedTuple):
    """A network of torchvision: how its classifier is taken off, and what is left."""

    title: str
    model: str
    weights: str
    member: str
    dim: int
    behead: Callable[[Any], None]
    maps: str | None = None


def _without(name: str) -> Callable[[Any], None]:
    def behead(network: Any) -> None:
        setattr(network, name, nn.Identity())

    return behead


def _upto(count: int) -> Callable[[Any], None]:
    def behead(network: Any) -> None:
        network.classifier = network.classifier[:count]

    return behead


_V1 = "IMAGENET1K_V1"
_CUTS = {
    # classifier = dropout, fc6, ReLU, dropout, fc7, ReLU, fc8.
    "alexnet-fc6": _Cut(
        "AlexNet fc6", "alexnet", "AlexNet_Weights", _V1, 4096, _upto(3), "features"
    ),
    "resnet18": _Cut(
        "ResNet-18", "resnet18", "ResNet18_Weights", _V1, 512, _without("fc"), "layer4"
    ),
    # classifier = layer norm, flatten, linear.
    "convnext-tiny": _Cut(
        "ConvNeXt-T", "convnext_tiny", "ConvNeXt_Tiny_Weights", _V1, 768, _upto(2)
    ),
    "vit-b-16": _Cut("ViT-B/16", "vit_b_16", "ViT_B_16_Weights", _V1, 768, _without("heads")),
    "swin-t": _Cut("Swin-T", "swin_t", "Swin_T_Weights", _V1, 768, _without("head")),
}


def _assemble(cut: _Cut) -> Callable[[StateDict], nn.Module]:
    def assemble(state: StateDict) -> nn.Module:
        from torchvision import models

        network: nn.Module = getattr(models, cut.model)()
        network.load_state_dict(state)
        cut.behead(network)
        return network

    return assemble


TORCHVISION: dict[str, BackboneSpec] = {
    name: BackboneSpec(
        name=name,
        title=cut.title,
        dim=cut.dim,
        input_size=224,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        assemble=_assemble(cut),
        default_weights=torchvision_weights(cut.weights, cut.member),
        maps=cut.maps,
    )
    for name, cut in _CUTS.items()
}
