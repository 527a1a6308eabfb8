"""Backbones of timm and open_clip, which are installed with the extras of those names."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import nn

from air_core.errors import FeatureError
from air_core.features.backbones import BackboneSpec, StateDict


def library(name: str, extra: str) -> Any:
    """Import an optional library.

    Raises
    ------
    FeatureError
        If it is not installed; the hint names the extra that brings it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise FeatureError(
            f"Expected the library {name} for this, it is not installed.",
            hint=f"Install it with: pip install 'air-audit[{extra}]'",
        ) from error


def of_timm(name: str) -> BackboneSpec:
    """A network of timm by the name that timm gives it.

    Raises
    ------
    FeatureError
        If timm is missing or has no such network.
    """
    timm = library("timm", "timm")
    if not timm.is_model(name):
        raise FeatureError(
            f"Expected a network that timm has, got {name!r}.",
            hint="timm.list_models('*resnet*') lists those with that in their name.",
        )
    with torch.device("meta"):  # shapes only
        outline = timm.create_model(name, pretrained=False, num_classes=0)
    config = timm.data.resolve_model_data_config(outline)

    def assemble(state: StateDict) -> nn.Module:
        network = timm.create_model(name, pretrained=False, num_classes=0)
        head = outline.default_cfg.get("classifier") or ()
        heads = (head,) if isinstance(head, str) else tuple(head)
        _load(network, state, lambda key: key.startswith(tuple(f"{part}." for part in heads)))
        return cast(nn.Module, network)

    def published() -> StateDict:
        return cast(StateDict, timm.create_model(name, pretrained=True).state_dict())

    return BackboneSpec(
        name=f"timm:{name}",
        title=f"{name} (timm)",
        dim=int(getattr(outline, "head_hidden_size", None) or outline.num_features),
        input_size=int(config["input_size"][-1]),
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
        assemble=assemble,
        default_weights=published,
    )


def of_open_clip(name: str) -> BackboneSpec:
    """The image tower of a CLIP model, as ``MODEL/TAG``; the tag names published weights.

    Raises
    ------
    FeatureError
        If open_clip is missing or has no such model.
    """
    open_clip = library("open_clip", "open-clip")
    model, _, tag = name.partition("/")
    config = open_clip.get_model_config(model)
    if config is None:
        raise FeatureError(
            f"Expected a model that open_clip has, got {model!r}.",
            hint="open_clip.list_models() lists them; write MODEL/TAG.",
        )
    preprocessing = open_clip.get_pretrained_cfg(model, tag) if tag else {}

    def tower() -> Any:
        return open_clip.create_model(model, pretrained=None).visual

    def assemble(state: StateDict) -> nn.Module:
        network = tower()
        inside = {
            key.removeprefix("visual."): value
            for key, value in state.items()
            if key.startswith("visual.")
        }
        network.load_state_dict(inside or state)
        return cast(nn.Module, network)

    def published() -> StateDict:
        if not tag:
            raise FeatureError(
                f"Expected open_clip:{model}/TAG with the name of published weights, got no tag.",
                hint=f"open_clip.list_pretrained_tags_by_model({model!r}) lists them; or pass "
                "--weights FILE.",
            )
        return cast(StateDict, open_clip.create_model(model, pretrained=tag).state_dict())

    size = config["vision_cfg"].get("image_size", 224)
    return BackboneSpec(
        name=f"open_clip:{name}",
        title=f"{model} (open_clip)",
        dim=int(config["embed_dim"]),
        input_size=int(size if isinstance(size, int) else size[0]),
        mean=tuple(preprocessing.get("mean") or open_clip.OPENAI_DATASET_MEAN),
        std=tuple(preprocessing.get("std") or open_clip.OPENAI_DATASET_STD),
        assemble=assemble,
        default_weights=published,
    )


def _load(network: Any, state: StateDict, of_head: Callable[[str], bool]) -> None:
    """Load weights, passing over those of the classifier that was left out."""
    kept = {key: value for key, value in state.items() if not of_head(key)}
    network.load_state_dict(kept)
