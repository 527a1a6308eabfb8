"""AIR Audit: find and fix wrong image labels with Auxiliary Image Regularization.

Importing this package is cheap: torch, UMAP and the database are loaded when first needed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from air_core.dataset import Dataset
    from air_core.errors import AirError
    from air_core.labels import Decision, LabelEvent
    from air_core.pipeline import audit, extract, fit, fit_svm, open_source, project, rank
    from air_core.ranking import Ranking
    from air_core.workspace import Workspace

_HOMES = {
    "AirError": "air_core.errors",
    "Dataset": "air_core.dataset",
    "Decision": "air_core.labels",
    "LabelEvent": "air_core.labels",
    "Ranking": "air_core.ranking",
    "Workspace": "air_core.workspace",
    "audit": "air_core.pipeline",
    "extract": "air_core.pipeline",
    "fit": "air_core.pipeline",
    "fit_svm": "air_core.pipeline",
    "open_source": "air_core.pipeline",
    "project": "air_core.pipeline",
    "rank": "air_core.pipeline",
}

__all__ = [
    "AirError",
    "Dataset",
    "Decision",
    "LabelEvent",
    "Ranking",
    "Workspace",
    "audit",
    "extract",
    "fit",
    "fit_svm",
    "open_source",
    "project",
    "rank",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'air_core' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
