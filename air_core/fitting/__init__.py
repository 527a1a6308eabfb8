"""Models fitted on a workspace's features, each kept as a run."""

from __future__ import annotations

from air_core.fitting.air import fit, refit
from air_core.fitting.detected import (
    Corrections,
    corrections_of,
    fit_detector,
    rank_fit,
    run_name,
)
from air_core.fitting.left_out import fit_left_out
from air_core.fitting.live import (
    Opinion,
    Refiner,
    can_refine,
    entered_left,
    rank_opinion,
    read_path,
)
from air_core.fitting.path import expected_seconds, fit_path
from air_core.fitting.path_run import PathRun, path_settings, stored_path
from air_core.fitting.refined import refine_features
from air_core.fitting.stored import (
    Model,
    current_features,
    latest_fit,
    make_features_current,
    refined_features,
)
from air_core.fitting.svm import fit_svm
from air_core.fitting.together import fit_together, under_torchrun

__all__ = [
    "Corrections",
    "Model",
    "Opinion",
    "PathRun",
    "Refiner",
    "can_refine",
    "corrections_of",
    "current_features",
    "entered_left",
    "expected_seconds",
    "fit",
    "fit_detector",
    "fit_left_out",
    "fit_path",
    "fit_svm",
    "fit_together",
    "latest_fit",
    "make_features_current",
    "path_settings",
    "rank_fit",
    "rank_opinion",
    "read_path",
    "refine_features",
    "refined_features",
    "refit",
    "run_name",
    "stored_path",
    "under_torchrun",
]
