"""Wrong labels by class: how many there are, and how benchmarks make them."""

from __future__ import annotations

from air_core.noise.confident import confident_joint
from air_core.noise.estimate import METHOD, NoiseEstimate, estimate_noise
from air_core.noise.flips import flip, pairwise, random_confusions, symmetric

__all__ = [
    "METHOD", "NoiseEstimate", "confident_joint", "estimate_noise", "flip", "pairwise",
    "random_confusions", "symmetric",
]  # fmt: skip
