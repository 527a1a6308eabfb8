"""When to stop: errors found so far, and errors left with an interval."""

from air_core.stopping.intervals import errors_interval, tail_rate
from air_core.stopping.progress import BLOCK, ErrorsLeft, Progress, review_progress

__all__ = [
    "BLOCK",
    "ErrorsLeft",
    "Progress",
    "errors_interval",
    "review_progress",
    "tail_rate",
]
