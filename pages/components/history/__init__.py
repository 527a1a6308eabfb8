"""The parts of the History page: the trail, agreement, conflicts, progress."""

from pages.components.history.agreement import agreement
from pages.components.history.conflicts import conflicts
from pages.components.history.log import trail
from pages.components.history.progress import progress

__all__ = ["agreement", "conflicts", "progress", "trail"]
