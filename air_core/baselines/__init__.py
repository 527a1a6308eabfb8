"""What a curator would have used instead, on the same features."""

from air_core.baselines.ridge import RidgeResult, ridge_left_out
from air_core.baselines.svm import SVMResult, linear_svm

__all__ = ["RidgeResult", "SVMResult", "linear_svm", "ridge_left_out"]
