"""The last blocks of a backbone, trained end to end with AIR on the top layer."""

from __future__ import annotations

from air_core.refining.config import RefineConfig
from air_core.refining.refinery import Refined, refine
from air_core.refining.targets import Known

__all__ = ["Known", "RefineConfig", "Refined", "refine"]
