"""Images to feature arrays: backbones, extraction and the content-keyed cache."""

from air_core.features.backbones import BACKBONES, DEFAULT_BACKBONE, BackboneSpec, get_backbone
from air_core.features.cache import FeatureCache, Features
from air_core.features.extract import extract_features, resolve_device

__all__ = [
    "BACKBONES",
    "DEFAULT_BACKBONE",
    "BackboneSpec",
    "FeatureCache",
    "Features",
    "extract_features",
    "get_backbone",
    "resolve_device",
]
