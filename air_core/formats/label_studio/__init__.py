"""Label Studio's exports: JSON, JSON-MIN and CSV, and the labelling configuration with them."""

from __future__ import annotations

from air_core.formats.label_studio.minimal import LabelStudioMin
from air_core.formats.label_studio.table import LabelStudioCsv
from air_core.formats.label_studio.tasks import LabelStudioJson

__all__ = ["LabelStudioCsv", "LabelStudioJson", "LabelStudioMin"]
