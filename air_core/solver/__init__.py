"""Auxiliary Image Regularization: the paper's penalty, its objective and its solvers."""

from air_core.solver.classifier import AIRClassifier
from air_core.solver.config import SolverConfig, SolverResult
from air_core.solver.continuation import PathRefiner, air_path
from air_core.solver.exact import exact, lambda_max
from air_core.solver.lambda_choice import LAMBDAS_1, tune_lambda
from air_core.solver.multilabel import AIRMultilabelClassifier
from air_core.solver.path import LambdaPath, PathPoint, changes
from air_core.solver.regularizer import AuxiliaryImageRegularizer
from air_core.solver.sadmm import sadmm
from air_core.solver.strength import adapt
from air_core.solver.tuning import paper_grid, tune
from air_core.solver.validation import NegativeFeaturesWarning

__all__ = [
    "LAMBDAS_1",
    "AIRClassifier",
    "AIRMultilabelClassifier",
    "AuxiliaryImageRegularizer",
    "LambdaPath",
    "NegativeFeaturesWarning",
    "PathPoint",
    "PathRefiner",
    "SolverConfig",
    "SolverResult",
    "adapt",
    "air_path",
    "changes",
    "exact",
    "lambda_max",
    "paper_grid",
    "sadmm",
    "tune",
    "tune_lambda",
]
