"""Images to feature arrays: backbones, extraction and the content-keyed cache.

What needs torch is imported when it is first asked for: reading features needs none of it, and an
interface that only reads is seconds sooner there.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from air_core.features.cache import FeatureCache, Features

if TYPE_CHECKING:
    from air_core.features.backbones import BACKBONES, DEFAULT_BACKBONE, BackboneSpec
    from air_core.features.devices import accelerator_name, resolve_device
    from air_core.features.extract import extract_features
    from air_core.features.network import Network
    from air_core.features.registry import get_backbone

__all__ = [
    "BACKBONES",
    "DEFAULT_BACKBONE",
    "BackboneSpec",
    "FeatureCache",
    "Features",
    "Network",
    "accelerator_name",
    "extract_features",
    "get_backbone",
    "resolve_device",
]

_MODULES = {
    "BACKBONES": "backbones",
    "DEFAULT_BACKBONE": "backbones",
    "BackboneSpec": "backbones",
    "Network": "network",
    "accelerator_name": "devices",
    "extract_features": "extract",
    "get_backbone": "registry",
    "resolve_device": "devices",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
