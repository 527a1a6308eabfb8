"""Models fitted on a workspace's features, each kept as a run."""

from __future__ import annotations

from air_core.fitting.air import fit, refit
from air_core.fitting.path import fit_path
from air_core.fitting.stored import Model, current_features, latest_fit
from air_core.fitting.svm import fit_svm

__all__ = ["Model", "current_features", "fit", "fit_path", "fit_svm", "latest_fit", "refit"]
