"""Everything that ranks labels, behind one interface: arrays in, a :class:`Detection` out."""

from __future__ import annotations

from air_core.detectors.detection import Detection, Fits
from air_core.detectors.registry import DETECTORS, Detector, detect, find_detector

__all__ = ["DETECTORS", "Detection", "Detector", "Fits", "detect", "find_detector"]
