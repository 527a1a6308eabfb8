"""What a curator would have used instead, on the same features."""

from air_core.baselines.neighbours import nearest, vote
from air_core.baselines.ridge import RidgeResult, ridge_left_out
from air_core.baselines.robust_logistic import RobustResult, robust_logistic
from air_core.baselines.softmax import SoftmaxResult, softmax_l2
from air_core.baselines.svm import SVMResult, linear_svm

__all__ = [
    "RidgeResult",
    "RobustResult",
    "SVMResult",
    "SoftmaxResult",
    "linear_svm",
    "nearest",
    "ridge_left_out",
    "robust_logistic",
    "softmax_l2",
    "vote",
]
