"""Auxiliary Image Regularization: the paper's penalty, its objective and its solvers."""

from air_core.solver.config import SolverConfig, SolverResult
from air_core.solver.sadmm import sadmm

__all__ = ["SolverConfig", "SolverResult", "sadmm"]
