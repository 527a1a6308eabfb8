"""What is known of a dataset besides its ranking: noise by class, copies, odd images."""

from __future__ import annotations

from air_core.facts.copies import Copies, copies, stored_copies
from air_core.facts.noise import (
    ClassNoise,
    NoiseFacts,
    noise,
    noise_applies,
    noise_facts,
    stored_noise,
)

__all__ = [
    "ClassNoise",
    "Copies",
    "NoiseFacts",
    "copies",
    "noise",
    "noise_applies",
    "noise_facts",
    "stored_copies",
    "stored_noise",
]
