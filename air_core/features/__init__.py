"""Images to feature arrays: backbones, extraction and the content-keyed cache."""

from air_core.features.backbones import BACKBONES, DEFAULT_BACKBONE, BackboneSpec
from air_core.features.cache import FeatureCache, Features
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
