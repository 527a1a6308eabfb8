"""What a curator would have used instead, on the same features."""

from air_core.baselines.svm import SVMResult, linear_svm

__all__ = ["SVMResult", "linear_svm"]
