"""Writing cleaned labels to disk without ever touching the source."""

from __future__ import annotations

from air_core.export.earlier import EarlierExports
from air_core.export.exporter import Choice, Exporter
from air_core.export.labels import labels_in_force
from air_core.export.steps import ExportSummary
from air_core.export.targets import not_written, write_file

__all__ = [
    "Choice",
    "EarlierExports",
    "ExportSummary",
    "Exporter",
    "labels_in_force",
    "not_written",
    "write_file",
]
