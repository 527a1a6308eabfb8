"""Why an image is flagged: neighbours, activations, curves, detectors.

Pure functions over arrays and records; :func:`explain` gathers everything. Which regions of the
image feed a class is :mod:`air_core.features.regions`.
"""

from __future__ import annotations

from air_core.evidence.explain import NEIGHBOURS, class_evidence, explain
from air_core.evidence.neighbours import CosineIndex, NearestIndex
from air_core.evidence.records import (
    ClassEvidence,
    Curve,
    Evidence,
    Neighbour,
    Opinion,
    TopLayer,
)
from air_core.evidence.words import Phrase, summary

__all__ = [
    "NEIGHBOURS",
    "ClassEvidence",
    "CosineIndex",
    "Curve",
    "Evidence",
    "NearestIndex",
    "Neighbour",
    "Opinion",
    "Phrase",
    "TopLayer",
    "class_evidence",
    "explain",
    "summary",
]
