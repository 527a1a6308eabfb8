"""The views of the compare page, each of two detectors side by side."""

from pages.components.comparison.activations import activations
from pages.components.comparison.agreement import agreement
from pages.components.comparison.confusion import confusion
from pages.components.comparison.curves import curves
from pages.components.comparison.ranked import ranked_grids
from pages.components.comparison.side import Side

__all__ = ["Side", "activations", "agreement", "confusion", "curves", "ranked_grids"]
