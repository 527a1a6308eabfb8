"""Features to a map of two dimensions, by t-SNE or UMAP, and the maps that were kept."""

from air_core.projection.layout import project
from air_core.projection.process import project_apart
from air_core.projection.settings import METHODS, MapSettings, Method
from air_core.projection.store import (
    StoredMap,
    kept_maps,
    load_map,
    map_name,
    remove_map,
    save_map,
)

__all__ = [
    "METHODS",
    "MapSettings",
    "Method",
    "StoredMap",
    "kept_maps",
    "load_map",
    "map_name",
    "project",
    "project_apart",
    "remove_map",
    "save_map",
]
