"""What options of the commands may be."""

from __future__ import annotations

from enum import StrEnum


class Precision(StrEnum):
    """What a network computes in."""

    float32 = "float32"
    bfloat16 = "bfloat16"
    float16 = "float16"


class Stored(StrEnum):
    """What features are kept in."""

    float32 = "float32"
    float16 = "float16"


class Engine(StrEnum):
    """Who computes features."""

    local = "local"
    ray = "ray"


class Solver(StrEnum):
    """How the AIR objective is minimised."""

    sadmm = "sadmm"
    exact = "exact"
